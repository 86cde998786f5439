"""An SQL condition over rows in memory: which of them it holds for.

It is one expression in DuckDB's SQL. What isn't an expression of a single row's values (a query, an
aggregate, the time, a file) is refused, so that the same rows always get the same answers.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import pyarrow as pa

from resources.warehouse.dialect import quoted
from resources.warehouse.errors import RowConditionError

_ROWS = "incoming"
_PLAIN = {
    *("BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT"),
    *("FUNCTION", "OPERATOR", "TYPE"),
}


class RowCondition:
    """A condition that was read once and is asked of many rows. Threads may share it.

    Args:
        sql: Such as ``Action__c = 'CREATED' AND Amount__c > 100``.

    Raises:
        RowConditionError: It isn't one expression of a row's values.
    """

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self._lock = threading.Lock()
        self._connection = duckdb.connect(
            ":memory:", config={"enable_external_access": "false", "threads": "1"}
        )
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute("SET lock_configuration = true")
        nodes = list(_nodes(self._parsed()))
        self._require_plain(nodes)
        names = [node["column_names"][0] for node in nodes if node["class"] == "COLUMN_REF"]
        #: The names of the values that it asks for, by the same in lower case.
        self.columns: Mapping[str, str] = {name.lower(): name for name in names}

    def holds(self, rows: pa.RecordBatch) -> list[bool]:
        """Whether it holds, row by row; where its answer is null it doesn't.

        A column that the rows lack is null in all of them; see ``columns``.

        Raises:
            RowConditionError: It can't be asked of these rows.
        """
        have = {name.lower() for name in rows.schema.names}
        for name in sorted(self.columns.keys() - have):
            rows = rows.append_column(name, pa.nulls(rows.num_rows))
        sql = f"SELECT coalesce(CAST(({self.sql}\n) AS BOOLEAN), false) FROM {quoted(_ROWS)}"
        with self._lock:
            self._connection.register(_ROWS, rows)
            try:
                return [bool(value) for (value,) in self._connection.execute(sql).fetchall()]
            except duckdb.BinderException as error:
                raise RowConditionError(self.sql, _first_line(error)) from error
            except duckdb.Error as error:
                # Its text holds the value.
                problem = f"a value isn't what it must be ({type(error).__name__})"
                raise RowConditionError(self.sql, problem) from None
            finally:
                self._connection.unregister(_ROWS)

    def _parsed(self) -> Any:
        try:
            duckdb.SQLExpression(self.sql)
        except duckdb.Error as error:
            raise RowConditionError(self.sql, _first_line(error)) from error
        [(text,)] = self._connection.execute(
            "SELECT json_serialize_sql(?)", [f"SELECT 1 FROM {_ROWS} WHERE {self.sql}"]
        ).fetchall()
        parsed = json.loads(text)
        if parsed["error"]:
            raise RowConditionError(self.sql, parsed["error_message"])
        [statement] = parsed["statements"]
        return statement["node"]["where_clause"]

    def _require_plain(self, nodes: list[Any]) -> None:
        for node in nodes:
            if node["class"] not in _PLAIN:
                what = node["class"].lower().replace("_", " ")
                raise RowConditionError(self.sql, f"it holds more than a row's values: a {what}")
            if node["class"] == "COLUMN_REF" and len(node["column_names"]) > 1:
                name = ".".join(node["column_names"])
                raise RowConditionError(self.sql, f"{name} isn't the name of a value")
        for name in sorted({n["function_name"] for n in nodes if n["class"] == "FUNCTION"}):
            self._require_function(name)

    def _require_function(self, name: str) -> None:
        found = self._connection.execute(
            "SELECT count(*), count(*) FILTER (function_type IN ('scalar', 'macro') "
            "AND coalesce(stability, 'CONSISTENT') = 'CONSISTENT') "
            "FROM duckdb_functions() WHERE function_name = ?",
            [name],
        ).fetchall()
        known, plain = found[0]
        if not known:
            raise RowConditionError(self.sql, f"there is no function {name}")
        if known != plain:
            raise RowConditionError(self.sql, f"{name} doesn't depend on a row's values alone")


def _nodes(parsed: Any) -> Iterator[Any]:
    """All parts of a parsed expression that have a class."""
    if isinstance(parsed, dict):
        if "class" in parsed:
            yield parsed
        for value in parsed.values():
            yield from _nodes(value)
    elif isinstance(parsed, list):
        for value in parsed:
            yield from _nodes(value)


def _first_line(error: duckdb.Error) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
