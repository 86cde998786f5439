"""The warehouse in a DuckDB file, opened only while something is done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pyarrow as pa

from resources.warehouse.adapter import (
    ApiCalls,
    KeyCounts,
    MergeResult,
    ReadInterval,
    Reread,
    StoredWindow,
    TableSpec,
    WindowRow,
)
from resources.warehouse.dialect import quoted
from resources.warehouse.duckdb_events import DuckDBEvents
from resources.warehouse.duckdb_loads import DuckDBLoads
from resources.warehouse.duckdb_merge import DuckDBMerge
from resources.warehouse.duckdb_session import catalog_of
from resources.warehouse.duckdb_tables import table_columns


class DuckDBWarehouse(DuckDBLoads, DuckDBEvents):
    """A ``Warehouse`` in one DuckDB file; see ``DuckDBSession`` for its settings."""

    def merge_images(
        self,
        table: TableSpec,
        images: pa.RecordBatchReader,
        *,
        object_name: str,
        org_id: str,
        run_id: str,
        reread: Reread,
        removals: pa.RecordBatchReader | None = None,
        windows: Sequence[WindowRow] = (),
        api_calls: Sequence[ApiCalls] = (),
        complete_as_of: ReadInterval | None = None,
    ) -> MergeResult:
        """See ``Warehouse.merge_images``."""
        with self._writing() as (connection, state):
            now = datetime.now(UTC)
            state.claim_table(table.schema, table.name, org_id, object_name, now)
            merge = DuckDBMerge(connection, catalog_of(connection), table, state)
            merge.prepare_table()
            merge.stage(images, removals)
            merge.judge(complete_as_of)
            asked = merge.read_again(reread)
            merge.apply(run_id, now)
            result = merge.result(asked, windows)
            if complete_as_of is not None:
                state.add_snapshot(table.schema, table.name, complete_as_of)
            state.put_windows(org_id, object_name, windows, result.windows, run_id, now)
            state.add_api_calls(run_id, org_id, api_calls, now)
        return result

    def table_columns(self, schema: str, name: str) -> Mapping[str, str]:
        """See ``Warehouse.table_columns``."""
        with self._reading() as connection:
            if connection is None:
                return {}
            return table_columns(connection, catalog_of(connection), schema, name)

    def row_count(self, schema: str, name: str) -> int:
        """See ``Warehouse.row_count``."""
        return self._count_keys(schema, name, "count(*)", "0", "0").rows

    def key_counts(self, schema: str, name: str, key: str = "id") -> KeyCounts:
        """See ``Warehouse.key_counts``."""
        column = quoted(key)
        return self._count_keys(
            schema,
            name,
            "count(*)",
            f"count(*) - count({column})",
            f"count({column}) - count(DISTINCT {column})",
        )

    def _count_keys(self, schema: str, name: str, *counts: str) -> KeyCounts:
        with self._reading() as connection:
            if connection is None:
                return KeyCounts(0, 0, 0)
            catalog = catalog_of(connection)
            if not table_columns(connection, catalog, schema, name):
                return KeyCounts(0, 0, 0)
            self._configure(connection)
            row = connection.execute(
                f"SELECT {', '.join(counts)} FROM {quoted(catalog, schema, name)}"
            ).fetchone()
            return KeyCounts(*row) if row else KeyCounts(0, 0, 0)

    def windows(self, org_id: str, object_name: str) -> list[StoredWindow]:
        """See ``Warehouse.windows``."""
        with self._reading_state() as state:
            return state.read_windows(org_id, object_name) if state else []

    def api_calls(self, run_id: str) -> list[ApiCalls]:
        """See ``Warehouse.api_calls``."""
        with self._reading_state() as state:
            return state.read_api_calls(run_id) if state else []
