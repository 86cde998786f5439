"""A sync of a test: real assets, a real org over a socket, a real DuckDB file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from assets.inbound import inbound_asset
from assets.keys import object_keys
from assets.mask_key import MaskKeyResource
from assets.specs import ObjectSpec, PartitionSpec, SyncSpec
from resources.landing.resource import LandingResource
from resources.salesforce.resource import ClientCredentialsLogin, SalesforceResource
from resources.warehouse.resource import WarehouseResource
from tests.emulator_process import Org

SYNC = SyncSpec(name="crm", org="salesforce")


def days(ago: int) -> date:
    return (datetime.now(UTC) - timedelta(days=ago)).date()


def daily(since_days_ago: int = 5) -> PartitionSpec:
    """Daily windows; the first one, open to the past, began this many days ago."""
    return PartitionSpec("day", days(since_days_ago))


@dataclass
class Harbour:
    """The assets' resources, and what a test asks of them."""

    org: Org
    folder: Path
    instance: dg.DagsterInstance
    mask_key: str = "a key for tests"
    reserve: int = 0
    resources: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.resources = {
            "org_salesforce": SalesforceResource(
                login_url=self.org.url,
                auth=ClientCredentialsLogin(
                    client_id=self.org.client_id, client_secret=self.org.client_secret
                ),
                pubsub=self.org.ready["pubsub"],
                reserve=self.reserve,
            ),
            "warehouse_default": WarehouseResource(
                url=f"duckdb:///{self.folder / 'warehouse.duckdb'}", lock_timeout_s=30
            ),
            "landing": LandingResource(url=str(self.folder / "landing")),
            "mask_key": MaskKeyResource(key=self.mask_key),
        }

    def run(
        self,
        spec: ObjectSpec,
        first: date | None = None,
        last: date | None = None,
        *,
        stages: Sequence[str] = ("extract", "transform", "table"),
        raise_on_error: bool = True,
        tags: dict[str, str] | None = None,
        sync: SyncSpec = SYNC,
    ) -> dg.ExecuteInProcessResult:
        """Run stages of an object for the windows `first` to `last`, or whole."""
        keys = object_keys(sync, spec)
        range_tags = {}
        if first is not None:
            range_tags = {
                "dagster/asset_partition_range_start": str(first),
                "dagster/asset_partition_range_end": str(last or first),
            }
        return dg.materialize(
            [inbound_asset(sync, spec)],
            instance=self.instance,
            resources=self.resources,
            selection=dg.AssetSelection.assets(*(getattr(keys, stage) for stage in stages)),
            tags={**range_tags, **(tags or {})},
            raise_on_error=raise_on_error,
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the warehouse file."""
        with duckdb.connect(str(self.folder / "warehouse.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def rows(self, table: str, *columns: str, where: str = "NOT _deleted") -> list[tuple[Any, ...]]:
        """Rows of a table in `salesforce`, sorted."""
        named = ", ".join(columns)
        return sorted(self.query(f"SELECT {named} FROM salesforce.{table} WHERE {where}"))


@pytest.fixture
def harbour(org: Org, tmp_path: Path) -> Iterator[Harbour]:
    """An empty warehouse and landing store beside a fresh org."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield Harbour(org, tmp_path, instance)


def metadata(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[str, Any]:
    """What the (last) materialization of an asset says."""
    events = result.get_asset_materialization_events()
    [*_, last] = [e for e in events if e.asset_key == key]
    found = last.materialization.metadata
    return {name: value.value for name, value in found.items()}
