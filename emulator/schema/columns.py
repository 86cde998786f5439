"""How an object is stored in DuckDB: its table, and the type of each column."""

from __future__ import annotations

from emulator.schema.model import Field, SObject

# Salesforce numbers carry at most 18 digits; a field that states no precision gets them all.
DEFAULT_PRECISION = 18

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
    """The column type of a stored field; text of every kind is VARCHAR."""
    if field.type in _DECIMAL:
        precision = min(field.precision or DEFAULT_PRECISION, 38)
        return f"DECIMAL({precision},{field.scale})"
    return _FIXED.get(field.type, "VARCHAR")


def create_table_sql(sobject: SObject) -> str:
    """The table that keeps an object's rows: a column per stored field, and `_deleted`."""
    columns = [f'"{field.name}" {duckdb_type(field)}' for field in sobject.stored_fields]
    return (
        f'CREATE TABLE IF NOT EXISTS "{sobject.name}" ({", ".join([*columns, "_deleted BOOLEAN"])})'
    )
