"""One result file of an ingest job: text of some of its columns, nothing guessed."""

import csv
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow_csv

from resources.salesforce.csv_rows import RecordCounter
from resources.salesforce.csv_source import Source
from resources.salesforce.errors import BrokenBodyError, ColumnMismatchError, ConversionError

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
    body = _body(source)
    _refuse_if_cut(body)
    found = _header(body)
    if not found:
        return pa.schema([pa.field(name, pa.string()) for name in wanted]).empty_table()
    spelled = {name.lower(): name for name in wanted}
    names = [spelled.get(name.lower(), name) for name in found]
    missing = [name for name in uploaded if name not in names]
    if missing:
        raise ColumnMismatchError(missing, [])
    present = [name for name in wanted if name in names]
    table = _parsed(body, names, present)
    for position, name in enumerate(wanted):
        if name not in present:
            blank = pa.array([""] * table.num_rows, pa.string())
            table = table.add_column(position, name, blank)
    return table


def _body(source: Source) -> bytes:
    """All of it: pyarrow reads ahead in threads, even after an error, so a file can't be lent."""
    if isinstance(source, Path):
        return source.read_bytes()
    return source if isinstance(source, bytes) else source.read()


def _refuse_if_cut(body: bytes) -> None:
    counter = RecordCounter()
    for start in range(0, len(body), BLOCK_BYTES[0]):
        counter.feed(body[start : start + BLOCK_BYTES[0]])
    if counter.in_quotes:
        cause = "it stops within a quoted value"
        raise BrokenBodyError("a result file", len(body), cause)


def _header(body: bytes) -> list[str]:
    line = BytesIO(body).readline()
    return next(csv.reader([line.decode("utf-8-sig", errors="replace").rstrip("\r\n")]), [])


def _parsed(body: bytes, names: list[str], wanted: list[str]) -> pa.Table:
    schema = pa.schema([pa.field(name, pa.string()) for name in wanted])
    for block_bytes in BLOCK_BYTES:
        try:
            batches = list(_batches(body, names, wanted, block_bytes))
            return pa.Table.from_batches(batches, schema)
        except pa.ArrowInvalid as error:
            if STRADDLING not in str(error) or block_bytes == BLOCK_BYTES[-1]:
                raise ConversionError("", "CSV", "quotes or line ends are out of place") from None
    raise AssertionError("the last size of blocks either reads or raises")


def _batches(
    body: bytes, names: list[str], wanted: list[str], block_bytes: int
) -> Iterator[pa.RecordBatch]:
    with arrow_csv.open_csv(
        BytesIO(body),
        read_options=arrow_csv.ReadOptions(column_names=names, skip_rows=1, block_size=block_bytes),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: pa.string() for name in names},
            include_columns=wanted,
            strings_can_be_null=False,
        ),
    ) as reader:
        yield from reader
