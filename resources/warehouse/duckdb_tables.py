"""How a table of a DuckDB file looks, and how it is brought into another shape."""

from __future__ import annotations

import duckdb

from resources.warehouse.dialect import quoted
from resources.warehouse.schema_plan import SchemaPlan


def table_columns(
    connection: duckdb.DuckDBPyConnection, catalog: str, schema: str, name: str
) -> dict[str, str]:
    """Columns and types of a table in order; empty if there is no table."""
    rows = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = ? "
        "AND schema_name = ? AND table_name = ? ORDER BY column_index",
        [catalog, schema, name],
    ).fetchall()
    return dict(rows)


def alter_table(
    connection: duckdb.DuckDBPyConnection, catalog: str, schema: str, name: str, plan: SchemaPlan
) -> None:
    """Do what the plan says, but for what it refuses."""
    table = quoted(catalog, schema, name)
    if plan.create:
        columns = ", ".join(f"{quoted(column)} {kind}" for column, kind in plan.columns.items())
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(catalog, schema)}")
        connection.execute(f"CREATE TABLE {table} ({columns})")
    for column, kind in plan.add:
        connection.execute(f"ALTER TABLE {table} ADD COLUMN {quoted(column)} {kind}")
    for column, kind in plan.widen:
        connection.execute(f"ALTER TABLE {table} ALTER COLUMN {quoted(column)} TYPE {kind}")
