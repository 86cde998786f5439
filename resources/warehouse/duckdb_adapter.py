"""The warehouse in a DuckDB file, opened only while something is done with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb
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
from resources.warehouse.duckdb_file import DuckDBFile, OnWait
from resources.warehouse.duckdb_merge import DuckDBMerge, table_columns
from resources.warehouse.errors import WarehouseSpaceError
from resources.warehouse.state import State


class DuckDBWarehouse:
    """A ``Warehouse`` in one DuckDB file.

    Args:
        path: The file; it and its folder are created by the first merge.
        lock_timeout_s: How long to wait while another process holds the file.
        memory_limit: DuckDB's own limit; what doesn't fit goes to a temporary folder.
        threads: Threads of a merge; None: all cores.
        on_wait: Told whom we wait for; by default a warning is logged.
    """

    def __init__(
        self,
        path: Path,
        *,
        lock_timeout_s: float = 300.0,
        memory_limit: str = "256MB",
        threads: int | None = None,
        on_wait: OnWait | None = None,
    ) -> None:
        self._file = DuckDBFile(path, lock_timeout_s=lock_timeout_s, on_wait=on_wait)
        self._memory_limit, self._threads = memory_limit, threads

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

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
        with self._enough_room(), self._file.open() as connection:
            self._configure(connection)
            catalog = _catalog(connection)
            state = State(connection, catalog)
            with _transaction(connection):
                now = datetime.now(UTC)
                state.create()
                state.claim_table(table.schema, table.name, org_id, object_name, now)
                merge = DuckDBMerge(connection, catalog, table, state)
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

    @contextmanager
    def _enough_room(self) -> Iterator[None]:
        try:
            yield
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            # The first line says what happened; then DuckDB advises settings that aren't ours.
            raise WarehouseSpaceError(str(self.path), str(error).splitlines()[0]) from error

    def _configure(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"SET memory_limit = '{self._memory_limit}'")
        # Rows of a table have no order; keeping one costs memory.
        connection.execute("SET preserve_insertion_order = false")
        if self._threads is not None:
            connection.execute(f"SET threads = {self._threads}")

    def table_columns(self, schema: str, name: str) -> Mapping[str, str]:
        """See ``Warehouse.table_columns``."""
        with self._reading() as connection:
            if connection is None:
                return {}
            return table_columns(connection, _catalog(connection), schema, name)

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
            catalog = _catalog(connection)
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

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """A read-only connection; None while there is no file."""
        if not self.path.exists():
            yield None
            return
        with self._file.open(read_only=True) as connection:
            yield connection

    @contextmanager
    def _reading_state(self) -> Iterator[State | None]:
        with self._reading() as connection:
            if connection is None:
                yield None
                return
            connection.execute("SET TimeZone = 'UTC'")
            state = State(connection, _catalog(connection))
            yield state if state.exists() else None


def _catalog(connection: duckdb.DuckDBPyConnection) -> str:
    """The file's name inside DuckDB; names are qualified with it, as a schema may equal it."""
    row = connection.execute("SELECT current_database()").fetchone()
    return str(row[0]) if row else ""


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        # DuckDB has rolled back by itself after some errors, and closing does it after all others.
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
