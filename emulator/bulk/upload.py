"""An uploaded CSV file: its header as it came, its rows as columns of text in an Arrow file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from emulator.bulk.csv_format import CsvFormat
from emulator.store.ingest_columns import IngestError

HEADER_CHARS = 32_000
BLOCK_BYTES = 4 << 20
_BYTES_READ = 1 << 16


@dataclass(frozen=True)
class Header:
    """The first line of a file.

    Attributes:
        line: As uploaded, without its end.
        size: Bytes up to the first row.
    """

    line: str
    names: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class Upload:
    """The rows of a file, numbered from 0: columns `row` (int64), `c0`, `c1`, … (text)."""

    rows_file: Path
    rows: int

    def table(self) -> pa.Table:
        """All rows, read from disk where they are looked at."""
        with pa.memory_map(str(self.rows_file)) as source:
            return pa.ipc.open_file(source).read_all()


def read_header(file: Path, form: CsvFormat) -> Header:
    """The header of a file.

    Raises:
        IngestError: It is missing, too long, not UTF-8, or its line ends otherwise.
    """
    raw = b"".join(_until_newline(file))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise IngestError("InvalidBatch : The file is not encoded in UTF-8") from None
    line = text.removesuffix("\n")
    if text.endswith("\n") and (line.endswith("\r") != (form.line_ending == "CRLF")):
        raise _wrong_ending(form)
    line = line.removesuffix("\r")
    if len(line) > HEADER_CHARS:
        raise IngestError(
            f"InvalidBatch : The header has {len(line)} characters; {HEADER_CHARS} are allowed"
        )
    names = next(csv.reader(io.StringIO(line, newline=""), delimiter=form.separator), [])
    if not names:
        raise IngestError("InvalidBatch : The file has no header")
    return Header(line, tuple(names), len(raw))


def read_rows(file: Path, form: CsvFormat, header: Header, into: Path) -> Upload:
    """The rows of a file, without holding more than a block of them.

    Raises:
        IngestError: A row has another number of columns, or is not CSV.
    """
    names = [f"c{number}" for number in range(len(header.names))]
    schema = pa.schema({"row": pa.int64()} | dict.fromkeys(names, pa.large_string()))
    rows = 0
    with pa.ipc.new_file(str(into), schema) as sink:
        for batch in _batches(file, form, header, names):
            numbers = pa.array(np.arange(rows, rows + batch.num_rows, dtype=np.int64))
            sink.write_batch(pa.RecordBatch.from_arrays([numbers, *batch.columns], schema=schema))
            rows += batch.num_rows
    return Upload(into, rows)


def _batches(
    file: Path, form: CsvFormat, header: Header, names: list[str]
) -> Iterator[pa.RecordBatch]:
    if file.stat().st_size <= header.size:
        return
    with file.open("rb") as source:
        source.seek(header.size)
        try:
            yield from arrow_csv.open_csv(
                source,
                arrow_csv.ReadOptions(block_size=BLOCK_BYTES, column_names=names),
                arrow_csv.ParseOptions(delimiter=form.separator, newlines_in_values=True),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return
            raise IngestError(f"InvalidBatch : Failed to parse CSV: {_reason(error)}") from None


def _reason(error: pa.ArrowInvalid) -> str:
    """What Arrow says of the shape, without the row's content."""
    return str(error).splitlines()[0].partition(": ")[2].partition(": ")[0]


def _until_newline(file: Path) -> Iterator[bytes]:
    """Pieces of the file up to the first newline outside quotes, that included."""
    inside = False
    with file.open("rb") as stream:
        while line := stream.readline(_BYTES_READ):
            yield line
            inside ^= line.count(b'"') % 2 == 1
            if line.endswith(b"\n") and not inside:
                return


def _wrong_ending(form: CsvFormat) -> IngestError:
    return IngestError(
        "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is "
        f"{form.line_ending}"
    )
