"""A finished job's result on disk: CSV rows in one file, and where each row begins in another.

DuckDB makes the lines, Arrow hands them over as one block of bytes with its offsets, and both go
to disk as they are: no Python per row, and any page is a range of bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from emulator.bulk.csv_format import CsvFormat
from emulator.schema.columns import quoted
from emulator.soql import BulkQuery
from emulator.store.database import Connection

BATCH_ROWS = 20_000
OFFSET_BYTES = 8
# A page holds fewer rows than asked for when they are long [bulk guide].
PAGE_BYTES = 100_000_000


@dataclass(frozen=True)
class Spool:
    """The rows of a result, without the header, and their offsets."""

    file: Path
    offsets_file: Path
    rows: int
    bytes: int

    def page(self, start: int, rows: int) -> tuple[int, int, int]:
        """Where a page lies: its first byte, the byte after it, the row after it."""
        end = min(start + rows, self.rows)
        if start >= end:
            return 0, 0, end
        offsets: npt.NDArray[np.int64] = np.memmap(self.offsets_file, np.int64, "r")
        fits = int(np.searchsorted(offsets, offsets[start] + PAGE_BYTES, "right")) - 1
        end = max(start + 1, min(end, fits))
        return int(offsets[start]), int(offsets[end]), end


def write_spool(
    connection: Connection,
    query: BulkQuery,
    csv: CsvFormat,
    folder: Path,
    stopped: Callable[[], bool],
) -> Spool | None:
    """Run the query and write its rows; None when stopped on the way."""
    file, offsets_file = folder / "rows.csv", folder / "offsets.int64"
    reader = connection.sql(_line_sql(query, csv), params=query.params).to_arrow_reader(BATCH_ROWS)
    rows = size = 0
    with file.open("wb") as lines, offsets_file.open("wb") as offsets:
        offsets.write(np.zeros(1, np.int64).tobytes())
        for batch in reader:
            if stopped():
                return None
            content, ends = bytes_of(batch.column(0))
            lines.write(content)
            offsets.write((ends + size).tobytes())
            rows += len(ends)
            size += len(content)
    return Spool(file, offsets_file, rows, size)


def _line_sql(query: BulkQuery, csv: CsvFormat) -> str:
    names = [f"c{n}" for n in range(len(query.header))]
    return (
        f"SELECT {csv.line_sql(names)} AS line "
        f"FROM ({query.sql}) AS result({', '.join(quoted(name) for name in names)})"
    )


def bytes_of(lines: pa.LargeStringArray) -> tuple[memoryview, npt.NDArray[np.int64]]:
    """The lines as one block of bytes, and where each of them ends in it."""
    _, offset_buffer, data = lines.buffers()
    assert offset_buffer is not None, "Arrow text always has offsets"
    offsets = np.frombuffer(memoryview(offset_buffer), np.int64)
    offsets = offsets[lines.offset : lines.offset + len(lines) + 1]
    first, last = int(offsets[0]), int(offsets[-1])
    content = memoryview(data)[first:last] if data is not None else memoryview(b"")
    return content, offsets[1:] - first
