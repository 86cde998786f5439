"""Result pages as Arrow record batches of the described types.

Text such as NA, NULL and 007 stays what it is, empty is null, a value that doesn't fit its type is
an error that names the column and not the value.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from resources.salesforce.arrow_types import TEXT_LIST, TIME, TIMESTAMP, Numbers, arrow_schema
from resources.salesforce.csv_source import Source, opened
from resources.salesforce.errors import ColumnMismatchError, ConversionError, DigitsError

__all__ = ["Numbers", "arrow_schema", "read_csv_page", "read_json_page", "read_json_records"]

# Measured: 1 MiB blocks parse in a third of the time and memory of 16 MiB ones; a row longer than
# a block is an error, and rows may be as long as 400,000 characters.
BLOCK_BYTES = (1 << 20, 1 << 23, 1 << 26)
STRADDLING = "straddling object"
# pyarrow refuses "7.0" for integers, which Bulk may send: they go through a wide decimal.
WIDE_DECIMAL = pa.decimal128(38, 9)
# A percent of 3 digits and no fraction comes as "100.0", which has 4.
WHOLE_NUMBER = pa.decimal128(38, 1)
COLUMN_NUMBER = re.compile(r"In CSV column #(\d+): ")
ROW_SHAPE = re.compile(r"Expected (\d+) columns, got (\d+)")
NOT_OF_TYPE = "it has another form"
# pyarrow: a fraction is too long, the whole part is, an exponent is.
TOO_MANY_DIGITS = re.compile("Rescaling|precision not supported|cannot be represented as decimal")

Column: TypeAlias = "pa.Array[Any]"
AnyField: TypeAlias = "pa.Field[Any]"


def read_csv_page(source: Source, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """A Bulk page as batches of about 1 MiB of text, columns as in ``schema``.

    Args:
        source: A file path, bytes, or a seekable file (read from its current position on).

    Yields:
        Nothing for a page without rows, with or without a header.

    Raises:
        ColumnMismatchError: The header names other columns; their order and case don't matter.
        DigitsError: A number has more digits than its decimal column.
        ConversionError: A value doesn't fit.
    """
    start = 0 if isinstance(source, Path | bytes) else source.tell()
    names = _header(source, start, schema)
    if not names:
        return
    done = 0
    for block_bytes in BLOCK_BYTES:
        try:
            for batch in _skip(_parse(source, start, names, schema, block_bytes), done):
                done += batch.num_rows
                yield _typed(batch, schema)
            return
        except pa.ArrowInvalid as error:
            if STRADDLING not in str(error) or block_bytes == BLOCK_BYTES[-1]:
                raise _conversion_error(error, names, schema) from None


def read_json_page(body: bytes, schema: pa.Schema) -> pa.RecordBatch:
    """A REST page as one batch, columns as in ``schema``.

    Raises:
        ColumnMismatchError: A record lacks a column.
        DigitsError: A number has more digits than its decimal column.
        ConversionError: A value doesn't fit.
    """
    return read_json_records(json.loads(body, parse_float=Decimal)["records"], schema)


def read_json_records(records: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Records as one batch, columns as in ``schema``; fractions must be ``Decimal``.

    Raises:
        ColumnMismatchError, DigitsError, ConversionError: As for a page.
    """
    columns = [_json_column(records, field) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _header(source: Source, start: int, schema: pa.Schema) -> list[str]:
    """The page's columns in its order, spelled as in ``schema``; none if no row can follow."""
    with opened(source, start) as stream:
        line = stream.readline()
    found = next(csv.reader([line.decode("utf-8-sig", errors="replace")]), [])
    spelled = {name.lower(): name for name in schema.names}
    names = [spelled.get(name.lower(), name) for name in found]
    if names and sorted(names) != sorted(schema.names):
        raise ColumnMismatchError(
            [name for name in schema.names if name not in names],
            [name for name in names if name not in schema.names],
        )
    return names if line.endswith(b"\n") else []


def _parse(
    source: Source, start: int, names: Sequence[str], schema: pa.Schema, block_bytes: int
) -> Iterator[pa.RecordBatch]:
    with (
        opened(source, start) as stream,
        arrow_csv.open_csv(
            stream,
            read_options=arrow_csv.ReadOptions(
                column_names=list(names), skip_rows=1, block_size=block_bytes
            ),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types={field.name: _parsed_type(field.type) for field in schema},
                include_columns=schema.names,
                # Without these, "" would stay '' and the text NULL become null.
                null_values=[""],
                strings_can_be_null=True,
                true_values=["true"],
                false_values=["false"],
            ),
        ) as reader,
    ):
        yield from reader


