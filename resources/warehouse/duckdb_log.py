"""Appends events to a table of a DuckDB file, each once, inside a transaction of the caller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from resources.warehouse.dialect import quoted, sql_type
from resources.warehouse.duckdb_tables import alter_table, table_columns
from resources.warehouse.errors import LogError, SchemaChangeError
from resources.warehouse.event_adapter import LogSpec
from resources.warehouse.schema_plan import plan_schema

#: The events of this call, those that were there already too.
INCOMING = quoted("temp", "incoming_events")


class DuckDBLog:
    """One log: make its table fit, then append."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, catalog: str, spec: LogSpec) -> None:
        self._connection, self._catalog, self._spec = connection, catalog, spec
        self._name = f"{spec.schema}.{spec.name}"
        self._table = quoted(catalog, spec.schema, spec.name)
        self._columns = [quoted(column.name) for column in spec.columns]

    def prepare_table(self) -> None:
        """Create the table, add columns, or make room for longer decimals.

        Raises:
            SchemaChangeError: A column has another type now.
            LogError: A column's type has none in the warehouse.
        """
        try:
            wanted = {column.name: sql_type(column.arrow_type) for column in self._spec.columns}
        except TypeError as error:
            raise LogError(self._name, str(error)) from error
        existing = table_columns(
            self._connection, self._catalog, self._spec.schema, self._spec.name
        )
        plan = plan_schema(existing, wanted)
        if plan.changed:
            raise SchemaChangeError(self._name, plan.changed)
        alter_table(self._connection, self._catalog, self._spec.schema, self._spec.name, plan)

    def append(self, events: pa.RecordBatchReader) -> tuple[int, int]:
        """Rows appended, and rows that were there already or came twice.

        Raises:
            LogError: A column is missing, or an event lacks what tells it from others.
        """
        self._stage(events)
        unique = ", ".join(quoted(name) for name in self._spec.unique)
        first = quoted(self._spec.unique[0])
        came, *ends = self._one(f"SELECT count(*), min({first}), max({first}) FROM {INCOMING}")
        # Commit numbers ascend, so that of a long log only its end is looked at.
        (appended,) = self._one(
            f"INSERT INTO {self._table} BY NAME SELECT * FROM {INCOMING} n "
            f"ANTI JOIN (SELECT {unique} FROM {self._table} WHERE {first} BETWEEN ? AND ?) t "
            f"USING ({unique}) QUALIFY row_number() OVER (PARTITION BY {unique}) = 1",
            ends,
        )
        return appended, came - appended

    def _stage(self, events: pa.RecordBatchReader) -> None:
        names = [column.name for column in self._spec.columns]
        missing = [name for name in names if name not in events.schema.names]
        if missing:
            raise LogError(self._name, f"column(s) {', '.join(missing)} are missing")
        self._connection.register("events", events)
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {INCOMING} AS "
            f"SELECT {', '.join(self._columns)} FROM events"
        )
        self._connection.unregister("events")
        (nameless,) = self._one(
            f"SELECT count(*) FROM {INCOMING} WHERE {_any_null(self._spec.unique)}"
        )
        if nameless:
            raise LogError(self._name, f"{nameless:,} have no {' or no '.join(self._spec.unique)}")

    def _one(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
        (row,) = self._connection.execute(sql, list(parameters)).fetchall()
        return tuple(row)


def _any_null(columns: Sequence[str]) -> str:
    return " OR ".join(f"{quoted(column)} IS NULL" for column in columns)
