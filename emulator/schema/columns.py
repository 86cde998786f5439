"""How an object is stored in DuckDB: its table, the type and the value of each field."""

from __future__ import annotations

from emulator.schema.model import Field, SObject

# Salesforce numbers carry at most 18 digits; a field that states no precision gets them all.
DEFAULT_PRECISION = 18
TEXT = "VARCHAR"

_FIXED = {
    "boolean": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "time": "TIME",
}
_DECIMAL = frozenset({"double", "currency", "percent"})


def duckdb_type(field: Field) -> str:
    """The type of a field's values; text of every kind is VARCHAR.

    Numbers with decimals are stored as they come, whatever the field's scale: only the page on
    which a user types rounds to it (Salesforce help, articles 000387302 and 000385689). What a
    formula computes has its scale.
    """
    if field.type in _DECIMAL:
        if field.formula is None:
            return "DOUBLE"
        precision = min(field.precision or DEFAULT_PRECISION, 38)
        return f"DECIMAL({precision},{field.scale})"
    return _FIXED.get(field.type, TEXT)


def value_sql(field: Field, alias: str) -> str:
    """A field's value over a row of the table `alias`: its column, or its formula in its type.

    What doesn't fit the type is null.
    """
    if field.formula is None:
        return f"{alias}.{quoted(field.name)}"
    formula, column_type = field.formula.replace("{row}", alias), duckdb_type(field)
    return f"({formula})" if column_type == TEXT else f"TRY_CAST(({formula}) AS {column_type})"


def create_table_sql(sobject: SObject) -> str:
    """The table that keeps an object's rows: a column per stored field, and `_deleted`."""
    columns = [f"{quoted(field.name)} {duckdb_type(field)}" for field in sobject.stored_fields]
    columns.append("_deleted BOOLEAN")
    return f"CREATE TABLE IF NOT EXISTS {quoted(sobject.name)} ({', '.join(columns)})"


def quoted(name: str) -> str:
    """An object's or field's name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