def _skip(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        skipped = min(rows, batch.num_rows)
        rows -= skipped
        if skipped < batch.num_rows:
            yield batch.slice(skipped)


def _parsed_type(wanted: pa.DataType) -> pa.DataType:
    """What pyarrow's CSV parser can make of the text, on the way to the wanted type."""
    if wanted in (TIME, TEXT_LIST):
        return pa.string()
    return _number_type(wanted)


def _typed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        _converted(column, field) for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _converted(column: Column, field: AnyField) -> Column:
    """Parsed text, or a number of a wider type, as the field's type; nothing is rounded."""
    if column.type == field.type:
        return column
    try:
        if field.type == TEXT_LIST:
            return pc.split_pattern(column, ";")
        if field.type == TIME:
            # No parser for times takes the Z of 10:00:00.000Z; that of timestamps does.
            moments = pc.utf8_replace_slice(column, start=0, stop=0, replacement="1970-01-01T")
            return moments.cast(TIMESTAMP).cast(TIME)
        return column.cast(field.type)
    except pa.ArrowInvalid:
        # A number that was parsed and isn't of the type has too many digits for it.
        raise _misfit(field, too_long=pa.types.is_decimal(column.type)) from None


def _json_column(records: Sequence[Mapping[str, Any]], field: AnyField) -> Column:
    try:
        values = [record[field.name] for record in records]
    except KeyError:
        raise ColumnMismatchError([field.name], []) from None
    kind = _json_type(field.type)
    if pa.types.is_string(kind):
        values = [_text(value) for value in values]
    elif pa.types.is_floating(kind):
        values = [None if value is None else float(value) for value in values]
    try:
        return _converted(pa.array(values, kind), field)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError, ArithmeticError):
        numbers = all(value is None or type(value) in (int, Decimal) for value in values)
        raise _misfit(field, too_long=numbers) from None


def _json_type(wanted: pa.DataType) -> pa.DataType:
    if pa.types.is_temporal(wanted) or wanted == TEXT_LIST:
        return pa.string()
    return _number_type(wanted)


def _number_type(wanted: pa.DataType) -> pa.DataType:
    """Room for the fraction that Salesforce writes even where describe says there is none."""
    if pa.types.is_integer(wanted):
        return WIDE_DECIMAL
    if pa.types.is_decimal(wanted) and wanted.scale == 0:
        return WHOLE_NUMBER
    return wanted


def _text(value: Any) -> str | None:
    """Text as it is; empty is null; an anyType may come as a number or a boolean."""
    if value is None or value == "":
        return None
    if isinstance(value, str | Decimal):
        return str(value)
    return json.dumps(value, default=str)


def _misfit(field: AnyField, *, too_long: bool) -> ConversionError:
    if too_long and pa.types.is_decimal(field.type):
        return DigitsError(field.name, str(field.type), "it has more digits")
    return ConversionError(field.name, str(field.type), NOT_OF_TYPE)


def _conversion_error(
    error: pa.ArrowInvalid, names: Sequence[str], schema: pa.Schema
) -> ConversionError:
    """pyarrow's message without the value that it quotes."""
    text = str(error)
    column = COLUMN_NUMBER.search(text)
    if column:
        field = schema.field(names[int(column[1])])
        return _misfit(field, too_long=TOO_MANY_DIGITS.search(text) is not None)
    shape = ROW_SHAPE.search(text)
    if shape:
        return ConversionError("", f"a row of {shape[1]} columns", f"it has {shape[2]}")
    if STRADDLING in text:
        return ConversionError("", f"shorter than {BLOCK_BYTES[-1]:,} bytes", "its row is longer")
    return ConversionError("", "CSV", "quotes or line ends are out of place")
