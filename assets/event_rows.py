"""Rows of a file as those of a platform event, each value of its field's type."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO, StringIO
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from assets.errors import EventRowsError
from assets.spelling import nearest
from resources.salesforce.csv_rows import RecordCounter

Format = Literal["json", "csv", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)

Types: TypeAlias = Mapping[str, pa.DataType]
Column: TypeAlias = "pa.Array[Any] | pa.ChunkedArray[Any]"


def event_rows(body: bytes, form: Format, event: str, types: Types) -> pa.Table:
    """All rows of a file; columns are fields of the event, in the file's order.

    ``json`` is a list of objects, or objects one after the other; what one of them lacks is null.
    In ``csv``, which begins with a line of names, an empty value is null and no other is. Texts
    become what their fields are: days and moments everywhere, numbers and truth values where the
    file has texts only.

    Args:
        event: Its name, for errors.
        types: Its fields, with their Arrow types.

    Raises:
        EventRowsError: It isn't of that format, has a column that isn't a field, or a value that
            isn't of its field's type.
    """
    columns = {"json": _json, "csv": _csv, "parquet": _parquet}[form](body, event, types)
    return pa.Table.from_arrays(list(columns.values()), names=list(columns))


# ---- formats


def _json(body: bytes, event: str, types: Types) -> dict[str, Column]:
    rows = list(_objects(_text(body)))
    names = list(dict.fromkeys(name for row in rows for name in row))
    _require_fields(names, event, types)
    if rows and not names:
        raise EventRowsError("its rows have no fields")
    return {name: _of_python([row.get(name) for row in rows], name, types[name]) for name in names}


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Objects, or lists of them, however they are broken into lines."""
    decoder = json.JSONDecoder(parse_constant=_no_json)
    at = _behind_spaces(text, 0)
    while at < len(text):
        try:
            found, end = decoder.raw_decode(text, at)
        except ValueError as error:
            raise EventRowsError(f"it isn't JSON: {error}") from None
        for row in found if isinstance(found, list) else [found]:
            if not isinstance(row, dict):
                raise EventRowsError("a row of JSON is an object, and this has something else")
            yield row
        at = _behind_spaces(text, end)


def _behind_spaces(text: str, at: int) -> int:
    found = _SPACES.match(text, at)
    return found.end() if found else at


def _no_json(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _csv(body: bytes, event: str, types: Types) -> dict[str, Column]:
    text = _text(body)
    encoded = text.encode()
    counter = RecordCounter()
    counter.feed(encoded)
    if counter.in_quotes:
        # pyarrow takes such a text as whole.
        raise EventRowsError("it ends within a quoted value: was it cut off?")
    try:
        names = next(csv.reader(StringIO(text, newline="")), [])
    except csv.Error:  # a value longer than any name
        names = []
    if not names:
        raise EventRowsError("a CSV begins with a line of names, and this one doesn't")
    _require_fields(names, event, types)
    wrong: list[str] = []

    def refuse(row: pyarrow.csv.InvalidRow) -> Literal["error"]:
        wrong.append(
            f"line {row.number:,} (without empty ones) has {row.actual_columns:,} values and the "
            f"header has {row.expected_columns:,}"
        )
        return "error"

    try:
        table = pyarrow.csv.read_csv(
            BytesIO(encoded),
            # Threads know no numbers of lines, and a block must hold the longest line.
            read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=len(encoded)),
            parse_options=pyarrow.csv.ParseOptions(
                newlines_in_values=True, invalid_row_handler=refuse
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    # Arrow's error quotes the line.
    except pa.ArrowException:
        raise EventRowsError(f"it isn't CSV: {'; '.join(wrong) or 'Arrow refuses it'}") from None
    return {name: _of_text(table.column(name), name, types[name]) for name in names}


def _parquet(body: bytes, event: str, types: Types) -> dict[str, Column]:
    try:
        table = pyarrow.parquet.read_table(pa.BufferReader(body))
    except (pa.ArrowException, OSError) as error:
        raise EventRowsError(f"it isn't Parquet ({type(error).__name__})") from None
    _require_fields(table.column_names, event, types)
    found: dict[str, Column] = {}
    for name in table.column_names:
        column: Column = table.column(name)
        # Others are told by who publishes, value by value.
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = _of_text(column, name, types[name])
        found[name] = column
    return found


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EventRowsError(f"its text isn't UTF-8, at byte {error.start:,}") from None


_SPACES = re.compile(r"\s*")


# ---- fields and their types


class _Kind(NamedTuple):
    """How values of some Arrow types are written; ``json`` are Python's types of JSON values."""

    holds: Callable[[pa.DataType], bool]
    json: tuple[type, ...]
    words: str


_KINDS: Sequence[_Kind] = (
    _Kind(pa.types.is_string, (str,), "text"),
    _Kind(pa.types.is_boolean, (bool,), "true or false"),
    _Kind(pa.types.is_integer, (int,), "a whole number"),
    _Kind(pa.types.is_floating, (int, float), "a number"),
    _Kind(pa.types.is_timestamp, (str,), "a moment with its zone, as 2026-09-01T10:00:00Z"),
    _Kind(pa.types.is_date, (str,), "a day, as 2026-09-01"),
)


def _require_fields(names: Sequence[str], event: str, types: Types) -> None:
    unknown = {name: nearest(name, types) for name in names if name not in types}
    if unknown:
        named = ", ".join(
            f"{name} (did you mean {near}?)" if near else name for name, near in unknown.items()
        )
        raise EventRowsError(f"{event} has no field {named}; it has {', '.join(types)}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise EventRowsError(f"{', '.join(twice)} stands in it more than once")


def _of_python(values: Sequence[Any], name: str, wanted: pa.DataType) -> Column:
    """A column of JSON's values; nothing is converted but the texts of days and moments."""
    kind = _kind(wanted)
    for at, value in enumerate(values):
        # Exactly: Python's True is an int.
        if kind and value is not None and type(value) not in kind.json:
            raise _misfit(at, name, wanted)
    if kind and kind.json == (str,):
        return _of_text(pa.array(values, pa.string()), name, wanted)
    return _converted(lambda first, end: pa.array(values[first:end], wanted), values, name, wanted)


def _of_text(column: Column, name: str, wanted: pa.DataType) -> Column:
    if column.type == wanted:
        return column
    return _converted(
        lambda first, end: column.slice(first, end - first).cast(wanted), column, name, wanted
    )


def _converted(
    convert: Callable[[int, int], Column], values: Sequence[Any] | Column, name: str, wanted: Any
) -> Column:
    """All values, converted at once; if that fails, the first one that does is named."""
    try:
        return convert(0, len(values))
    except pa.ArrowException:
        for at in range(len(values)):
            try:
                convert(at, at + 1)
            except pa.ArrowException:
                raise _misfit(at, name, wanted) from None
        raise


def _misfit(at: int, name: str, wanted: pa.DataType) -> EventRowsError:
    kind = _kind(wanted)
    return EventRowsError(f"{name} of row {at + 1:,} isn't {kind.words if kind else wanted}")


def _kind(wanted: pa.DataType) -> _Kind | None:
    return next((kind for kind in _KINDS if kind.holds(wanted)), None)
