"""SOQL literals to SQL parameters, checked against the type of what they're compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from emulator.ids import is_valid, to_18
from emulator.soql.context import Compilation
from emulator.soql.date_literals import day_range
from emulator.soql.errors import SoqlError
from emulator.soql.fragments import Sql, bind
from emulator.soql.nodes import (
    BooleanValue,
    DateLiteral,
    DateTimeValue,
    DateValue,
    NullValue,
    NumberValue,
    StringValue,
    TimeValue,
    Value,
)
from emulator.soql.operands import Operand
from emulator.soql.string_literals import BadEscapeError, decode, decode_pattern

# Source: [soql reference].
MAX_STRING_CHARS = 4_000
FIRST_DATE, LAST_DATE = date(1700, 1, 1), date(4000, 12, 31)
MAX_INTEGER = 2**63 - 1

TEXT_KINDS = frozenset({"string", "picklist", "multipicklist"})


@dataclass(frozen=True, slots=True)
class Range:
    """A date literal: from `start` up to, not including, `end`."""

    start: Sql
    end: Sql


# None is null; an empty string is null, too.
Bound = Sql | Range | None


def bound(compilation: Compilation, operand: Operand, value: Value) -> Bound:
    """The value for a comparison with the operand.

    Raises:
        SoqlError: ``INVALID_FIELD`` when the literal has another type than the operand.
    """
    if isinstance(value, NullValue):
        return None
    if operand.kind in TEXT_KINDS:
        text = string(compilation, operand, value)
        return bind(text) if text else None
    if operand.kind == "id":
        return _record_id(compilation, operand, value)
    return _TYPED[operand.kind](compilation, operand, value)


def string(compilation: Compilation, operand: Operand, value: Value) -> str:
    """The text of a string literal."""
    return _decoded(compilation, operand, value, decode)


def like_pattern(compilation: Compilation, operand: Operand, value: Value) -> str:
    """The pattern of a string literal after LIKE."""
    return _decoded(compilation, operand, value, decode_pattern)


def wrong_type(compilation: Compilation, operand: Operand) -> SoqlError:
    """Source: [soql reference]; the text is not confirmed."""
    kind = "string" if operand.kind in TEXT_KINDS else operand.kind
    if operand.kind == "id":
        kind = "ID"
    quoted = "" if kind in ("string", "ID") else "not "
    message = (
        f"value of filter criterion for field '{operand.name}' must be of type {kind} "
        f"and should {quoted}be enclosed in quotes"
    )
    return compilation.error(operand.position, message, "INVALID_FIELD")


def _decoded(
    compilation: Compilation, operand: Operand, value: Value, decoder: Callable[[str], str]
) -> str:
    if not isinstance(value, StringValue):
        raise wrong_type(compilation, operand)
    try:
        text = decoder(value.raw)
    except BadEscapeError as error:
        message = f"Illegal character sequence '{error.sequence}' in string literal."
        raise compilation.error(value.position + error.index, message) from None
    if len(text) > MAX_STRING_CHARS:
        message = f"a string in a condition may have at most {MAX_STRING_CHARS} characters"
        raise compilation.error(value.position, message)
    return text


def _record_id(compilation: Compilation, operand: Operand, value: Value) -> Bound:
    text = string(compilation, operand, value)
    if not text:
        return None
    if not is_valid(text):
        raise compilation.error(
            operand.position, f"invalid ID field: {text}", "INVALID_QUERY_FILTER_OPERATOR"
        )
    return bind(to_18(text))


def _boolean(compilation: Compilation, operand: Operand, value: Value) -> Bound:
    if not isinstance(value, BooleanValue):
        raise wrong_type(compilation, operand)
    return bind(value.value)


def _integer(compilation: Compilation, operand: Operand, value: Value) -> Bound:
    number = _number(compilation, operand, value)
    if number != number.to_integral_value() or abs(number) > MAX_INTEGER:
        raise wrong_type(compilation, operand)
    return bind(int(number))


def _double(compilation: Compilation, operand: Operand, value: Value) -> Bound:
    return bind(float(_number(compilation, operand, value)))


def _number(compilation: Compilation, operand: Operand, value: Value) -> Decimal:
    if not isinstance(value, NumberValue):
        raise wrong_type(compilation, operand)
    try:
        return Decimal(value.text)
    except InvalidOperation:  # an exponent of twenty digits
        raise wrong_type(compilation, operand) from None


def _date(compilation: Compilation, operand: Operand, value: Value) -> Bound:
    if isinstance(value, DateLiteral):
        days = _days(compilation, value)
        return Range(bind(days.start), bind(days.end))
    if not isinstance(value, DateValue):
        raise wrong_type(compilation, operand)
    day = _parsed(compilation, value.position, value.text, date.fromisoformat)
    _check_year(compilation, value.position, day)
    return bind(day)


def _datetime(compilation: Compilation, operand: Operand, value: Value) -> Bound:
    context = compilation.context
    if isinstance(value, DateLiteral):
        days = _days(compilation, value)
        end = context.day_start_utc(days.end)
        if days.until_now:
            end = context.now_utc + timedelta(seconds=1)
        return Range(bind(context.day_start_utc(days.start)), bind(end))
    if not isinstance(value, DateTimeValue):
        raise wrong_type(compilation, operand)
    moment = _parsed(compilation, value.position, value.text, datetime.fromisoformat)
    _check_year(compilation, value.position, moment.date())
    return bind(moment.astimezone(UTC).replace(tzinfo=None))


def _time(compilation: Compilation, operand: Operand, value: Value) -> Bound:
    if not isinstance(value, TimeValue):
        raise wrong_type(compilation, operand)
    text = value.text.removesuffix("Z")
    return bind(_parsed(compilation, value.position, text, time.fromisoformat))


def _no_comparison(compilation: Compilation, operand: Operand, value: Value) -> Bound:
    message = f"field '{operand.name}' can not be filtered in a query call"
    raise compilation.error(operand.position, message, "INVALID_FIELD")


_TYPED: dict[str, Callable[[Compilation, Operand, Value], Bound]] = {
    "boolean": _boolean,
    "int": _integer,
    "double": _double,
    "date": _date,
    "dateTime": _datetime,
    "time": _time,
    "compound": _no_comparison,
}


def _days(compilation: Compilation, literal: DateLiteral) -> Any:
    try:
        days = day_range(literal.name, literal.count, compilation.context.calendar)
    except (OverflowError, ValueError):
        raise _out_of_range(compilation, literal.position) from None
    _check_year(compilation, literal.position, days.start)
    _check_year(compilation, literal.position, days.end)
    return days


def _parsed(compilation: Compilation, position: int, text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except ValueError:
        message = f"invalid date or time: {text}"
        raise compilation.error(position, message) from None


def _check_year(compilation: Compilation, position: int, day: date) -> None:
    if not FIRST_DATE <= day <= LAST_DATE:
        raise _out_of_range(compilation, position)


def _out_of_range(compilation: Compilation, position: int) -> SoqlError:
    return compilation.error(position, f"dates run from {FIRST_DATE} to {LAST_DATE}")
