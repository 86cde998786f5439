"""``Id IN (SELECT AccountId FROM Contact …)`` to SQL, and where SOQL doesn't allow it."""

from __future__ import annotations

from emulator.schema.model import Field
from emulator.soql.binder import Relations, find_object
from emulator.soql.conditions import Conditions
from emulator.soql.context import Compilation
from emulator.soql.errors import SoqlError
from emulator.soql.fragments import Sql, fill
from emulator.soql.nodes import Expression, FieldPath, InQuery, Query, SelectExpression
from emulator.soql.operands import filter_operand
from emulator.soql.where import where_clause, where_parts

# Source: [soql reference].
MAX_SEMI_JOINS = 2


def row_conditions(relations: Relations) -> Conditions:
    """The conditions of an outermost WHERE."""
    return Conditions(
        relations.compilation,
        lambda expression: filter_operand(relations, expression),
        lambda condition: semi_join(relations, condition),
    )


def inner_conditions(relations: Relations, refusal: str) -> Conditions:
    """The conditions of a WHERE in which semi-joins are refused."""

    def refuse(condition: InQuery) -> Sql:
        raise relations.compilation.error(condition.position, refusal)

    return Conditions(
        relations.compilation, lambda expression: filter_operand(relations, expression), refuse
    )


def semi_join(relations: Relations, condition: InQuery) -> Sql:
    """The rows whose reference is among the inner query's.

    Raises:
        SoqlError: A restriction that [soql reference] names is broken.
    """
    compilation, inner = relations.compilation, condition.query
    compilation.semi_joins += 1
    if compilation.semi_joins > MAX_SEMI_JOINS:
        message = f"Maximum {MAX_SEMI_JOINS} semi join sub-selects are allowed"
        raise compilation.error(condition.position, message)
    outer = _outer_reference(relations, condition.left)
    inner_relations, selected = _inner(compilation, inner)
    if inner_relations.root.object.name == relations.root.object.name:
        message = "The inner and outer selects should not be on the same object type"
        raise compilation.error(inner.source.position, message)
    _check_same_target(relations, outer, inner_relations, selected, condition)
    left = filter_operand(relations, condition.left).sql
    matches = fill("{} IN ({})", left, _inner_sql(inner_relations, inner, selected))
    return fill("({}) IS NOT TRUE", matches) if condition.negated else matches


def _outer_reference(relations: Relations, left: Expression) -> Field:
    if isinstance(left, FieldPath) and len(left.parts) == 1:
        field = relations.column(left).field
        if field.type in ("id", "reference"):
            return field
    name = str(left) if isinstance(left, FieldPath) else left.name
    message = (
        "The left operand field in the where expression for outer query should be an id field, "
        f"cannot use : '{name}'"
    )
    raise relations.compilation.error(left.position, message)


def _inner(compilation: Compilation, query: Query) -> tuple[Relations, FieldPath]:
    _check_clauses(compilation, query)
    source = query.source
    if len(source.path) != 1:
        raise compilation.error(source.position, "unexpected token: '.'")
    target = find_object(compilation, source.path[0], source.position)
    relations = Relations(compilation, target, (source.alias, target.name))
    item = query.select[0]
    if isinstance(item, SelectExpression) and isinstance(item.expression, FieldPath):
        path = item.expression
        column = relations.column(path)
        if column.field.type in ("id", "reference") and not column.table.path:
            return relations, path
    raise _bad_inner_select(compilation, query)


def _check_clauses(compilation: Compilation, query: Query) -> None:
    extra = query.order_by or query.group_by or query.having or query.joined
    if extra or query.limit is not None or query.offset is not None:
        message = "ORDER BY, LIMIT, OFFSET and GROUP BY are not allowed in a semi join sub-select"
        raise compilation.error(query.position, message)
    if len(query.select) != 1:
        raise _bad_inner_select(compilation, query)


def _bad_inner_select(compilation: Compilation, query: Query) -> SoqlError:
    message = "a semi join sub-select selects exactly one Id or reference field of its own object"
    return compilation.error(query.position, message)


def _check_same_target(
    outer: Relations, left: Field, inner: Relations, path: FieldPath, condition: InQuery
) -> None:
    selected = inner.column(path).field
    targets = _targets(outer, left) & _targets(inner, selected)
    if not targets:
        message = (
            f"The selected field '{selected.name}' in the subquery and the left operand field in "
            f"the where expression in the outer query '{left.name}' should point to the same "
            "object type"
        )
        raise outer.compilation.error(condition.position, message)


def _targets(relations: Relations, field: Field) -> set[str]:
    return {relations.root.object.name} if field.type == "id" else set(field.reference_to)


def _inner_sql(relations: Relations, query: Query, selected: FieldPath) -> Sql:
    column = relations.column(selected).sql
    conditions = inner_conditions(relations, "Nesting of semi join sub-selects is not supported")
    where = where_clause(where_parts(relations, query, conditions.sql))
    return fill("SELECT {} FROM {}{}", column, relations.from_sql(), where)
