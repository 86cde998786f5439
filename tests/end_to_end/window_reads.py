"""Two ways to read windows of an org into a table: through Dagster, and by the stages alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import dagster as dg
import duckdb

from assets.extract import RunIds, land
from assets.inbound import inbound_asset
from assets.keys import object_keys
from assets.landed import Landed, PartitionWindow, read_landed
from assets.partitions import is_first, partitions_definition
from assets.questions import OrgFacts, questions
from assets.row_shape import RowShape
from assets.specs import ObjectSpec, SyncSpec
from assets.transform import transform
from assets.warehouse_table import merge
from assets.windows import Window
from resources.landing.ledger import ExtractLedger
from resources.landing.manifest import ExtractManifest
from resources.landing.store import open_store
from resources.salesforce.client import SalesforceClient
from resources.salesforce.settings import ClientCredentials, ConnectionSettings
from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from tests.assets.conftest import Harbour


def sync_into(schema: str) -> SyncSpec:
    return SyncSpec(name="history", org="salesforce", schema=schema)


class OrgLogin(Protocol):
    """An org's address and credentials."""

    @property
    def url(self) -> str: ...

    @property
    def client_id(self) -> str: ...

    @property
    def client_secret(self) -> str: ...


class Reads(Protocol):
    """What a play needs: windows by partition keys, both ends included."""

    again: int

    def read(self, first: str, last: str) -> Any:
        """Land the answer; what it returns is for `load`."""

    def load(self, landed: Any) -> None:
        """Bring what was landed into the table."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the warehouse."""


@dataclass(frozen=True)
class InHand:
    """An answer that was landed and isn't loaded yet."""

    manifest: ExtractManifest
    landed: Landed
    shape: RowShape


class StageReads:
    """The functions that an asset calls, one after the other, with a client that stays."""

    def __init__(
        self, org: OrgLogin, folder: Path, spec: ObjectSpec, schema: str, *, runs_before: int = 0
    ) -> None:
        login = ClientCredentials(org.client_id, org.client_secret)
        self._settings = ConnectionSettings("salesforce", org.url, login)
        self._client = SalesforceClient(self._settings)
        self._store = open_store(str(folder / "landing" / schema))
        self._file = folder / "warehouse.duckdb"
        self._warehouse = DuckDBWarehouse(self._file, lock_timeout_s=30)
        self._spec, self._sync = spec, sync_into(schema)
        self._definition = spec.partitions and partitions_definition(spec.partitions)
        self._keys = self._definition.get_partition_keys() if self._definition else []
        self._runs = runs_before
        self.again = 0

    def read(self, first: str, last: str) -> InHand:
        definition, keys = self._definition, self._keys
        assert definition is not None
        partitions = []
        for key in keys[keys.index(first) : keys.index(last) + 1]:
            found = definition.time_window_for_partition_key(key)
            opens = is_first(definition, found.start)
            partitions.append(PartitionWindow(key, found.start, found.end, opens))
        window = Window(
            start=None if partitions[0].open_start else partitions[0].start,
            end=partitions[-1].end,
            margin_s=self._spec.late_commit_margin_s,
            partitions=len(partitions),
        )
        self._client.read_limits()  # which tells the org's time
        window.require_over(self._client.org_now())
        return self._land(window, tuple(partitions))

    def read_whole(self) -> InHand:
        return self._land(None, ())

    def _land(self, window: Window | None, partitions: tuple[PartitionWindow, ...]) -> InHand:
        self._runs += 1
        run = RunIds(f"run-{self._runs}", f"run-{self._runs}")
        describe = self._client.describe(self._spec.name)
        facts = OrgFacts(self._client.org_id, self._client.settings.api_version)
        asked = questions(self._spec, describe, facts, window, partitions)
        ledger, images = ExtractLedger(self._store), asked.images
        if asked.leaving:
            leaving = land(self._client, ledger, asked.leaving, run, _quiet)
            images = replace(images, landed=replace(images.landed, leaving=leaving.manifest_id))
        manifest = land(self._client, ledger, images, run, _quiet)
        landed = read_landed(self._store, manifest.manifest_id)
        return InHand(manifest, landed, RowShape(self._sync, self._spec, landed, ""))

    def load(self, landed: InHand) -> None:
        frames = transform(self._store, landed.manifest, landed.shape)
        result = merge(
            self._warehouse,
            self._store,
            frames,
            landed.manifest,
            landed.landed,
            landed.shape,
            self._spec,
            run_id=f"run-{self._runs}",
            asset="history",
            api_calls=0,
            run_calls=0,
            # As in a run of its own: this client doesn't know the org's time yet.
            connect=lambda: SalesforceClient(self._settings),
        )
        assert result.stale_rows == 0, (
            f"{result.stale_rows} wrong row(s), older than what was loaded"
        )
        self.again += result.reread

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self._file), read_only=True) as connection:
            return connection.execute(sql).fetchall()


def _quiet(_: str) -> None:
    return None


class DagsterReads:
    """Runs of the asset. Stages that are run later start from the newest answer by then."""

    def __init__(self, harbour: Harbour, spec: ObjectSpec, schema: str) -> None:
        self._harbour, self._spec, self._sync = harbour, spec, sync_into(schema)
        self._keys = object_keys(self._sync, spec)
        self.again = 0

    def read(self, first: str, last: str) -> tuple[str, str]:
        self._run(first, last, [self._keys.extract])
        return first, last

    def load(self, landed: tuple[str, str]) -> None:
        self._run(*landed, [self._keys.transform, self._keys.table])

    def _run(self, first: str, last: str, keys: Sequence[dg.AssetKey]) -> None:
        dg.materialize(
            [inbound_asset(self._sync, self._spec)],
            instance=self._harbour.instance,
            resources=self._harbour.resources,
            selection=dg.AssetSelection.assets(*keys),
            tags={
                "dagster/asset_partition_range_start": first,
                "dagster/asset_partition_range_end": last,
            },
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._harbour.query(sql)


def partition_keys(spec: ObjectSpec, count: int) -> list[str]:
    """The first windows of a spec."""
    assert spec.partitions is not None
    return list(partitions_definition(spec.partitions).get_partition_keys())[:count]
