"""Streams the rows of a SELECT out of DuckDB, and says in SQL's own words what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb
import pyarrow as pa

from resources.warehouse.errors import LoadQueryError, WarehouseError, WarehouseSpaceError

BATCH_ROWS = 50_000


def check_select(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raises ``LoadQueryError`` unless the text is one SELECT."""
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise LoadQueryError(str(error)) from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        kinds = ", ".join(str(statement.type.name) for statement in statements) or "nothing"
        raise LoadQueryError(f"one SELECT is wanted, the text holds: {kinds}")


def stream(
    connection: duckdb.DuckDBPyConnection, sql: str, path: str, done: Callable[[], None]
) -> pa.RecordBatchReader:
    """The rows of a SELECT; ``done`` is called after the last one.

    Raises:
        LoadQueryError: DuckDB refuses the SQL; the reader raises it if it fails later.
        WarehouseSpaceError: No memory or disk left, then as well.
    """
    try:
        # Not execute(): that one would hold all rows in memory.
        reader = connection.sql(sql).to_arrow_reader(BATCH_ROWS)
    except duckdb.Error as error:
        raise _translated(error, path) from error
    return pa.RecordBatchReader.from_batches(reader.schema, _batches(reader, path, done))


def _batches(
    reader: pa.RecordBatchReader, path: str, done: Callable[[], None]
) -> Iterator[pa.RecordBatch]:
    try:
        yield from reader
    # Arrow knows DuckDB's errors as texts alone.
    except (duckdb.Error, OSError, pa.ArrowException) as error:
        raise _translated(error, path) from error
    reader.close()
    done()


def _translated(error: Exception, path: str) -> WarehouseError:
    text = str(error)
    if isinstance(error, duckdb.OutOfMemoryException) or text.startswith("Out of Memory"):
        return WarehouseSpaceError(path, text.splitlines()[0])
    return LoadQueryError(text)
