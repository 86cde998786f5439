"""A parsed query to DuckDB SQL, for the REST API."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from emulator.schema.model import Schema, SObject
from emulator.soql.aggregates import Aggregation, is_aggregate, is_plain_count
from emulator.soql.binder import Relations, find_object
from emulator.soql.column_metadata import Metadata, aggregate_metadata, row_metadata
from emulator.soql.context import Compilation, QueryContext
from emulator.soql.errors import SoqlError
from emulator.soql.fragments import Sql, fill, join
from emulator.soql.nodes import Query
from emulator.soql.ordering import order_clause, row_sort_keys
from emulator.soql.records import Record, RowShape, aggregate_record
from emulator.soql.semi_joins import row_conditions
from emulator.soql.subqueries import Level, select_rows
from emulator.soql.where import limit_clause, where_clause, where_parts

# Source: soql.md, "Limits" and "Aggregates".
MAX_OFFSET = 2_000
MAX_GROUPS = 2_000


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """A query ready to run.

    Attributes:
        object: The object of the FROM clause.
        sql: Yields the rows that `records` takes; of a ``count``, one row with the number.
        params: For the ``?`` of `sql`, in order.
        kind: ``rows``; ``aggregate`` for grouped results, which have no paging; ``count`` for
            ``SELECT COUNT()``, whose number belongs into totalSize and whose records are empty.
        limit: The LIMIT, None without one.
        count_sql: Yields totalSize: the rows of `sql` counted, without computing them.
        count_params: For the ``?`` of `count_sql`.
        touches: What FOR asks to note: ``VIEW``, ``REFERENCE``.
    """

    object: SObject
    sql: str
    params: list[Any]
    kind: Literal["rows", "count", "aggregate"]
    limit: int | None
    count_sql: str
    count_params: list[Any]
    touches: tuple[str, ...]
    _metadata: Metadata
    _shape: RowShape | None = None
    _names: tuple[str, ...] = ()

    def records(self, rows: Iterable[Sequence[Any]], base_path: str) -> list[Record]:
        """Rows of `sql` as REST records; `base_path` is e.g. ``/services/data/v66.0``.

        Raises:
            SoqlError: ``EXCEEDED_ID_LIMIT``, more groups than one answer holds.
        """
        if self.kind == "count":
            return []
        if self._shape is not None:
            return [self._shape.record(row, base_path) for row in rows]
        records = [aggregate_record(self._names, row) for row in rows]
        if len(records) > MAX_GROUPS:
            raise SoqlError(
                "EXCEEDED_ID_LIMIT",
                "Aggregate query does not support queryMore(), "
                "use LIMIT to restrict the results to a single batch",
            )
        return records

    def column_metadata(self) -> Metadata:
        """The answer to ``columns=true``."""
        return self._metadata


def compile_query(query: Query, schema: Schema, context: QueryContext) -> CompiledQuery:
    """The query as DuckDB SQL over the org's tables.

    Raises:
        SoqlError: A name, type or combination that Salesforce refuses.
    """
    compilation = Compilation(query.text, schema, context)
    relations = root_relations(compilation, query)
    if is_plain_count(query):
        return _count(relations, query)
    if is_aggregate(query):
        return _aggregate(relations, query)
    return _rows(relations, query)


def root_relations(compilation: Compilation, query: Query) -> Relations:
    """The outermost FROM clause, and the clauses checked that any query must get right."""
    source = query.source
    if len(source.path) != 1:
        dot = source.position + len(source.path[0])
        raise compilation.error(dot, "unexpected token: '.'")
    target = find_object(compilation, source.path[0], source.position)
    if query.offset is not None and query.offset > MAX_OFFSET:
        message = f"Maximum SOQL offset allowed is {MAX_OFFSET}"
        raise SoqlError("NUMBER_OUTSIDE_VALID_RANGE", message)
    relations = Relations(compilation, target, (source.alias, target.name))
    for joined in query.joined:
        relations.add_alias(joined)
    return relations


def matching_rows(relations: Relations, query: Query) -> Sql:
    """The WHERE clause of the outermost query."""
    return where_clause(where_parts(relations, query, row_conditions(relations).sql))


def _rows(relations: Relations, query: Query) -> CompiledQuery:
    if query.having is not None:
        raise relations.compilation.error(query.position, "HAVING needs a GROUP BY clause")
    where = matching_rows(relations, query)
    limit = limit_clause(query)
    count = _counted(fill("SELECT 1 FROM {}{}{}", relations.from_sql(), where, limit))
    selection = select_rows(relations, query, Level())
    order = order_clause(row_sort_keys(relations, query.order_by))
    columns = join(", ", [fill(f"{{}} AS c{i}", one) for i, one in enumerate(selection.columns)])
    rows = fill("SELECT {} FROM {}{}{}{}", columns, relations.from_sql(), where, order, limit)
    metadata = row_metadata(relations.root.object, selection.shape)
    return _compiled(relations, query, "rows", rows, count, metadata, shape=selection.shape)


def _count(relations: Relations, query: Query) -> CompiledQuery:
    where = matching_rows(relations, query)
    rows = fill("SELECT 1 FROM {}{}{}", relations.from_sql(), where, limit_clause(query))
    count = _counted(rows)
    metadata = aggregate_metadata(relations.root.object, (), grouped=False)
    return _compiled(relations, query, "count", count, count, metadata)


def _aggregate(relations: Relations, query: Query) -> CompiledQuery:
    aggregation = Aggregation(relations, query)
    where = matching_rows(relations, query)
    rows = aggregation.sql(where)
    metadata = aggregate_metadata(
        relations.root.object, aggregation.outputs, grouped=bool(query.group_by)
    )
    names = tuple(output.name for output in aggregation.outputs)
    return _compiled(relations, query, "aggregate", rows, _counted(rows), metadata, names=names)


def _counted(rows: Sql) -> Sql:
    return fill("SELECT count(*) FROM ({}) counted", rows)


def _compiled(
    relations: Relations,
    query: Query,
    kind: Literal["rows", "count", "aggregate"],
    rows: Sql,
    count: Sql,
    metadata: Metadata,
    *,
    shape: RowShape | None = None,
    names: tuple[str, ...] = (),
) -> CompiledQuery:
    return CompiledQuery(
        object=relations.root.object,
        sql=rows.text,
        params=list(rows.params),
        kind=kind,
        limit=query.limit,
        count_sql=count.text,
        count_params=list(count.params),
        touches=query.touches,
        _metadata=metadata,
        _shape=shape,
        _names=names,
    )
