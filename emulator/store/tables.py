"""One table per object, named and spelled as the object; a hidden `_deleted` beside IsDeleted."""

from __future__ import annotations

from collections.abc import Iterable

from emulator.ids import ID_MACRO_SQL
from emulator.schema.columns import create_table_sql, duckdb_type, quoted
from emulator.schema.model import Field, Schema, SObject
from emulator.store.database import Connection


def create_tables(connection: Connection, schema: Schema) -> None:
    """Create every object's table, and the macros that make ids.

    Tables that a data folder kept get the fields that their objects have now.
    """
    for statement in ID_MACRO_SQL.split(";"):
        if statement.strip():
            connection.execute(statement)
    kept = connection.execute("SELECT table_name, column_name FROM duckdb_columns()").fetchall()
    columns = set(kept)
    tables = {table for table, _ in columns}
    for sobject in schema.objects.values():
        if sobject.name in tables:
            stored = sobject.stored_fields
            add_columns(
                connection, sobject, (f for f in stored if (sobject.name, f.name) not in columns)
            )
        elif sobject.has_rows:
            connection.execute(create_table_sql(sobject))


def add_columns(connection: Connection, sobject: SObject, fields: Iterable[Field]) -> None:
    """Rows that are there have no value in them; a checkbox isn't checked."""
    for field in fields:
        default = " DEFAULT false" if field.type == "boolean" else ""
        connection.execute(
            f"ALTER TABLE {quoted(sobject.name)} "
            f"ADD COLUMN {quoted(field.name)} {duckdb_type(field)}{default}"
        )


def empty_columns(connection: Connection, sobject: SObject, fields: Iterable[Field]) -> None:
    """Give columns the types that their fields have now; no row keeps its value."""
    for field in fields:
        kind = duckdb_type(field)
        empty = "false" if field.type == "boolean" else f"NULL::{kind}"
        connection.execute(
            f"ALTER TABLE {quoted(sobject.name)} ALTER COLUMN {quoted(field.name)} "
            f"SET DATA TYPE {kind} USING {empty}"
        )


def recreate_tables(connection: Connection, objects: Iterable[SObject]) -> None:
    """Tables with these objects' fields in place of those that there are; no row is kept."""
    for sobject in objects:
        connection.execute(f"DROP TABLE {quoted(sobject.name)}")
        connection.execute(create_table_sql(sobject))


def empty_tables(connection: Connection, schema: Schema) -> None:
    """Remove all rows of all objects."""
    for sobject in schema.objects.values():
        if sobject.has_rows and _holds_rows(connection, sobject):
            connection.execute(f"DELETE FROM {quoted(sobject.name)}")


def _holds_rows(connection: Connection, sobject: SObject) -> bool:
    return (
        connection.execute(f"SELECT 1 FROM {quoted(sobject.name)} LIMIT 1").fetchone() is not None
    )
