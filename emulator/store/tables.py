"""One table per object, named and spelled as the object; a hidden `_deleted` beside IsDeleted."""

from __future__ import annotations

from emulator.ids import ID_MACRO_SQL
from emulator.schema.columns import create_table_sql, quoted
from emulator.schema.model import Schema, SObject
from emulator.store.database import Connection


def create_tables(connection: Connection, schema: Schema) -> None:
    """Create every object's table, and the macros that make ids."""
    for statement in ID_MACRO_SQL.split(";"):
        if statement.strip():
            connection.execute(statement)
    for sobject in schema.objects.values():
        if sobject.has_rows:
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
