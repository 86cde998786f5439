"""Values as answers write them, made inside DuckDB: JSON for REST, text for Bulk CSV."""

from __future__ import annotations

from emulator.soql.fragments import Sql, fill

# Sources: [nango] [restforce] for JSON, [airbyte] [jsforce] for CSV. Datetimes end in +0000 in JSON
# and in Z in CSV. Numbers with decimals are doubles: 300 is written 300.0, in both (in CSV not
# confirmed).
_JSON = {
    "double": "CAST({} AS DOUBLE)",
    "dateTime": "strftime({}, '%Y-%m-%dT%H:%M:%S.%g+0000')",
    "date": "CAST({} AS VARCHAR)",
    "time": "strftime(DATE '1970-01-01' + {}, '%H:%M:%S.%gZ')",
}
_CSV = {
    "double": "CAST(CAST({} AS DOUBLE) AS VARCHAR)",
    "dateTime": "strftime({}, '%Y-%m-%dT%H:%M:%S.%gZ')",
    "time": "strftime(DATE '1970-01-01' + {}, '%H:%M:%S.%gZ')",
    "date": "CAST({} AS VARCHAR)",
    "boolean": "CAST({} AS VARCHAR)",
    "int": "CAST({} AS VARCHAR)",
}


def json_value(kind: str, value: Sql) -> Sql:
    """The value as a string, number or boolean that only has to be dumped."""
    return fill(_JSON.get(kind, "{}"), value)


def csv_value(kind: str, value: Sql) -> Sql:
    """The value as text; null is the empty text."""
    return fill("coalesce({}, '')", fill(_CSV.get(kind, "{}"), value))
