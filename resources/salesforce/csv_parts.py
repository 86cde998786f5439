"""Cells as CSV files of a size that one ingest job takes.

UTF-8 without BOM, LF, everything quoted, rows never cut: what Bulk API 2.0 asks for.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

import pyarrow as pa
from pyarrow import csv as arrow_csv

from resources.salesforce.errors import RowSizeError

OpenPart = Callable[[int], AbstractContextManager[BinaryIO]]
# 150 MB counted as base64, so 100 MB as they are (Bulk API 2.0 guide).
PART_BYTES = 100_000_000
SLICE_ROWS = 16_384  # rendered at once


@dataclass(frozen=True)
class PartInfo:
    """A CSV file with its header, ``bytes`` long; ``rows`` rows from ``first_row`` (0-based) on."""

    number: int
    first_row: int
    rows: int
    bytes: int
    sha256: str


def cell_names(schema: pa.Schema) -> list[str]:
    """The columns that Salesforce knows; ours (``_key``, ``_hash``) begin with an underscore."""
    return [name for name in schema.names if not name.startswith("_")]


def write_parts(
    cells: Iterator[pa.RecordBatch], open_part: OpenPart, max_bytes: int = PART_BYTES
) -> Iterator[PartInfo]:
    """Write rows, in their order, into as many files as it takes.

    Args:
        cells: String columns without nulls, the same in each batch; ours are left out.
        open_part: Opens the file of a part's number (0-based); it is closed before the part is
            yielded, and left as it is when writing breaks off.
        max_bytes: Most bytes of a file, its header included.

    Yields:
        Each part when it is complete. No row, no part.

    Raises:
        RowSizeError: A single row, or the header, is longer than a part.
    """
    pieces = _Pieces(cells, max_bytes)
    number, first_row = 0, 0
    while pieces.more():
        with open_part(number) as file:
            rows, size, digest = pieces.write(file)
        yield PartInfo(number, first_row, rows, size, digest)
        number, first_row = number + 1, first_row + rows


class _Pieces:
    """The slices of all batches; one that doesn't fit any more is halved until a row is left."""

    def __init__(self, cells: Iterator[pa.RecordBatch], max_bytes: int) -> None:
        self._cells = cells
        self._max_bytes = max_bytes
        self._waiting: list[pa.RecordBatch] = []  # the next one at the end

    def more(self) -> bool:
        """Whether a row is left."""
        while not self._waiting:
            batch = next(self._cells, None)
            if batch is None:
                return False
            chosen = batch.select(cell_names(batch.schema))
            starts = range(0, chosen.num_rows, SLICE_ROWS)
            self._waiting = [chosen.slice(start, SLICE_ROWS) for start in reversed(starts)]
        return True

    def write(self, file: BinaryIO) -> tuple[int, int, str]:
        """Fill one file; returns its rows, bytes and hash."""
        text = _csv(self._waiting[-1].slice(0, 0), header=True)
        digest, rows, size = hashlib.sha256(), 0, 0
        while True:
            file.write(text)
            digest.update(text)
            size += len(text)
            found = self._next_that_fits(self._max_bytes - size) if self.more() else None
            if found is None:
                break
            taken, text = found
            rows += taken
        if not rows:
            row_bytes = len(_csv(self._waiting[-1].slice(0, 1), header=False))
            raise RowSizeError(size + row_bytes, self._max_bytes)
        return rows, size, digest.hexdigest()

    def _next_that_fits(self, room_bytes: int) -> tuple[int, bytes] | None:
        while True:
            piece = self._waiting.pop()
            text = _csv(piece, header=False)
            if len(text) <= room_bytes:
                return piece.num_rows, text
            if piece.num_rows == 1:
                self._waiting.append(piece)
                return None
            half = piece.num_rows // 2
            self._waiting += [piece.slice(half), piece.slice(0, half)]


def _csv(piece: pa.RecordBatch, *, header: bool) -> bytes:
    out = BytesIO()
    options = arrow_csv.WriteOptions(include_header=header, quoting_style="all_valid")
    arrow_csv.write_csv(piece, out, options)
    return out.getvalue()
