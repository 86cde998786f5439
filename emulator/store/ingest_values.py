"""A CSV cell against its field, as DuckDB SQL: the value to store, or why it is refused.

The same rules as `values` has for JSON, for whole columns at a time; texts of wrong types are
those of Bulk API 2.0 [amp].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.schema.columns import DEFAULT_PRECISION, duckdb_type
from emulator.schema.model import Field, Schema

_EMAIL = r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]+"
_INTEGER = r"[+-]?[0-9]+(\.0*)?"
_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
# The guide's own sample has a date with a Z [bulk guide], not confirmed: both are taken.
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}Z?"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?"
_OFFSET = r"(Z|[+-][0-9]{2}:?[0-9]{2})"
_DATETIME = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_TIME}{_OFFSET}?"
_OLDEST, _NEWEST = "1700-01-01", "4000-12-31"
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
        value: The value in the column's type; null when it is none of it.
        error: `sf__Error`, or null; it reads the value as well, so as not to work it out twice.
    """

    value: str
    error: str


def literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def row_error(code: str, message: str, fields: str = "") -> str:
    """SQL for `sf__Error`: ``CODE:message:fields --`` [amp] [jsforce].

    Args:
        message: SQL that yields text.
        fields: Names, or nothing.
    """
    end = f":{fields} --" if fields else ":--"
    return f"concat({literal(code + ':')}, {message}, {literal(end)})"


def cell_of(schema: Schema, field: Field, text: str, value: str, column: int) -> Cell:
    """What a cell says.

    Args:
        text: SQL of the cell's text, never null nor empty.
        value: How the error's SQL calls the value.
        column: Its place in the file, from 0, which messages name.
    """
    make = _CELLS.get(field.type)
    if make is not None:
        return make(_Given(schema, field, text, value, column))
    return Cell(text, _case([_too_long(field, text)]))


@dataclass(frozen=True)
class _Given:
    """A cell, and what it is read by."""

    schema: Schema
    field: Field
    text: str
    value: str
    column: int

    @property
    def is_none(self) -> tuple[str, str]:
        """Refused when the text is no value of the type."""
        return f"{self.value} IS NULL", self.wrong_type

    @property
    def wrong_type(self) -> str:
        message = (
            f"concat('Failed to deserialize field at col {self.column}. Due to, ''', {self.text}, "
            f"''' is not a valid value for the type {_XSD[self.field.type]}')"
        )
        return row_error("INVALID_FIELD", message, self.field.name)

    @property
    def out_of_range(self) -> str:
        start = literal(f"{self.field.label}: value outside of valid range on numeric field: ")
        return row_error(
            "NUMBER_OUTSIDE_VALID_RANGE", f"concat({start}, {self.text})", self.field.name
        )

    def shaped(self, pattern: str, value: str) -> str:
        """The value of texts of a shape; null for others."""
        return f"CASE WHEN {_matches(self.text, pattern)} THEN {value} END"


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
        # The label, not the API name [camel].
        f"concat({literal(field.label + ': data value too large: ')}, {text}, "
        f"' (max length={field.length})')"
    )
    return f"length({text}) > {field.length}", row_error("STRING_TOO_LONG", message, field.name)


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {literal(pattern)})"


def _ends(text: str, pattern: str) -> str:
    return f"regexp_matches({text}, {literal(pattern + '$')})"


def _boolean(cell: _Given) -> Cell:
    value = (
        f"CASE WHEN lower({cell.text}) IN ('true', '1', 'yes') THEN true "
        f"WHEN lower({cell.text}) IN ('false', '0', 'no') THEN false END"
    )
    return Cell(value, _case([cell.is_none]))


def _whole_number(cell: _Given) -> Cell:
    number = f"TRY_CAST(split_part({cell.text}, '.', 1) AS {duckdb_type(cell.field)})"
    outside = f"{cell.value} IS NULL"
    if cell.field.digits:
        outside += f" OR abs({cell.value}::HUGEINT) >= {10**cell.field.digits}"
    error = _case(
        [
            (f"NOT {_matches(cell.text, _INTEGER)}", cell.wrong_type),
            (outside, cell.out_of_range),
        ]
    )
    return Cell(number, error)


