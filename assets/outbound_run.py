"""One load's rows within one run: asked of the warehouse, checked, compared, and left as frames."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

import pyarrow as pa

from assets.load_image import load_image
from assets.load_spec import LoadSpec
from assets.load_target import LoadTarget, load_target
from assets.outbound_frames import OutboundWriter, rows_refused, rows_to_send
from assets.outbound_plan import source_columns
from assets.outbound_rows import RowMaker, kept_batches, row_schema, split
from assets.scratch_tables import numbered
from resources.landing.frames import FramesFolder
from resources.landing.manifest import FramesManifest
from resources.landing.store import LandingStore
from resources.salesforce.client import SalesforceClient
from resources.warehouse.load_adapter import (
    HASH,
    KEY,
    DriftExample,
    LoadComparison,
    LoadDiff,
    LoadWarehouse,
    Outcome,
)

Replayed = Literal["failed", "unprocessed", "all"]


class LoadSource(LoadWarehouse, Protocol):
    """A warehouse that loads read from, which also knows its tables."""

    def table_columns(self, schema: str, name: str) -> Mapping[str, str]:
        """Column names and warehouse types; empty if there is no table."""
        ...


@dataclass(frozen=True)
class Replay:
    """Which kept rows are sent again, as they would be computed now or as they were."""

    kept: Replayed
    as_sent: bool = False

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        return ("failed", "unprocessed") if self.kept == "all" else (self.kept,)


@dataclass(frozen=True)
class Outbound:
    """What a load has to send, on disk, and how it came about."""

    manifest: FramesManifest
    target: LoadTarget
    diff: LoadDiff
    source_rows: int
    problems: tuple[str, ...]
    drift: tuple[DriftExample, ...]
    vanished_keys: tuple[str, ...]
    query: str

    @property
    def rows(self) -> int:
        return rows_to_send(self.manifest)

    @property
    def refused(self) -> int:
        return rows_refused(self.manifest)


class OutboundRows:
    """A load's rows, compared with what was accepted last; nothing is sent here.

    Args:
        query: One SELECT; see ``outbound_question``.
    """

    def __init__(
        self, spec: LoadSpec, warehouse: LoadSource, client: SalesforceClient, query: str
    ) -> None:
        self.spec, self.query = spec, query
        self._warehouse, self._client = warehouse, client
        self.problems: tuple[str, ...] = ()
        self.source_rows = 0

    def check(self) -> LoadTarget:
        """The mapping against query and org.

        Raises:
            LoadMappingError: No row can be sent as it is mapped.
        """
        with self._warehouse.query(self.query) as reader:
            names = reader.schema.names
        _, missing = source_columns(self.spec, names)
        return load_target(self._client, self.spec, missing)

    @contextmanager
    def compared(
        self, target: LoadTarget, replay: Replay | None, *, dry_run: bool = False
    ) -> Iterator[LoadComparison]:
        """The rows to send, refused ones among them, and what the others are.

        Raises:
            LoadKeyError: Rows without a key, or several of one key.
        """
        spec = self.spec
        image = load_image(spec, target.columns, self._warehouse.table_columns)
        with ExitStack() as stack:
            rows = stack.enter_context(self._rows(target, replay))
            comparison = stack.enter_context(
                self._warehouse.compare_load(
                    spec.name,
                    rows,
                    org_id=self._client.org_id,
                    order_by=spec.parent_fields,
                    send=spec.send,
                    drift=spec.drift,
                    image=image,
                    fold_keys=target.fold_keys,
                    only_kept=replay.outcomes if replay else (),
                    dry_run=dry_run,
                )
            )
            yield comparison

    def _rows(
        self, target: LoadTarget, replay: Replay | None
    ) -> AbstractContextManager[pa.RecordBatchReader]:
        return self._kept(target, replay) if replay and replay.as_sent else self._computed(target)

    @contextmanager
    def _computed(self, target: LoadTarget) -> Iterator[pa.RecordBatchReader]:
        with self._warehouse.query(self.query) as reader:
            sources, _ = source_columns(self.spec, reader.schema.names)
            maker = RowMaker(
                target.columns,
                sources,
                self.spec.key_field,
                self.spec.mapping_version,
                target.required,
            )
            rows = pa.RecordBatchReader.from_batches(
                maker.schema, (maker.rows(batch) for batch in reader)
            )
            if self.spec.key_field is None:
                with numbered(rows, KEY, HASH) as with_keys:
                    yield with_keys
            else:
                yield rows
        self.problems = tuple(maker.problems.sentences())
        self.source_rows = maker.source_rows

    @contextmanager
    def _kept(self, target: LoadTarget, replay: Replay) -> Iterator[pa.RecordBatchReader]:
        schema = row_schema(target.columns)
        with self._warehouse.kept_rows(self.spec.name, replay.outcomes) as kept:
            batches = kept_batches(iter(kept), schema, self.spec.mapping_version)
            yield pa.RecordBatchReader.from_batches(schema, batches)


def leave_outbound(
    rows: OutboundRows,
    target: LoadTarget,
    store: LandingStore,
    org_id: str,
    replay: Replay | None,
    computed_since: datetime,
    api_calls: Callable[[], int],
) -> Outbound:
    """Compare, and leave the rows to send in the landing store; the manifest is written last.

    Args:
        computed_since: When no other run was sending the load, before anything was compared.
    """
    spec = rows.spec
    with (
        rows.compared(target, replay) as comparison,
        FramesFolder(store, org_id, spec.object, load=spec.name) as folder,
    ):
        with OutboundWriter(folder) as writer:
            for batch in comparison.rows:
                good, refused = split(batch)
                writer.write("rows", good)
                writer.write("refused", refused)
        details = _details(spec, target, comparison, replay, api_calls)
        details["computed_since"] = computed_since.isoformat()
        manifest = folder.write_manifest((), details)
    return Outbound(
        manifest,
        target,
        comparison.diff,
        rows.source_rows or comparison.diff.rows,
        rows.problems,
        comparison.drift,
        comparison.vanished_keys,
        rows.query,
    )


def _details(
    spec: LoadSpec,
    target: LoadTarget,
    comparison: LoadComparison,
    replay: Replay | None,
    api_calls: Callable[[], int],
) -> dict[str, object]:
    diff = comparison.diff
    return {
        "load": spec.name,
        "object": target.describe.name,
        "operation": spec.operation,
        "external_id": spec.external_id,
        "fold_keys": target.fold_keys,
        "mapping_version": spec.mapping_version,
        "replay": replay.kept if replay else None,
        "as_sent": bool(replay and replay.as_sent),
        "unchanged": diff.unchanged,
        "in_sync": diff.in_sync,
        "drifted": diff.drifted,
        "vanished": diff.vanished,
        "api_calls": api_calls(),
    }


def examples(drift: Sequence[DriftExample]) -> list[dict[str, str | None]]:
    """Drift as plain values, for people."""
    return [
        {"key": one.key, "field": one.column, "sent": one.ours, "in_org": one.there}
        for one in drift
    ]
