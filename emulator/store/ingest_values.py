"""A CSV cell against its field, as DuckDB SQL: the value to store, or why it is refused.

The same rules as `values` has for JSON, for whole columns at a time; texts of wrong types are
those of Bulk API 2.0 (bulk2.md, "Result files").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.schema.columns import DEFAULT_PRECISION, duckdb_type
from emulator.schema.model import Field, Schema

_EMAIL = r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]+"
_INTEGER = r"[+-]?[0-9]+(\.0*)?"
_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
# The guide's own sample has a date with a Z (bulk2.md, contested): both are taken.
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}Z?"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?"
_DATETIME = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_TIME}(Z|[+-][0-9]{{2}}:?[0-9]{{2}})?"
_OLDEST, _NEWEST = "1700-01-01", "4000-12-31"
_INT_BITS = {"int": 31, "long": 63}
_TEXT_TYPES_WITH_LENGTH = frozenset(
    {"string", "textarea", "email", "phone", "url", "combobox", "encryptedstring", "picklist"}
)
_XSD = {
    "boolean": "xsd:boolean", "int": "xsd:int", "long": "xsd:long", "double": "xsd:double",
    "currency": "xsd:double", "percent": "xsd:double", "date": "xsd:date",
    "datetime": "xsd:dateTime", "time": "xsd:time", "base64": "xsd:base64Binary",
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """SQL over a cell's text.

    Attributes:
        value: The value in the column's type; null when it is refused.
        error: `sf__Error` without its field list's end, or null.
    """

    value: str
    error: str


def literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def row_error(code: str, message: str, fields: str = "") -> str:
    """SQL for `sf__Error`: ``CODE:message:fields --`` (bulk2.md).

    Args:
        message: SQL that yields text.
        fields: Names, or nothing.
    """
    end = f":{fields} --" if fields else ":--"
    return f"concat({literal(code + ':')}, {message}, {literal(end)})"


def cell_of(schema: Schema, field: Field, text: str, column: int) -> Cell:
    """What a cell says.

    Args:
        text: SQL of the cell's text, never null nor empty.
        column: Its place in the file, from 0, which messages name.
    """
    make = _CELLS.get(field.type)
    if make is not None:
        return make(schema, field, text, column)
    return Cell(text, _case([_too_long(field, text)]))


def _case(branches: list[tuple[str, str]]) -> str:
    """The error of the first condition that holds; null without one."""
    kept = [(when, then) for when, then in branches if when]
    if not kept:
        return "NULL"
    return "CASE " + " ".join(f"WHEN {when} THEN {then}" for when, then in kept) + " END"


def _too_long(field: Field, text: str) -> tuple[str, str]:
    if field.type not in _TEXT_TYPES_WITH_LENGTH or field.length <= 0:
        return "", ""
    message = (
        # The label, not the API name (rest.md).
        f"concat({literal(field.label + ': data value too large: ')}, {text}, "
        f"' (max length={field.length})')"
    )
    return f"length({text}) > {field.length}", row_error("STRING_TOO_LONG", message, field.name)


def _wrong_type(field: Field, text: str, column: int) -> str:
    message = (
        f"concat('Failed to deserialize field at col {column}. Due to, ''', {text}, "
        f"''' is not a valid value for the type {_XSD[field.type]}')"
    )
    return row_error("INVALID_FIELD", message, field.name)


def _out_of_range(field: Field, text: str) -> str:
    start = literal(f"{field.label}: value outside of valid range on numeric field: ")
    return row_error("NUMBER_OUTSIDE_VALID_RANGE", f"concat({start}, {text})", field.name)


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {literal(pattern)})"


def _boolean(schema: Schema, field: Field, text: str, column: int) -> Cell:
    value = (
        f"CASE WHEN lower({text}) IN ('true', '1', 'yes') THEN true "
        f"WHEN lower({text}) IN ('false', '0', 'no') THEN false END"
    )
    return Cell(value, _case([(f"({value}) IS NULL", _wrong_type(field, text, column))]))


def _whole_number(schema: Schema, field: Field, text: str, column: int) -> Cell:
    number = f"TRY_CAST(split_part({text}, '.', 1) AS HUGEINT)"
    bits = 2 ** _INT_BITS[field.type]
    outside = f"{number} IS NULL OR {number} NOT BETWEEN {-bits} AND {bits - 1}"
    if field.digits:
        outside += f" OR abs({number}) >= {10**field.digits}"
    error = _case(
        [
            (f"NOT {_matches(text, _INTEGER)}", _wrong_type(field, text, column)),
            (outside, _out_of_range(field, text)),
        ]
    )
    return Cell(f"TRY_CAST(split_part({text}, '.', 1) AS {duckdb_type(field)})", error)


def _decimal(schema: Schema, field: Field, text: str, column: int) -> Cell:
    number = f"TRY_CAST({text} AS DOUBLE)"
    whole_digits = (field.precision or DEFAULT_PRECISION) - field.scale
    error = _case(
        [
            (f"NOT {_matches(text, _NUMBER)}", _wrong_type(field, text, column)),
            (f"abs({number}) >= 1e{whole_digits}", _out_of_range(field, text)),
        ]
    )
    # Decimals beyond the scale stay (see `duckdb_type`). Adding a zero takes a minus off zero.
    return Cell(f"({number} + 0.0)", error)


def _date(schema: Schema, field: Field, text: str, column: int) -> Cell:
    day = f"TRY_CAST(rtrim({text}, 'Z') AS DATE)"
    error = _case(
        [
            (
                f"NOT {_matches(text, _DATE)} OR {day} IS NULL",
                _wrong_type(field, text, column),
            ),
            (f"{day} NOT BETWEEN '{_OLDEST}' AND '{_NEWEST}'", _out_of_range(field, text)),
        ]
    )
    return Cell(day, error)


def _datetime(schema: Schema, field: Field, text: str, column: int) -> Cell:
    with_colon = f"regexp_replace({text}, '([+-][0-9]{{2}})([0-9]{{2}})$', '\\1:\\2')"
    # Whole seconds, as Salesforce stores them.
    moment = f"date_trunc('second', TRY_CAST({with_colon} AS TIMESTAMP))"
    error = _case(
        [
            (
                f"NOT {_matches(text, _DATETIME)} OR {moment} IS NULL",
                _wrong_type(field, text, column),
            ),
            (
                f"{moment}::DATE NOT BETWEEN '{_OLDEST}' AND '{_NEWEST}'",
                _out_of_range(field, text),
            ),
        ]
    )
    return Cell(moment, error)


def _time(schema: Schema, field: Field, text: str, column: int) -> Cell:
    moment = f"TRY_CAST(rtrim({text}, 'Z') AS TIME)"
    bad = f"NOT {_matches(text, _TIME + 'Z?')} OR {moment} IS NULL"
    return Cell(moment, _case([(bad, _wrong_type(field, text, column))]))


def _base64(schema: Schema, field: Field, text: str, column: int) -> Cell:
    bad = f"TRY(from_base64({text})) IS NULL"
    return Cell(text, _case([(bad, _wrong_type(field, text, column))]))


def _email(schema: Schema, field: Field, text: str, column: int) -> Cell:
    message = f"concat({literal(field.label + ': invalid email address: ')}, {text})"
    bad = f"NOT {_matches(text, _EMAIL)}"
    return Cell(
        text,
        _case(
            [
                _too_long(field, text),
                (bad, row_error("INVALID_EMAIL_ADDRESS", message, field.name)),
            ]
        ),
    )


def _picklist(schema: Schema, field: Field, text: str, column: int) -> Cell:
    bad = f"{text} NOT IN {_list_of(field)}" if field.restricted_picklist else ""
    return Cell(text, _case([_too_long(field, text), (bad, _bad_choice(field, text))]))


def _multipicklist(schema: Schema, field: Field, text: str, column: int) -> Cell:
    parts = f"list_filter(string_split({text}, ';'), lambda part: part <> '')"
    known = _array_of(field)
    # Salesforce keeps the values of a multi-select in the order of their definition.
    defined = f"list_filter({known}, lambda one: list_contains({parts}, one))"
    others = f"list_filter({parts}, lambda part: NOT list_contains({known}, part))"
    value = f"nullif(array_to_string(list_concat({defined}, {others}), ';'), '')"
    if not field.restricted_picklist:
        return Cell(value, "NULL")
    return Cell(value, _case([(f"len({others}) > 0", _bad_choice(field, f"({others})[1]"))]))


def _bad_choice(field: Field, text: str) -> str:
    start = literal(f"{field.label}: bad value for restricted picklist field: ")
    return row_error(
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", f"concat({start}, {text})", field.name
    )


def _reference(schema: Schema, field: Field, text: str, column: int) -> Cell:
    value = f"sf_id18({text})"
    known = [schema.objects[name] for name in field.reference_to if name in schema.objects]
    bad = f"{value} IS NULL"
    if known:
        own = {one.id_prefix for one in known}
        foreign = sorted(
            one.id_prefix
            for one in schema.objects.values()
            if one.id_prefix and one.id_prefix not in own
        )
        listed = ", ".join(literal(prefix) for prefix in foreign)
        bad += f" OR {text}[1:3] IN ({listed})"
    return Cell(value, _case([(bad, malformed_id(field.label, field.name, text))]))


def malformed_id(label: str, name: str, text: str) -> str:
    """SQL of the error for an Id that is none, or one of another object."""
    message = f"concat({literal(label + ': id value of incorrect type: ')}, {text})"
    return row_error("MALFORMED_ID", message, name)


def _list_of(field: Field) -> str:
    return "(" + ", ".join(literal(value) for value in field.picklist_values or ("",)) + ")"


def _array_of(field: Field) -> str:
    return "[" + ", ".join(literal(value) for value in field.picklist_values) + "]::VARCHAR[]"


_CELLS: dict[str, Callable[[Schema, Field, str, int], Cell]] = {
    "boolean": _boolean,
    "int": _whole_number,
    "long": _whole_number,
    "double": _decimal,
    "currency": _decimal,
    "percent": _decimal,
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "base64": _base64,
    "reference": _reference,
    "email": _email,
    "picklist": _picklist,
    "multipicklist": _multipicklist,
}
