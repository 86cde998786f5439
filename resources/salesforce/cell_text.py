"""One column of warehouse values as text of a Salesforce field's type; what doesn't fit is told."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute

from resources.salesforce.cell_numbers import number_text
from resources.salesforce.describe import FieldDescribe

pc: Any = pyarrow.compute  # the stubs know only some of the forms of its functions

Kind = Literal[
    "null_marker",
    "null_not_allowed",
    "too_long",
    "too_many_digits",
    "wrong_type",
    "date_out_of_range",
    "malformed_id",
    "separator_in_value",
]
Values: TypeAlias = "pa.Array[Any]"
Texts: TypeAlias = Any  # arrays of strings; the stubs keep no track of them
Flags: TypeAlias = Any  # arrays of booleans
Renderer: TypeAlias = Callable[[Values, FieldDescribe], "CellText"]
MULTI_SEPARATOR = ";"
ID = "^[0-9A-Za-z]{15}([0-9A-Za-z]{3})?$"
YEARS = "^(1[7-9][0-9]{2}|[23][0-9]{3}|4000)-"  # SOQL reference; Salesforce stores no others
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # of a second
DAY = 24 * 60 * 60
FIRST_DAY, LAST_DAY = (
    day.toordinal() - date(1970, 1, 1).toordinal() for day in (date.min, date.max)
)
MOST = 2**63  # infinity is next to it


@dataclass(frozen=True)
class CellText:
    """Text of each value, null where there is none; ``problems`` marks rows by kind."""

    text: Texts
    problems: Mapping[Kind, Flags] = field(default_factory=dict)


def cell_text(values: Values, described: FieldDescribe) -> CellText:
    """Values of any Arrow type as text for a field.

    Empty text counts as null. A value that has no text of the field's type is null, and a problem.
    """
    if pa.types.is_null(values.type):
        return CellText(pa.nulls(len(values), pa.string()))
    if pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(pa.string())
    if pa.types.is_string(values.type):
        values = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
    render = RENDERERS.get(described.type, _free_text)
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        return _within_years(values, described, render)
    return render(values, described)


def _within_years(values: Values, described: FieldDescribe, render: Renderer) -> CellText:
    """Infinity and years of other than four digits have no text; Arrow would write some."""
    first, last = _bounds(values.type)
    days = pa.types.is_date32(values.type)
    ticks = (values.cast(pa.int32()) if days else values).cast(pa.int64())
    inside = pc.and_(pc.greater_equal(ticks, first), pc.less_equal(ticks, last))
    if not inside.false_count:
        return render(values, described)
    found = render(pc.if_else(inside, values, pa.scalar(None, values.type)), described)
    beyond = pc.invert(inside)
    others = pc.fill_null(found.problems.get("date_out_of_range", beyond), False)
    return CellText(found.text, {**found.problems, "date_out_of_range": pc.or_(beyond, others)})


def _bounds(kind: Any) -> tuple[int, int]:
    """The first and last moment of the years 1 to 9999, as the type counts."""
    if pa.types.is_date32(kind):
        return FIRST_DAY, LAST_DAY
    day = DAY * TICKS["ms" if pa.types.is_date64(kind) else kind.unit]
    # Nanoseconds end before, and a day from their end none of the roundings can leave 64 bits.
    return max(FIRST_DAY * day, day - MOST), min((LAST_DAY + 1) * day - 1, MOST - day)


def _free_text(values: Values, described: FieldDescribe) -> CellText:
    kind = values.type
    if pa.types.is_string(kind):
        text = values
    elif pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_date32(kind):
        text = values.cast(pa.string())
    elif pa.types.is_decimal(kind):
        # Its digits as they are, the zeros at the end too; no exponent.
        text = pa.array([_plain(value) for value in values.to_pylist()], pa.string())
    elif pa.types.is_timestamp(kind):
        text = _moments(values)
    elif pa.types.is_time(kind):
        text = _times(values)
    else:  # a float has several texts (1001.0, 1001, 1.001e3): which one is the key?
        return _unfit(values)
    if not described.length:
        return CellText(text)
    return CellText(text, {"too_long": pc.greater(pc.utf8_length(text), described.length)})


def _plain(value: Any) -> str | None:
    return None if value is None else format(value, "f")


def _boolean(values: Values, described: FieldDescribe) -> CellText:
    if pa.types.is_boolean(values.type):
        return CellText(values.cast(pa.string()))
    if not (pa.types.is_string(values.type) or pa.types.is_integer(values.type)):
        return _unfit(values)
    said = pc.utf8_lower(values.cast(pa.string()))
    true = pc.is_in(said, pa.array(["true", "1"]))
    known = pc.or_(true, pc.is_in(said, pa.array(["false", "0"])))
    return _checked(values, pc.if_else(true, "true", "false"), known)


def _id(values: Values, described: FieldDescribe) -> CellText:
    if not pa.types.is_string(values.type):
        return _unfit(values)
    return CellText(values, {"malformed_id": pc.invert(pc.match_substring_regex(values, ID))})


def _multipicklist(values: Values, described: FieldDescribe) -> CellText:
    if not (pa.types.is_list(values.type) or pa.types.is_large_list(values.type)):
        return _free_text(values, described)
    chosen = [[str(one) for one in several or () if one] for several in values.to_pylist()]
    mixed = pa.array([any(MULTI_SEPARATOR in one for one in several) for several in chosen])
    joined = [MULTI_SEPARATOR.join(several) or None for several in chosen]
    text = _free_text(pa.array(joined, pa.string()), described)
    return CellText(text.text, {**text.problems, "separator_in_value": mixed})


def _number(values: Values, described: FieldDescribe) -> CellText:
    text, fits, has_room = number_text(values, described)
    checked = _checked(values, text, fits)
    too_long = pc.and_(fits, pc.invert(has_room))
    return CellText(checked.text, {**checked.problems, "too_many_digits": too_long})


def _date(values: Values, described: FieldDescribe) -> CellText:
    kind = values.type
    if pa.types.is_string(kind):
        return _dated(values, _parsed(values, _date_of))
    if pa.types.is_timestamp(kind):
        # Only midnight is a date, that of the column's own time zone.
        days = pc.floor_temporal(values, unit="day")
        text = pc.utf8_slice_codeunits(pc.strftime(days, "%Y-%m-%d"), 0, 10)
        return _dated(values, text, pc.equal(days, values))
    if pa.types.is_date(kind):
        return _dated(values, values.cast(pa.date32()).cast(pa.string()))
    return _unfit(values)


def _datetime(values: Values, described: FieldDescribe) -> CellText:
    kind = values.type
    if pa.types.is_string(kind):
        return _dated(values, _parsed(values, _moment_of))
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _dated(values, _moments(values))
    return _unfit(values)


def _time(values: Values, described: FieldDescribe) -> CellText:
    if pa.types.is_string(values.type):
        text = _parsed(values, _time_of)
        return _checked(values, text, pc.is_valid(text))
    return CellText(_times(values)) if pa.types.is_time(values.type) else _unfit(values)


RENDERERS: Mapping[str, Renderer] = {
    "boolean": _boolean,
    "int": _number,
    "long": _number,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "multipicklist": _multipicklist,
    "id": _id,
    "reference": _id,
}


def _moments(values: Values) -> Texts:
    """``2026-01-01T00:00:00.000Z``; without zone it is UTC; finer than milliseconds is cut off."""
    zone = getattr(values.type, "tz", None)
    if zone is not None:
        values = values.cast(pa.timestamp(values.type.unit, "UTC"))
    floored = (
        values if pa.types.is_date(values.type) else pc.floor_temporal(values, unit="millisecond")
    )
    naive = floored.cast(pa.timestamp("ms"))
    text = pc.utf8_replace_slice(naive.cast(pa.string()), start=10, stop=11, replacement="T")
    return pc.utf8_replace_slice(text, start=23, stop=23, replacement="Z")


def _times(values: Values) -> Texts:
    floored = values.cast(pa.time64("ns")).cast(pa.time32("ms"), safe=False)
    return pc.utf8_replace_slice(floored.cast(pa.string()), start=12, stop=12, replacement="Z")


def _parsed(values: Values, parse: Callable[[str], str]) -> Texts:
    """Each text in canonical form, null where it has none."""

    def canonical(text: str | None) -> str | None:
        try:
            return None if text is None else parse(text.strip())
        except ValueError:
            return None

    return pa.array([canonical(text) for text in values.to_pylist()], pa.string())


def _date_of(text: str) -> str:
    if not ISO_DATE.fullmatch(text):
        raise ValueError
    return date.fromisoformat(text).isoformat()


def _moment_of(text: str) -> str:
    found = datetime.fromisoformat(text)
    try:
        utc = found if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:  # beyond Python's years; with its own one it is out of range, too
        utc = found
    return f"{utc.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _time_of(text: str) -> str:
    found = time.fromisoformat(text.removesuffix("Z"))
    if found.tzinfo is not None:
        raise ValueError
    return f"{found.isoformat(timespec='milliseconds')}Z"


def _dated(values: Values, text: Texts, fits: Flags | None = None) -> CellText:
    checked = _checked(values, text, pc.is_valid(text) if fits is None else fits)
    known = pc.match_substring_regex(checked.text, YEARS)
    return CellText(checked.text, {**checked.problems, "date_out_of_range": pc.invert(known)})


def _checked(values: Values, text: Texts, fits: Flags) -> CellText:
    """Text where the value fits, a problem where there is a value that doesn't."""
    fits = pc.fill_null(fits, False)
    unfit = pc.and_(pc.is_valid(values), pc.invert(fits))
    return CellText(pc.if_else(fits, text, pa.scalar(None, pa.string())), {"wrong_type": unfit})


def _unfit(values: Values) -> CellText:
    return CellText(pa.nulls(len(values), pa.string()), {"wrong_type": pc.is_valid(values)})
