"""ORDER BY to SQL: case-insensitive text, picklists by definition, nulls first."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.soql.binder import Relations
from emulator.soql.context import Compilation
from emulator.soql.fragments import EMPTY, Sql, bind, fill, join
from emulator.soql.nodes import FieldPath, OrderItem
from emulator.soql.operands import Operand, row_operand
from emulator.soql.values import TEXT_KINDS

# Where values stand that a picklist no longer has: after those that it has.
UNLISTED_RANK = 1_000_000


@dataclass(frozen=True, slots=True)
class SortKey:
    """What to sort by, and the words that follow it in SQL."""

    sql: Sql
    direction: str

    def term(self) -> Sql:
        return fill(f"{{}} {self.direction}", self.sql)


def row_sort_keys(relations: Relations, items: tuple[OrderItem, ...]) -> list[SortKey]:
    """The keys of a SELECT over rows."""
    keys = []
    for item in items:
        operand = row_operand(relations, item.expression)
        check_sortable(relations.compilation, operand)
        through_parent = isinstance(item.expression, FieldPath) and len(item.expression.parts) > 1
        # NULLS LAST is ignored on relationship and reference fields [soql reference].
        nulls_last = item.nulls_last and operand.kind != "id" and not through_parent
        keys.append(SortKey(sort_value(operand), _direction(item.descending, nulls_last)))
    return keys


def grouped_sort_key(operand: Operand, item: OrderItem) -> SortKey:
    """A key of a SELECT over groups, its value already computed."""
    return SortKey(operand.sql, _direction(item.descending, item.nulls_last))


def order_clause(keys: list[SortKey]) -> Sql:
    """``ORDER BY …`` with a blank before it, or nothing."""
    return fill(" ORDER BY {}", join(", ", [key.term() for key in keys])) if keys else EMPTY


def check_sortable(compilation: Compilation, operand: Operand) -> None:
    field = operand.field
    if field is not None and (not field.sortable or operand.kind == "compound"):
        message = f"field '{field.name}' can not be sorted in a query call"
        raise compilation.error(operand.position, message)


def sort_value(operand: Operand) -> Sql:
    """Source: [soql reference]: capitals for text, definition order for picklists."""
    if operand.picklist:
        return picklist_rank(operand)
    if operand.kind in TEXT_KINDS and not operand.case_sensitive:
        return fill("upper({})", operand.sql)
    return operand.sql


def picklist_rank(operand: Operand) -> Sql:
    """A value's place in its picklist's definition; null for null."""
    place = fill("list_position({}, {})", bind(list(operand.picklist)), operand.sql)
    return fill(
        f"CASE WHEN {{}} IS NOT NULL THEN coalesce({{}}, {UNLISTED_RANK}) END", operand.sql, place
    )


def _direction(descending: bool, nulls_last: bool) -> str:
    return f"{'DESC' if descending else 'ASC'} NULLS {'LAST' if nulls_last else 'FIRST'}"
