"""The SELECT clause with FIELDS() spelled out, and nothing selected twice."""

from __future__ import annotations

from emulator.soql.binder import Column, Relations
from emulator.soql.errors import SoqlError
from emulator.soql.nodes import (
    Comparison,
    Condition,
    FieldPath,
    FieldsFunction,
    InList,
    Query,
    SelectExpression,
    StringValue,
    Subquery,
)

# Source: soql.md, "FIELDS(), functions".
MAX_FIELDS_ROWS = 200


def selected(relations: Relations, query: Query) -> list[Column | Subquery]:
    """The columns and subqueries of a SELECT without aggregates, in their order.

    Raises:
        SoqlError: Unknown or repeated fields, an alias, or FIELDS() without its LIMIT.
    """
    items: list[Column | Subquery] = []
    for item in query.select:
        if isinstance(item, Subquery):
            items.append(item)
        elif isinstance(item, FieldsFunction):
            items += _fields(relations, query, item)
        else:
            items.append(_column(relations, item))
    _refuse_duplicates(items)
    return items


def _column(relations: Relations, item: SelectExpression) -> Column:
    if not isinstance(item.expression, FieldPath):
        message = f"{item.expression.name}() needs a GROUP BY clause"
        raise relations.compilation.error(item.position, message)
    if item.alias is not None:
        message = "Only aggregate expressions use field aliasing"
        raise relations.compilation.error(item.position, message)
    return relations.column(item.expression)


def _fields(relations: Relations, query: Query, item: FieldsFunction) -> list[Column]:
    if item.group != "STANDARD" and not _is_bounded(query):
        message = f"The SOQL FIELDS function must have a LIMIT of at most {MAX_FIELDS_ROWS}"
        raise SoqlError("MALFORMED_QUERY", message)
    fields = relations.root.object.fields.values()
    wanted = {"ALL": (True, False), "CUSTOM": (True,), "STANDARD": (False,)}[item.group]
    return [relations.column(FieldPath((f.name,))) for f in fields if f.custom in wanted]


def _is_bounded(query: Query) -> bool:
    if query.limit is not None and query.limit <= MAX_FIELDS_ROWS:
        return True
    return query.where is not None and _names_few_ids(query.where)


def _names_few_ids(condition: Condition) -> bool:
    if not isinstance(condition, Comparison | InList) or condition.left != FieldPath(("Id",)):
        return False
    if isinstance(condition, InList):
        return not condition.negated and len(condition.values) <= MAX_FIELDS_ROWS
    return condition.operator == "=" and isinstance(condition.value, StringValue)


def _refuse_duplicates(items: list[Column | Subquery]) -> None:
    seen = set()
    for item in items:
        if isinstance(item, Subquery):
            continue
        if item.name in seen:
            raise SoqlError("INVALID_FIELD", f"duplicate field selected: {item.name}")
        seen.add(item.name)
