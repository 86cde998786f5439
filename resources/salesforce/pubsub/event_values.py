"""Values as events carry them, made into Arrow columns."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from resources.salesforce.arrow_types import LARGEST_PRECISION, TEXT_LIST, TIMESTAMP, WIDE_SCALE
from resources.salesforce.pubsub.avro_columns import Column

WIDE = pa.decimal128(LARGEST_PRECISION, WIDE_SCALE)


def column(values: Column, wanted: pa.DataType) -> Column:
    """A column of the wanted type; of a number with more digits, the widest decimal.

    Empty text is null. Dates and datetimes are milliseconds since 1970, in UTC.

    Raises:
        pa.ArrowInvalid: A value isn't of the type.
    """
    if values.null_count == len(values):
        kind: Any = wanted
        return pa.nulls(len(values), kind)
    if pa.types.is_string(wanted):
        return _filled(values)
    if wanted == TEXT_LIST:
        return values if values.type == TEXT_LIST else pc.split_pattern(_filled(values), ";")
    if pa.types.is_date32(wanted):
        # Through timestamps, whose cast to days also rounds moments before 1970 down.
        return pc.floor_temporal(values.cast(pa.int64()).cast(pa.timestamp("ms")), unit="day").cast(
            wanted
        )
    if pa.types.is_timestamp(wanted):
        return values.cast(pa.int64()).cast(TIMESTAMP)
    if pa.types.is_time32(wanted):
        return values.cast(pa.int32()).cast(wanted)
    if pa.types.is_decimal(wanted):
        return _decimals(values, wanted)
    return values.cast(wanted)


def _filled(texts: Column) -> Column:
    empty = pc.equal(texts, pa.scalar(""))
    if not pc.any(empty).as_py():
        return texts
    return pc.if_else(empty, pa.scalar(None, pa.string()), texts)


def _decimals(values: Column, wanted: pa.DataType) -> Column:
    # Numbers travel as doubles. Their shortest text is what was meant; a cast of the double
    # itself would round silently.
    texts = values.cast(pa.float64()).cast(pa.string())
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