def _decimal(cell: _Given) -> Cell:
    whole_digits = (cell.field.precision or DEFAULT_PRECISION) - cell.field.scale
    # Decimals beyond the scale stay (see `duckdb_type`). Adding a zero takes a minus off zero.
    value = cell.shaped(_NUMBER, f"TRY_CAST({cell.text} AS DOUBLE) + 0.0")
    outside = f"abs({cell.value}) >= 1e{whole_digits}"
    return Cell(value, _case([cell.is_none, (outside, cell.out_of_range)]))


def _date(cell: _Given) -> Cell:
    value = cell.shaped(_DATE, f"TRY_CAST(rtrim({cell.text}, 'Z') AS DATE)")
    outside = f"{cell.value} NOT BETWEEN DATE '{_OLDEST}' AND DATE '{_NEWEST}'"
    return Cell(value, _case([cell.is_none, (outside, cell.out_of_range)]))


def _datetime(cell: _Given) -> Cell:
    with_colon = f"regexp_replace({cell.text}, '([+-][0-9]{{2}})([0-9]{{2}})$', '\\1:\\2')"
    # Without an offset it is UTC, whatever the zone of DuckDB's session.
    zoned = f"{with_colon} || CASE WHEN {_ends(cell.text, _OFFSET)} THEN '' ELSE 'Z' END"
    # Whole seconds, as Salesforce stores them; a cast to TIMESTAMP would drop the offset.
    moment = f"date_trunc('second', make_timestamp(epoch_us(TRY_CAST({zoned} AS TIMESTAMPTZ))))"
    outside = f"{cell.value}::DATE NOT BETWEEN DATE '{_OLDEST}' AND DATE '{_NEWEST}'"
    return Cell(cell.shaped(_DATETIME, moment), _case([cell.is_none, (outside, cell.out_of_range)]))


def _time(cell: _Given) -> Cell:
    moment = f"TRY_CAST(rtrim({cell.text}, 'Z') AS TIME)"
    return Cell(cell.shaped(_TIME + "Z?", moment), _case([cell.is_none]))


def _base64(cell: _Given) -> Cell:
    bad = f"TRY(from_base64({cell.text})) IS NULL"
    return Cell(cell.text, _case([(bad, cell.wrong_type)]))


def _email(cell: _Given) -> Cell:
    field, text = cell.field, cell.text
    message = f"concat({literal(field.label + ': invalid email address: ')}, {text})"
    error = row_error("INVALID_EMAIL_ADDRESS", message, field.name)
    return Cell(text, _case([_too_long(field, text), (f"NOT {_matches(text, _EMAIL)}", error)]))


def _picklist(cell: _Given) -> Cell:
    field, text = cell.field, cell.text
    bad = f"{text} NOT IN {_list_of(field)}" if field.restricted_picklist else ""
    return Cell(text, _case([_too_long(field, text), (bad, _bad_choice(field, text))]))


def _multipicklist(cell: _Given) -> Cell:
    field = cell.field
    parts = f"list_filter(string_split({cell.text}, ';'), lambda part: part <> '')"
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


def _reference(cell: _Given) -> Cell:
    schema, field, text = cell.schema, cell.field, cell.text
    known = [schema.objects[name] for name in field.reference_to if name in schema.objects]
    bad = f"{cell.value} IS NULL"
    if known:
        own = {one.id_prefix for one in known}
        foreign = sorted(
            one.id_prefix
            for one in schema.objects.values()
            if one.id_prefix and one.id_prefix not in own
        )
        listed = ", ".join(literal(prefix) for prefix in foreign)
        bad += f" OR {text}[1:3] IN ({listed})"
    return Cell(f"sf_id18({text})", _case([(bad, malformed_id(field.label, field.name, text))]))


def malformed_id(label: str, name: str, text: str) -> str:
    """SQL of the error for an Id that is none, or one of another object."""
    message = f"concat({literal(label + ': id value of incorrect type: ')}, {text})"
    return row_error("MALFORMED_ID", message, name)


def _list_of(field: Field) -> str:
    return "(" + ", ".join(literal(value) for value in field.picklist_values or ("",)) + ")"


def _array_of(field: Field) -> str:
    return "[" + ", ".join(literal(value) for value in field.picklist_values) + "]::VARCHAR[]"


_CELLS: dict[str, Callable[[_Given], Cell]] = {
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
