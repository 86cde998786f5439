"""Which Arrow type holds a Salesforce field; decided by describe, never by looking at values."""

from collections.abc import Mapping, Sequence
from typing import Literal

import pyarrow as pa

from resources.salesforce.describe import FieldDescribe, SObjectDescribe
from resources.salesforce.errors import UnselectableFieldError

Numbers = Literal["decimal", "float"]
TIMESTAMP = pa.timestamp("ms", "UTC")
TIME = pa.time32("ms")
TEXT_LIST = pa.list_(pa.string())
NUMBER_TYPES = frozenset({"double", "currency", "percent"})
# Everything that isn't here is text: id, reference, string, picklist, email, url, phone, textarea,
# combobox, encryptedstring, anyType, complexvalue, and whatever Salesforce adds.
TYPES: Mapping[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "date": pa.date32(),
    "datetime": TIMESTAMP,
    "time": TIME,
    "multipicklist": TEXT_LIST,
}
# Bulk refuses compounds (their parts are fields of their own), and base64 comes as a URL.
UNSELECTABLE = frozenset({"address", "location", "base64"})
PRECISION_IF_UNSAID = 18  # describe says 0 for some doubles; Salesforce keeps 18 digits
LARGEST_PRECISION = 38
# 18 digits before the point is the most that a field can have; the rest of a decimal128 goes
# behind it. Numbers travel as doubles, so that one of 17 digits fits if it is at least 0.0001.
WIDE_SCALE = 20


def arrow_schema(
    describe: SObjectDescribe, field_names: Sequence[str], numbers: Numbers = "decimal"
) -> pa.Schema:
    """The columns of these fields, in this order, named as the org spells them.

    Args:
        numbers: What double, currency and percent become: ``decimal`` with the described digits
            (a value with more is a ``DigitsError``, never rounded; see ``widened``), or ``float``.

    Raises:
        UnknownFieldError: The API user sees no such field.
        UnselectableFieldError: A compound or binary field, with the parts to select instead.
    """
    fields = [describe.field(name) for name in field_names]
    return pa.schema([pa.field(field.name, _type(describe, field, numbers)) for field in fields])


def _type(describe: SObjectDescribe, field: FieldDescribe, numbers: Numbers) -> pa.DataType:
    if field.type in UNSELECTABLE:
        parts = [part.name for part in describe.parts(field.name)]
        raise UnselectableFieldError(describe.name, field.name, field.type, parts)
    if field.type in NUMBER_TYPES:
        if numbers == "float":
            return pa.float64()
        precision = min(field.precision or PRECISION_IF_UNSAID, LARGEST_PRECISION)
        return pa.decimal128(max(precision, field.scale), field.scale)
    return TYPES.get(field.type, pa.string())


def widened(schema: pa.Schema, column: str) -> pa.Schema | None:
    """The schema with more digits for a number; None if it has the most already.

    Every value of the narrower type fits the wider one. A field's scale rounds what people type;
    what the API is sent is stored and returned with all its decimals (Salesforce help, articles
    000387302 and 000385689).
    """
    index = schema.get_field_index(column)
    field = schema.field(index)
    if not pa.types.is_decimal(field.type):
        return None
    whole_digits = field.type.precision - field.type.scale
    scale = min(max(WIDE_SCALE, field.type.scale), LARGEST_PRECISION - whole_digits)
    wide = pa.decimal128(LARGEST_PRECISION, scale)
    return None if wide == field.type else schema.set(index, field.with_type(wide))
