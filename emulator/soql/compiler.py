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
from emulator.soql.fragments import EMPTY, Sql, bind, fill, join
from emulator.soql.nodes import Query
from emulator.soql.ordering import order_clause, row_sort_keys
from emulator.soql.records import Record, RowShape, aggregate_record
from emulator.soql.semi_joins import row_conditions
from emulator.soql.subqueries import Level, select_rows
from emulator.soql.where import limit_clause, where_clause, where_parts

# Source: [soql reference].
MAX_OFFSET = 2_000
MAX_GROUPS = 2_000

# Stands among a page's parameters for its list of Ids.
PAGE_IDS = object()


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """A query ready to run.

    Attributes:
        object: The object of the FROM clause.
        sql: Yields the rows that `records` takes; of a ``count``, one row with the number.
        params: For the ``?`` of `sql`, in order.
        kind: ``rows``; ``aggregate`` for grouped results, which have no paging; ``count`` for
            ``SELECT COUNT()``, whose number belongs into totalSize and whose records are empty.
        ids: Of ``rows``: yields the Ids of `sql`'s rows in their order, no other value computed.
    """

    object: SObject
    sql: str
    params: list[Any]
    kind: Literal["rows", "count", "aggregate"]
    _metadata: Metadata
    ids: Sql = EMPTY
    _page: Sql = EMPTY
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

    def page(self, ids: list[str]) -> Sql:
        """Yields the rows of these Ids as they are now, in this order; without those that are
        deleted since, unless the query sees the recycle bin.
        """
        params = tuple(ids if one is PAGE_IDS else one for one in self._page.params)
        return Sql(self._page.text, params)

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
    selection = select_rows(relations, query, Level())
    order = order_clause(row_sort_keys(relations, query.order_by))
    tail = fill("{}{}{}", where, order, limit_clause(query))
    columns = join(", ", [fill(f"{{}} AS c{i}", one) for i, one in enumerate(selection.columns)])
    rows = fill("SELECT {} FROM {}{}", columns, relations.from_sql(), tail)
    root_id = Sql(relations.root.column("Id"))
    return CompiledQuery(
        object=relations.root.object,
        sql=rows.text,
        params=list(rows.params),
        kind="rows",
        ids=fill("SELECT {} FROM {}{}", root_id, relations.from_sql(), tail),
        _page=_page(relations, columns),
        _metadata=row_metadata(relations.root.object, selection.shape),
        _shape=selection.shape,
    )


def _page(relations: Relations, columns: Sql) -> Sql:
    visible = relations.visible()
    return fill(
        "SELECT {} FROM {}{} ORDER BY page.place",
        columns,
        relations.from_ids_sql(bind(PAGE_IDS)),
        where_clause([visible] if visible else []),
    )


def _count(relations: Relations, query: Query) -> CompiledQuery:
    where = matching_rows(relations, query)
    rows = fill("SELECT 1 FROM {}{}{}", relations.from_sql(), where, limit_clause(query))
    return CompiledQuery(
        object=relations.root.object,
        sql=f"SELECT count(*) FROM ({rows.text}) counted",
        params=list(rows.params),
        kind="count",
        _metadata=aggregate_metadata(relations.root.object, (), grouped=False),
    )


def _aggregate(relations: Relations, query: Query) -> CompiledQuery:
    aggregation = Aggregation(relations, query)
    rows = aggregation.sql(matching_rows(relations, query))
    outputs, grouped = aggregation.outputs, bool(query.group_by)
    return CompiledQuery(
        object=relations.root.object,
        sql=rows.text,
        params=list(rows.params),
        kind="aggregate",
        _metadata=aggregate_metadata(relations.root.object, outputs, grouped=grouped),
        _names=tuple(output.name for output in outputs),
    )
