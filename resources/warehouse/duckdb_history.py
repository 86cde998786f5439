"""Keeps every version of a record in a table of a DuckDB file, in a transaction of the caller."""

from __future__ import annotations

import duckdb

from resources.warehouse import history_plan
from resources.warehouse.adapter import TableSpec
from resources.warehouse.dialect import quoted
from resources.warehouse.duckdb_log import INCOMING
from resources.warehouse.duckdb_tables import alter_table, table_columns
from resources.warehouse.errors import SchemaChangeError
from resources.warehouse.event_adapter import HiddenChanges, HistorySpec, LogSpec
from resources.warehouse.schema_plan import plan_schema


class DuckDBHistory:
    """The history of one object: begin before the merge, finish after it."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        catalog: str,
        table: TableSpec,
        log: LogSpec,
        history: HistorySpec,
    ) -> None:
        self._connection, self._catalog = connection, catalog
        self._table, self._history = table, history
        logged = table_columns(connection, catalog, log.schema, log.name)
        self._names = history_plan.HistoryNames(
            table,
            quoted(catalog, table.schema, table.name),
            quoted(catalog, log.schema, log.name),
            quoted(catalog, table.schema, history.name),
            {column: name for column, name in history.fields.items() if column in logged},
        )

    def begin(self) -> None:
        """After the changes were appended, while the table is as before them.

        Raises:
            SchemaChangeError: A column of the history has another type now.
        """
        schema, name = self._table.schema, self._history.name
        existing = table_columns(self._connection, self._catalog, schema, name)
        plan = plan_schema(existing, history_plan.history_columns(self._table))
        if plan.changed:
            raise SchemaChangeError(f"{schema}.{name}", plan.changed)
        alter_table(self._connection, self._catalog, schema, name, plan)
        self._connection.execute(history_plan.find_touched(self._names, INCOMING))
        self._connection.execute(history_plan.keep_base(self._names))

    def finish(self, hidden: HiddenChanges | None) -> None:
        """After the images were merged."""
        self._run(history_plan.keep_after_gaps(self._names), *history_plan.rebuild(self._names))
        if hidden is not None:
            self._connection.execute(history_plan.find_hidden(self._names), [hidden.since])
            self._run(*history_plan.keep_hidden(self._names), *history_plan.rebuild(self._names))

    def _run(self, *statements: str) -> None:
        for statement in statements:
            self._connection.execute(statement)
