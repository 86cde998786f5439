"""A DuckDB file for one step's in-between results: more rows than memory, gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

MEMORY_LIMIT = "128MB"
BATCH_ROWS = 16_384


@contextmanager
def scratch_tables() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to an empty file in a temporary folder, deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        path = Path(folder) / "scratch.duckdb"
        with duckdb.connect(str(path), config={"memory_limit": MEMORY_LIMIT}) as connection:
            yield connection


@contextmanager
def numbered(rows: pa.RecordBatchReader, key: str, content: str) -> Iterator[pa.RecordBatchReader]:
    """The rows with ``key`` made of ``content`` and a number: equal rows get 1, 2, 3 …

    So the same rows have the same keys each time, whatever their order.
    """
    with scratch_tables() as connection:
        connection.register("source", rows)
        connection.execute("CREATE TABLE numbered AS SELECT * FROM source")
        connection.unregister("source")
        # Not execute(): that one would hold all rows in memory.
        with_keys = connection.sql(
            f"""SELECT * REPLACE (
                    "{content}" || '-' || row_number() OVER (PARTITION BY "{content}") AS "{key}"
                ) FROM numbered"""
        ).to_arrow_reader(BATCH_ROWS)
        assert with_keys is not None
        yield with_keys
