"""A load of a test: its spec, its table in the warehouse, and what its run of outbound leaves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pyarrow as pa

from assets.load_spec import LoadedField, LoadSpec
from assets.newest_manifests import MANIFEST
from assets.outbound import outbound_asset
from assets.outbound_frames import read_outbound, read_refused, read_rows
from resources.landing.store import open_store
from tests.assets.conftest import Harbour, metadata

FIELDS = {"ERP_Order_Id__c": "order_no", "Amount__c": "amount", "Notes__c": "note"}


def load_spec(fields: dict[str, str] | None = None, nulls: str = "clear", **more: Any) -> LoadSpec:
    """An upsert of orders from the table erp.orders, unless said otherwise."""
    settings = {
        "name": "orders",
        "org": "salesforce",
        "object": "Order__c",
        "operation": "upsert",
        "external_id": "ERP_Order_Id__c",
        "sql": "SELECT * FROM erp.orders",
        **more,
    }
    mapped = (LoadedField(name, column, nulls) for name, column in (fields or FIELDS).items())
    return LoadSpec(fields=tuple(mapped), **settings)


def put_table(folder: Path, columns: str, *rows: Sequence[Any], name: str = "erp.orders") -> None:
    """Make a table of these rows; `columns` as in CREATE TABLE."""
    with duckdb.connect(str(folder / "warehouse.duckdb")) as tables:
        tables.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
        tables.execute(f"CREATE OR REPLACE TABLE {name} ({columns})")
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            tables.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)


@dataclass(frozen=True)
class Left:
    """What a run of outbound left."""

    rows: list[dict[str, Any]]
    refused: list[dict[str, Any]]
    metadata: dict[str, Any]

    @property
    def keys(self) -> list[str]:
        return [row["_key"] for row in self.rows]


def run_outbound(harbour: Harbour, spec: LoadSpec, **config: Any) -> Left:
    """Materialize `outbound/<load>` and read its frames."""
    result = dg.materialize(
        [outbound_asset(spec)],
        instance=harbour.instance,
        resources=harbour.resources,
        run_config={"ops": {spec.outbound_step: {"config": config}}} if config else None,
    )
    said = metadata(result, spec.outbound_key)
    store = open_store(str(harbour.folder / "landing"))
    manifest = read_outbound(store, said[MANIFEST])
    rows = pa.Table.from_batches(_or_none(read_rows(store, manifest)))
    return Left(rows.to_pylist(), read_refused(store, manifest).read_all().to_pylist(), said)


def _or_none(batches: Iterator[pa.RecordBatch]) -> list[pa.RecordBatch]:
    return list(batches) or [pa.RecordBatch.from_pylist([], schema=pa.schema([]))]


def failure_text(harbour: Harbour, spec: LoadSpec) -> str:
    """Why outbound fails."""
    result = dg.materialize(
        [outbound_asset(spec)],
        instance=harbour.instance,
        resources=harbour.resources,
        raise_on_error=False,
    )
    assert not result.success
    [event] = [e for e in result.all_events if e.event_type == dg.DagsterEventType.STEP_FAILURE]
    data = event.step_failure_data.user_failure_data
    assert data is not None, event.step_failure_data.error
    assert data.description is not None
    return data.description
