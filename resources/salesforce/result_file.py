"""One result file of an ingest job: text of some of its columns, nothing guessed."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
from pyarrow import csv as arrow_csv

from resources.salesforce.csv_rows import RecordCounter
from resources.salesforce.errors import BrokenBodyError, ColumnMismatchError, ConversionError

Source = Path | bytes | BinaryIO
# A row longer than a block is an error in pyarrow; rows may have 400,000 characters.
BLOCK_BYTES = (1 << 20, 1 << 23, 1 << 26)
STRADDLING = "straddling object"


def read_result_file(source: Source, ours: Sequence[str], uploaded: Sequence[str]) -> pa.Table:
    """Columns of a result file, as text, in the order asked for.

    The header mixes Salesforce's quoted columns with the uploaded header as it was, so it is read
    as CSV, and names are compared in any case.

    Args:
        ours: Columns that Salesforce adds: ``sf__Id``, ``sf__Created``, ``sf__Error``. Before API
            53.0 failed rows have no ``sf__Id``: a column that isn't there is empty text.
        uploaded: Columns of the upload.

    Returns:
        No rows for an empty file. Cells are never null.

    Raises:
        BrokenBodyError: It stops within a quoted value, which pyarrow wouldn't notice.
        ColumnMismatchError: An uploaded column isn't there.
        ConversionError: It isn't CSV.
    """
    wanted = [*ours, *uploaded]
    empty = pa.schema([pa.field(name, pa.string()) for name in wanted]).empty_table()
    with _opened(source) as stream:
        start = stream.tell()
        found = _header(stream)
        if not found:
            return empty
        spelled = {name.lower(): name for name in wanted}
        names = [spelled.get(name.lower(), name) for name in found]
        missing = [name for name in uploaded if name not in names]
        if missing:
            raise ColumnMismatchError(missing, [])
        present = [name for name in wanted if name in names]
        table = _parsed(stream, start, names, present)
    for position, name in enumerate(wanted):
        if name not in present:
            blank = pa.array([""] * table.num_rows, pa.string())
            table = table.add_column(position, name, blank)
    return table


def _header(stream: BinaryIO) -> list[str]:
    line = stream.readline()
    return next(csv.reader([line.decode("utf-8-sig", errors="replace").rstrip("\r\n")]), [])


def _parsed(stream: BinaryIO, start: int, names: list[str], wanted: list[str]) -> pa.Table:
    for block_bytes in BLOCK_BYTES:
        stream.seek(start)
        counted = _Counted(stream)
        try:
            batches = list(_batches(cast(BinaryIO, counted), names, wanted, block_bytes))
        except pa.ArrowInvalid as error:
            if STRADDLING in str(error) and block_bytes != BLOCK_BYTES[-1]:
                continue
            _refuse_if_cut(counted)
            raise ConversionError("", "CSV", "quotes or line ends are out of place") from None
        _refuse_if_cut(counted)
        schema = pa.schema([pa.field(name, pa.string()) for name in wanted])
        return pa.Table.from_batches(batches, schema)
    raise AssertionError("the last size of blocks either reads or raises")


def _batches(
    stream: BinaryIO, names: list[str], wanted: list[str], block_bytes: int
) -> Iterator[pa.RecordBatch]:
    with arrow_csv.open_csv(
        stream,
        read_options=arrow_csv.ReadOptions(column_names=names, skip_rows=1, block_size=block_bytes),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: pa.string() for name in names},
            include_columns=wanted,
            strings_can_be_null=False,
        ),
    ) as reader:
        yield from reader


def _refuse_if_cut(counted: "_Counted") -> None:
    counter = counted.counter
    if counter.in_quotes:
        cause = "it stops within a quoted value"
        raise BrokenBodyError("a result file", counted.bytes, cause)


class _Counted(RawIOBase):
    """A file that is watched while it is read."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self.counter = RecordCounter()
        self.bytes = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        chunk = self._stream.read(size)
        self.counter.feed(chunk)
        self.bytes += len(chunk)
        return chunk


@contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    """The file at its beginning, or where a lent one stands; a lent one stays open."""
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield stream
    elif isinstance(source, bytes):
        yield BytesIO(source)
    else:
        yield source
