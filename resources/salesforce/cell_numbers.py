"""Numbers as plain decimal text: no exponent, no plus sign, no zeros at the end."""

from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute

from resources.salesforce.describe import FieldDescribe

pc: Any = pyarrow.compute  # the stubs know only some of the forms of its functions

Values: TypeAlias = "pa.Array[Any]"
Texts: TypeAlias = Any  # arrays of strings; the stubs keep no track of them
Flags: TypeAlias = Any  # arrays of booleans
CANONICAL = r"^(0|-?[1-9][0-9]*|-?(0|[1-9][0-9]*)\.[0-9]*[1-9])$"
PLAIN = r"^(-?(?:0|[1-9][0-9]*))\.([0-9]*?)0*$"
WHOLE = r"^-?[0-9]+$"
MOST_DIGITS = 18  # Salesforce keeps no more
INTEGER_DIGITS = {"int": 10, "long": 18}  # where describe says 0


def number_text(values: Values, described: FieldDescribe) -> tuple[Texts, Flags, Flags]:
    """Text of each value, whether it is a number that the field's type can be, whether it has room.

    Whole digits beyond the described ones are refused by Salesforce. Decimals beyond the described
    scale are stored as they are sent, as long as all digits together are no more than 18.
    """
    kind = values.type
    if not (
        pa.types.is_integer(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_string(kind)
    ):
        nothing = pa.nulls(len(values), pa.string())
        flags = pc.is_valid(nothing)
        return nothing, flags, flags
    text = _canonical(values.cast(pa.string()))
    is_number = pc.fill_null(pc.match_substring_regex(text, CANONICAL), False)
    if described.type in INTEGER_DIGITS:
        is_number = pc.and_(is_number, pc.fill_null(pc.match_substring_regex(text, WHOLE), False))
    return text, is_number, _has_room(text, described)


def integer_digits(described: FieldDescribe) -> int | None:
    """How many digits a whole number has at most; None for a field with decimals."""
    most = INTEGER_DIGITS.get(described.type)
    return most and (described.digits or most)


def _has_room(text: Texts, described: FieldDescribe) -> Flags:
    digits = pc.utf8_ltrim(text, characters="-")
    whole = pc.utf8_length(pc.replace_substring_regex(digits, r"^0$|\..*|^0\..*", ""))
    most = integer_digits(described)
    if most is None:
        most = (described.precision or MOST_DIGITS) - described.scale
    significant = pc.utf8_ltrim(pc.replace_substring(digits, ".", ""), characters="0")
    fits = pc.less_equal(whole, most)
    return pc.and_(fits, pc.less_equal(pc.utf8_length(significant), MOST_DIGITS))


def _canonical(text: Texts) -> Texts:
    """Numbers in their one form; what isn't a number stays as it is."""
    plain = pc.replace_substring_regex(text, PLAIN, r"\1.\2")
    plain = pc.replace_substring_regex(plain, r"^(-?[0-9]+)\.$", r"\1")
    done = pc.fill_null(pc.match_substring_regex(plain, CANONICAL), True)
    if done.false_count == 0:
        return plain
    known = zip(plain.to_pylist(), done.to_pylist(), strict=True)
    return pa.array([text if fine else _rewritten(text) for text, fine in known], pa.string())


def _rewritten(text: str) -> str:
    if "_" in text:  # Python takes 1_000 for a number
        return text
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return text
    # Beyond these it has no room anyway, and a plain form could be millions of digits long.
    if not number.is_finite() or abs(number.adjusted()) > 60:
        return text
    if not number:
        return "0"
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
