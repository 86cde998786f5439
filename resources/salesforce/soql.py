"""SOQL written safely: names checked, values quoted, sizes known before sending."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import quote

from resources.salesforce.errors import SoqlError

Value = str | bool | int | float | Decimal | date | datetime | None
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*){0,5}")
LONGEST_STATEMENT = 100_000  # characters, SOQL reference; MALFORMED_QUERY beyond
LONGEST_STRING = 4_000  # characters of one string in WHERE
LONGEST_URI_BYTES = 16_384  # HTTP 414 beyond
# Room for scheme, host, path and parameter name in front of the query.
LONGEST_QUERY_BYTES = LONGEST_URI_BYTES - 384
FIRST_YEAR, LAST_YEAR = 1700, 4000
ESCAPES = {
    "\\": "\\\\",
    "'": "\\'",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
}


def name(text: str) -> str:
    """``text`` if it can be the name of an object or a field, dotted for parents' fields."""
    if not NAME.fullmatch(text):
        raise SoqlError(f'"{text[:80]}" can\'t be the name of an object or a field')
    return text


def string(text: str) -> str:
    """A quoted string. Doubling quotes doesn't escape in SOQL; a backslash does."""
    if len(text) > LONGEST_STRING:
        raise SoqlError(f"a text of {len(text):,} characters; {LONGEST_STRING:,} are allowed")
    return "'" + "".join(_escaped(character) for character in text) + "'"


def datetime_literal(moment: datetime) -> str:
    """Unquoted, in UTC: ``2026-01-01T00:00:00Z``, with milliseconds only if there are some."""
    if moment.tzinfo is None:
        raise SoqlError("a datetime without time zone")
    utc = moment.astimezone(UTC)
    _check_year(utc.year)
    if utc.microsecond % 1000:
        raise SoqlError("a datetime finer than Salesforce's milliseconds")
    fraction = f".{utc.microsecond // 1000:03d}" if utc.microsecond else ""
    return f"{utc:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def literal(value: Value) -> str:
    """Any value as SOQL wants it: dates and numbers bare, texts quoted, None as ``null``."""
    match value:
        case None:
            return "null"
        case bool():
            return "TRUE" if value else "FALSE"
        case str():
            return string(value)
        case datetime():
            return datetime_literal(value)
        case date():
            _check_year(value.year)
            return value.isoformat()
        case int() | float() | Decimal():
            return _number(value)


def compare(field: str, operator: str, value: Value) -> str:
    """``field operator value``."""
    if operator not in ("=", "!=", "<", "<=", ">", ">="):
        raise SoqlError(f'"{operator}" isn\'t a comparison')
    return f"{name(field)} {operator} {literal(value)}"


def window(field: str, start: datetime | None, end: datetime | None) -> str:
    """``start <= field < end``; an end that is None is open. Empty when both are."""
    bounds = []
    if start is not None:
        bounds.append(compare(field, ">=", start))
    if end is not None:
        bounds.append(compare(field, "<", end))
    return " AND ".join(bounds)


def in_list(field: str, values: Sequence[Value]) -> str:
    """``field IN (…)``."""
    if not values:
        raise SoqlError(f"{name(field)} IN an empty list")
    return f"{name(field)} IN ({','.join(literal(value) for value in values)})"


def all_of(*conditions: str) -> str:
    """The conditions joined by AND, each in parentheses: SOQL refuses AND beside OR without."""
    given = [condition.strip() for condition in conditions if condition.strip()]
    return given[0] if len(given) == 1 else " AND ".join(f"({condition})" for condition in given)


def negated(condition: str) -> str:
    """Rows for which ``condition`` doesn't hold."""
    return f"(NOT ({condition.strip()}))"


def select(
    object_name: str,
    fields: Sequence[str],
    *,
    where: str = "",
    order_by: Sequence[str] = (),
    limit: int | None = None,
) -> str:
    """A whole statement.

    Raises:
        SoqlError: No field, one twice (Salesforce refuses both), a name that can't be one, or a
            statement that is too long.
    """
    names = [name(field) for field in fields]
    spellings = Counter(field.lower() for field in names)
    twice = {field for field in names if spellings[field.lower()] > 1}
    if not names or twice:
        raise SoqlError(f"fields twice: {', '.join(sorted(twice))}" if twice else "no field")
    parts = [f"SELECT {', '.join(names)} FROM {name(object_name)}"]
    if where.strip():
        parts.append(f"WHERE {where.strip()}")
    if order_by:
        parts.append(f"ORDER BY {', '.join(name(field) for field in order_by)}")
    if limit is not None:
        parts.append(f"LIMIT {limit:d}")
    return _checked(" ".join(parts))


def count(object_name: str, where: str = "") -> str:
    """``SELECT COUNT() FROM …``; the number comes in ``totalSize``."""
    condition = f" WHERE {where.strip()}" if where.strip() else ""
    return _checked(f"SELECT COUNT() FROM {name(object_name)}{condition}")


def url_bytes(soql: str) -> int:
    """How many bytes a query takes in a URL."""
    return len(quote(soql, safe=""))


def queries_by_id(
    object_name: str,
    fields: Sequence[str],
    ids: Sequence[str],
    longest_bytes: int = LONGEST_QUERY_BYTES,
    *,
    where: str = "",
) -> Iterator[tuple[str, Sequence[str]]]:
    """Statements that together read all ``ids``, each short enough for a URL, with its ids.

    ``where`` leaves out those for which it doesn't hold.

    Raises:
        SoqlError: The fields alone are too long for a URL.
    """
    frame = url_bytes(select(object_name, fields, where=all_of("Id IN ()", where)))
    per_id = url_bytes("'001000000000000AAA',")
    chunk_ids = (longest_bytes - frame) // per_id
    if ids and chunk_ids < 1:
        raise SoqlError(
            f"{len(fields):,} fields of {object_name} take {frame:,} bytes of a URL that may have "
            f"{longest_bytes:,}; read them by Bulk 2.0"
        )
    for first in range(0, len(ids), chunk_ids or 1):
        chunk = ids[first : first + chunk_ids]
        yield select(object_name, fields, where=all_of(in_list("Id", chunk), where)), chunk


def _escaped(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    return f"\\u{ord(character):04x}" if character < " " or character == "\x7f" else character


def _number(value: int | float | Decimal) -> str:
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite():
        raise SoqlError("a number that is infinite or none at all")
    return format(exact, "f")


def _check_year(year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise SoqlError(f"the year {year}; Salesforce knows {FIRST_YEAR} to {LAST_YEAR}")


def _checked(statement: str) -> str:
    if len(statement) > LONGEST_STATEMENT:
        raise SoqlError(
            f"{len(statement):,} characters; Salesforce takes {LONGEST_STATEMENT:,}. Take fewer "
            "fields"
        )
    return statement
