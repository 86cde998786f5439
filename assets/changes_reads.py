"""Reads an object's records for its change events: those that are named, or all since a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

import pyarrow as pa

from assets.changes_spec import ChangesSpec
from assets.extract import RunIds, land
from assets.known_describe import KnownDescribe
from assets.landed import Landed, make_room, read_landed
from assets.questions import OrgFacts, Questions, questions
from assets.row_shape import RowShape
from assets.transform import drop_raw_pages, transform
from assets.warehouse_table import frames_reader, reread_by_id
from assets.windows import Window
from resources.landing.ledger import ExtractLedger
from resources.landing.manifest import ExtractManifest, FramesManifest
from resources.landing.store import LandingStore
from resources.salesforce.arrow import read_json_records
from resources.salesforce.arrow_types import widened
from resources.salesforce.client import SalesforceClient
from resources.salesforce.composite_reads_plan import RowsWanted
from resources.salesforce.errors import DigitsError
from resources.salesforce.org_clock import ReadInterval as OrgInterval
from resources.warehouse.adapter import MergeResult, ReadInterval, Reread, Warehouse
from resources.warehouse.event_adapter import AskedRecords, HistorySpec

Report = Callable[[str], None]
#: Records that the org answered, and when.
Part = tuple[Sequence[Mapping[str, Any]], OrgInterval]
DELETED_FIELD = "IsDeleted"
MODSTAMP_FIELD = "SystemModstamp"


@dataclass(frozen=True)
class Images:
    """Records as they are now, deleted ones too; for which Ids was asked; rows that live."""

    batches: tuple[pa.RecordBatch, ...]
    asked: AskedRecords | None
    rows: int


class ObjectReads:
    """Reads of one object within one run, with the fields that its sync has."""

    def __init__(
        self, spec: ChangesSpec, client: SalesforceClient, known: KnownDescribe, mask_key: str
    ) -> None:
        self._spec, self._client, self._mask_key = spec, client, mask_key
        self._known = known
        self.landed: Landed = self._questions(None).images.landed
        self.shape: RowShape = self._shaped(self.landed)

    @property
    def reread(self) -> Reread:
        """How a merge reads again what it is in doubt about."""
        return reread_by_id(self._spec.object, self.landed, self.shape, lambda: self._client)

    @property
    def history(self) -> HistorySpec | None:
        """How versions are kept: formulas by images alone, all else as events tell it."""
        name = self._spec.history_table
        if name is None:
            return None
        formulas = {field.name for field in self._known.value.fields if field.calculated}
        columns = self.shape.columns.items()
        return HistorySpec(name, {c: field for field, c in columns if field not in formulas})

    def images(self, ids: Sequence[str], deleted: frozenset[str]) -> Images:
        """Records by Id, 10,000 of them in one API call (some 3,000 with a condition).

        Deleted ones are read too, as nights read them, so that their rows end the same.

        Args:
            deleted: Those of which an event tells that; another one is found out by a call more.

        Raises:
            DescribeChangedError: The object isn't what it was known as.
        """
        if not ids:
            return Images((), None, 0)
        parts = self._parts(ids, deleted)
        batches = self._batches(parts)
        whole = reduce(OrgInterval.hull, [read for _, read in parts])
        asked = AskedRecords(ids, ReadInterval(whole.lo, whole.hi))
        live = [one for records, _ in parts for one in records if not one.get(DELETED_FIELD)]
        return Images(batches, asked, len(live))

    def _parts(self, ids: Sequence[str], deleted: frozenset[str]) -> list[Part]:
        """What the org answered, each with its time. A retrieve doesn't return what is deleted."""
        spec, fields = self._spec.object, self.landed.schema.names
        wanted = RowsWanted(spec.name, fields, ids, spec.where or "")
        if DELETED_FIELD not in fields:
            return [self._part(wanted)]
        wanted_deleted = replace(wanted, deleted_too=True)
        if wanted.needs_query:
            return [self._part(wanted_deleted)]
        live = [one for one in ids if one not in deleted]
        gone = [one for one in ids if one in deleted]
        part = self._part(replace(wanted, ids=live), replace(wanted_deleted, ids=gone))
        missing = set(live) - {record["Id"] for record in part[0]}
        if not missing:
            return [part]
        return [part, self._part(replace(wanted_deleted, ids=sorted(missing)))]

    def _part(self, *wanted: RowsWanted) -> Part:
        """Read in one call, if there is room in it."""
        question = self._known.question
        records, read = self._client.read_rows_of_many(wanted, unless_changed=question)
        self._known.answered()
        return [one for some in records for one in some], read

    def _batches(self, parts: Sequence[Part]) -> tuple[pa.RecordBatch, ...]:
        while True:
            try:
                return tuple(
                    self.shape.images(
                        read_json_records(records, self.landed.schema), read.lo, read.hi
                    )
                    for records, read in parts
                )
            except DigitsError as error:
                roomier = widened(self.landed.schema, error.column)
                if roomier is None:
                    raise
                self.landed = replace(self.landed, schema=roomier)
                self.shape = self._shaped(self.landed)

    def merge_since(
        self,
        since: datetime | None,
        store: LandingStore,
        warehouse: Warehouse,
        run: RunIds,
        report: Report,
    ) -> MergeResult:
        """Bring all records changed since a time into the table; None: all there are.

        Raises:
            DescribeChangedError: As for ``images``.
        """
        self._known.confirm()
        if MODSTAMP_FIELD not in self.landed.schema.names:
            since = None
        asked = self._questions(since)
        # What a killed run had read lacks what was hidden since, and no event would tell it again.
        ledger = ExtractLedger(store, anew=True)
        images = asked.images
        if asked.leaving:
            leaving = land(self._client, ledger, asked.leaving, run, report)
            images = replace(images, landed=replace(images.landed, leaving=leaving.manifest_id))
        manifest = land(self._client, ledger, images, run, report)
        frames, shape = self._frames(store, manifest)
        if shape.masked:
            drop_raw_pages(store, frames)
        whole = ReadInterval(manifest.read_from, manifest.read_to) if since is None else None
        removals = frames.of_kind("removals")
        return warehouse.merge_images(
            shape.table,
            frames_reader(store, frames.of_kind("images"), shape.table.image_schema()),
            object_name=manifest.object,
            org_id=manifest.org_id,
            run_id=run.run_id,
            reread=self.reread,
            removals=frames_reader(store, removals, shape.table.removal_schema())
            if asked.leaving
            else None,
            complete_as_of=whole,
        )

    def _frames(
        self, store: LandingStore, manifest: ExtractManifest
    ) -> tuple[FramesManifest, RowShape]:
        shape = self._shaped(read_landed(store, manifest.manifest_id))
        try:
            return transform(store, manifest, shape), shape
        except DigitsError as error:
            if make_room(store, manifest.manifest_id, error.column) is None:
                raise
            return self._frames(store, manifest)

    def _shaped(self, landed: Landed) -> RowShape:
        return RowShape(self._spec.sync, self._spec.object, landed, self._mask_key)

    def _questions(self, since: datetime | None) -> Questions:
        window = None
        if since is not None:
            # The end is open in truth: what is committed meanwhile comes as events.
            end = (self._client.org_now() + timedelta(seconds=2)).replace(microsecond=0)
            window = Window(start=since, end=end, margin_s=0)
        facts = OrgFacts(self._client.org_id, self._client.settings.api_version)
        return questions(self._spec.object, self._known.value, facts, window, ())
