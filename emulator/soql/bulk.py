"""A parsed query to SQL that yields the text of Bulk 2.0 result files, and what Bulk refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulator.schema.columns import quoted
from emulator.schema.model import Schema
from emulator.soql.aggregates import AGGREGATES
from emulator.soql.binder import Column, Relations, is_queryable
from emulator.soql.compiler import matching_rows, root_relations
from emulator.soql.context import Compilation, QueryContext
from emulator.soql.errors import SoqlError
from emulator.soql.fragments import fill, join
from emulator.soql.nodes import Call, FieldsFunction, Query, SelectExpression, Subquery, TypeOf
from emulator.soql.operands import kind_of
from emulator.soql.ordering import order_clause, row_sort_keys
from emulator.soql.select_list import selected
from emulator.soql.value_formats import csv_value
from emulator.soql.where import limit_clause

# Before this version the columns came in alphabetical order [bulk guide] [jsforce].
SELECT_ORDER_SINCE_VERSION = 50.0

# Bulk spells its codes without underscores [bulk guide] [estuary]; that the first is spelled so is
# not confirmed.
NOT_ENABLED = "FEATURENOTENABLED"
INVALID_ENTITY = "INVALIDENTITY"

# Known to be refused by Bulk though they can be queried by REST (Airbyte's connector skips them).
UNSUPPORTED_OBJECTS = frozenset(
    {
        "AcceptedEventRelation",
        "CaseStatus",
        "ContractStatus",
        "DeclinedEventRelation",
        "EventWhoRelation",
        "FieldSecurityClassification",
        "OrderStatus",
        "PartnerRole",
        "RecentlyViewed",
        "SolutionStatus",
        "TaskPriority",
        "TaskStatus",
        "TaskWhoRelation",
        "UndecidedEventRelation",
    }
)


@dataclass(frozen=True, slots=True)
class BulkQuery:
    """A bulk query ready to run.

    Attributes:
        object: The name of the FROM object.
        header: The CSV header, e.g. ``Id``, ``Account.Name``.
        sql: Yields one VARCHAR column per header, named like it; null is the empty text.
        params: For the ``?`` of `sql`, in order.
    """

    object: str
    header: list[str]
    sql: str
    params: list[Any]


def compile_bulk(query: Query, schema: Schema, context: QueryContext) -> BulkQuery:
    """The query as SQL for a result file.

    Raises:
        SoqlError: What REST refuses as well, and what only Bulk does.
    """
    _refuse_clauses(query)
    _refuse_object(query, schema)
    compilation = Compilation(query.text, schema, context)
    relations = root_relations(compilation, query)
    columns = _columns(relations, query)
    if context.api_version < SELECT_ORDER_SINCE_VERSION:
        columns.sort(key=lambda column: column.name)
    where = matching_rows(relations, query)
    order = order_clause(row_sort_keys(relations, query.order_by))
    values = [
        fill(f"{{}} AS {quoted(one.name)}", csv_value(kind_of(one.field), one.sql))
        for one in columns
    ]
    sql = fill(
        "SELECT {} FROM {}{}{}{}",
        join(", ", values),
        relations.from_sql(),
        where,
        order,
        limit_clause(query),
    )
    return BulkQuery(
        relations.root.object.name, [one.name for one in columns], sql.text, list(sql.params)
    )


def _refuse_clauses(query: Query) -> None:
    """Source: [bulk guide]; that FIELDS() is refused is not confirmed."""
    for item in query.select:
        if isinstance(item, Subquery):
            raise _not_supported("Aggregate Relationships not supported in Bulk Query")
        if isinstance(item, TypeOf):
            raise _not_supported("TYPEOF not supported in Bulk Query")
        if isinstance(item, SelectExpression) and isinstance(item.expression, Call):
            function = "Aggregate functions" if item.expression.name in AGGREGATES else "Functions"
            raise _not_supported(f"{function} not supported in Bulk Query")
        if isinstance(item, FieldsFunction) and item.group != "STANDARD":
            raise _not_supported(f"FIELDS({item.group}) not supported in Bulk Query")
    if query.group_by or query.having:
        raise _not_supported("GROUP BY not supported in Bulk Query")
    if query.offset is not None:
        raise _not_supported("OFFSET not supported in Bulk Query")


def _refuse_object(query: Query, schema: Schema) -> None:
    target = schema.object(query.source.path[-1])
    if target is None:
        return
    if target.name in UNSUPPORTED_OBJECTS or not is_queryable(target):
        message = f"Entity '{target.name}' is not supported by the Bulk API."
        raise SoqlError(INVALID_ENTITY, message)


def _columns(relations: Relations, query: Query) -> list[Column]:
    """The selected columns; FIELDS(STANDARD) leaves out what Bulk can't return."""
    columns = [one for one in selected(relations, query) if isinstance(one, Column)]
    if any(isinstance(item, FieldsFunction) for item in query.select):
        return [one for one in columns if not one.field.is_compound and one.field.type != "base64"]
    for one in columns:
        if one.field.is_compound:
            raise _not_supported("Selecting compound data not supported in Bulk Query")
        if one.field.type == "base64":
            raise _not_supported(f"Binary field {one.name} not supported in Bulk Query")
    return columns


def _not_supported(message: str) -> SoqlError:
    return SoqlError(NOT_ENABLED, message)
