"""The SELECT clause with FIELDS() spelled out, and nothing selected twice."""

from __future__ import annotations

from dataclasses import replace

from emulator.soql.binder import Column, Relations
from emulator.soql.errors import SoqlError
from emulator.soql.nodes import (
    Call,
    Comparison,
    Condition,
    FieldPath,
    FieldsFunction,
    InList,
    Query,
    SelectExpression,
    StringValue,
    Subquery,
    TypeOf,
)
from emulator.soql.text_functions import TEXT_FUNCTIONS, text_column
from emulator.soql.typed_parents import TypedParent, typed_parent

Selected = Column | Subquery | TypedParent

# Source: [soql reference].
MAX_FIELDS_ROWS = 200


def selected(relations: Relations, query: Query) -> list[Selected]:
    """What a SELECT without aggregates selects, in its order.

    Raises:
        SoqlError: Unknown or repeated fields, an alias, or FIELDS() without its LIMIT.
    """
    items: list[Selected] = []
    for item in query.select:
        if isinstance(item, Subquery):
            items.append(item)
        elif isinstance(item, FieldsFunction):
            items += _fields(relations, query, item)
        elif isinstance(item, TypeOf):
            items.append(typed_parent(relations, item))
        else:
            items.append(_column(relations, item))
    _refuse_duplicates(items)
    return items


def _column(relations: Relations, item: SelectExpression) -> Column:
    if isinstance(item.expression, Call) and item.expression.name in TEXT_FUNCTIONS:
        return replace(text_column(relations, item.expression), alias=item.alias)
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


def _refuse_duplicates(items: list[Selected]) -> None:
    seen = set()
    parents = {item.name for item in items if isinstance(item, TypedParent)}
    for item in items:
        if isinstance(item, Subquery):
            continue
        path = item.table.path if isinstance(item, Column) else ()
        twice = item.name if item.name in seen else _first_above(path, parents)
        if twice:
            raise SoqlError("INVALID_FIELD", f"duplicate field selected: {twice}")
        seen.add(item.name)


def _first_above(path: tuple[str, ...], parents: set[str]) -> str | None:
    """A parent of TYPEOF that the path goes through."""
    above = (".".join(path[:count]) for count in range(1, len(path) + 1))
    return next((one for one in above if one in parents), None)
