"""Values as events carry them, made into Arrow columns."""

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from resources.salesforce.arrow_types import LARGEST_PRECISION, TEXT_LIST, TIMESTAMP, WIDE_SCALE

Column: TypeAlias = "pa.Array[Any]"
WIDE = pa.decimal128(LARGEST_PRECISION, WIDE_SCALE)


def column(values: Sequence[Any], wanted: pa.DataType) -> Column:
    """A column of the wanted type; of a number with more digits, the widest decimal.

    Empty text is null. Dates and datetimes are milliseconds since 1970, in UTC.

    Raises:
        pa.ArrowInvalid, pa.ArrowTypeError, TypeError: A value isn't of the type.
    """
    if pa.types.is_string(wanted):
        return _text(values)
    if wanted == TEXT_LIST:
        return _texts(values)
    if pa.types.is_date32(wanted):
        # Through timestamps, whose cast to days also rounds moments before 1970 down.
        return pc.floor_temporal(pa.array(values, pa.timestamp("ms")), unit="day").cast(wanted)
    if pa.types.is_timestamp(wanted):
        return pa.array(values, pa.int64()).cast(TIMESTAMP)
    if pa.types.is_time32(wanted):
        return pa.array(values, pa.int32()).cast(wanted)
    if pa.types.is_decimal(wanted):
        return _decimals(values, wanted)
    return pa.array(values, wanted)


def _text(values: Sequence[Any]) -> Column:
    try:
        found = pa.array(values, pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        found = pa.array([_as_text(value) for value in values], pa.string())
    empty = pc.equal(found, pa.scalar(""))
    if not pc.any(empty).as_py():
        return found
    filled: Column = pc.if_else(empty, pa.scalar(None, pa.string()), found)
    return filled


def _as_text(value: Any) -> str | None:
    """A type without columns of its own (maps, unknown records) as JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value, default=str)


def _texts(values: Sequence[Any]) -> Column:
    if any(isinstance(value, list) for value in values):
        return pa.array(values, TEXT_LIST)
    return pc.split_pattern(_text(values), ";")


def _decimals(values: Sequence[Any], wanted: pa.DataType) -> Column:
    # Numbers travel as doubles. Their shortest text is what was meant; a cast of the double
    # itself would round silently.
    texts = pa.array(values, pa.float64()).cast(pa.string())
    try:
        return texts.cast(wanted)
    except pa.ArrowInvalid:
        # "1200.0" has a digit that a type without decimals lacks, as has one that was sent with
        # more decimals than its field shows.
        wide = texts.cast(WIDE)
        try:
            return wide.cast(wanted)
        except pa.ArrowInvalid:
            return wide
