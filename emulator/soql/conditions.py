"""WHERE and HAVING to SQL, with SOQL's two-valued logic.

A comparison may come out NULL; AND and OR then choose the rows that SOQL chooses, because NULL
counts as false at the top. Only NOT and its kin would tell NULL from false, so each of them is
written ``IS NOT TRUE``: the rows for which the condition doesn't hold, nulls among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.soql.context import Compilation
from emulator.soql.errors import SoqlError
from emulator.soql.fragments import FALSE, Sql, bind, fill, join
from emulator.soql.nodes import (
    And,
    Comparison,
    Condition,
    Expression,
    Includes,
    InList,
    InQuery,
    Not,
    Or,
    Value,
)
from emulator.soql.operands import Operand
from emulator.soql.values import TEXT_KINDS, Range, bound, like_pattern, string

_EQUALITY_ONLY = frozenset({"boolean", "multipicklist"})
_LIKE_KINDS = frozenset({"string", "picklist"})


@dataclass(frozen=True, slots=True)
class Conditions:
    """Compiles conditions over the operands of one clause.

    Attributes:
        operand: Finds the left side of a comparison.
        semi_join: Compiles ``IN (SELECT …)``; refuses it where it isn't allowed.
    """

    compilation: Compilation
    operand: Callable[[Expression], Operand]
    semi_join: Callable[[InQuery], Sql]

    def sql(self, condition: Condition, semi_join_barrier: str = "") -> Sql:
        """The condition; `semi_join_barrier` is the operator above that forbids semi-joins."""
        if isinstance(condition, And):
            parts = [self.sql(one, semi_join_barrier) for one in condition.operands]
            return fill("({})", join(" AND ", parts))
        if isinstance(condition, Or):
            parts = [self.sql(one, semi_join_barrier or "OR") for one in condition.operands]
            return fill("({})", join(" OR ", parts))
        if isinstance(condition, Not):
            inner = self.sql(condition.operand, semi_join_barrier or "NOT")
            return fill("({}) IS NOT TRUE", inner)
        if isinstance(condition, Comparison):
            return self._comparison(condition)
        if isinstance(condition, InList):
            return self._in_list(condition)
        if isinstance(condition, Includes):
            return self._includes(condition)
        if semi_join_barrier:
            raise self.compilation.error(
                condition.position,
                f"Semi join sub-selects are not allowed with the '{semi_join_barrier}' operator",
            )
        return self.semi_join(condition)

    def _comparison(self, condition: Comparison) -> Sql:
        operand = self.operand(condition.left)
        if condition.operator == "LIKE":
            return self._like(operand, condition.value)
        if operand.kind in _EQUALITY_ONLY and condition.operator not in ("=", "!="):
            raise self._invalid_operator(operand)
        value = bound(self.compilation, operand, condition.value)
        if operand.kind == "boolean":
            return _boolean(operand, value, condition.operator == "!=")
        if value is None:
            return _null_comparison(operand, condition.operator)
        if isinstance(value, Range):
            return _range_comparison(operand.sql, condition.operator, value)
        operator = "IS DISTINCT FROM" if condition.operator == "!=" else condition.operator
        return fill(f"{{}} {operator} {{}}", folded(operand, operand.sql), folded(operand, value))

    def _like(self, operand: Operand, value: Value) -> Sql:
        if operand.kind not in _LIKE_KINDS:
            raise self._invalid_operator(operand)
        pattern = bind(like_pattern(self.compilation, operand, value))
        operator = "LIKE" if operand.case_sensitive else "ILIKE"
        return fill(f"{{}} {operator} {{}} ESCAPE '\\'", operand.sql, pattern)

    def _in_list(self, condition: InList) -> Sql:
        operand = self.operand(condition.left)
        values = [bound(self.compilation, operand, value) for value in condition.values]
        matches = _in(operand, values)
        return fill("({}) IS NOT TRUE", matches) if condition.negated else matches

    def _includes(self, condition: Includes) -> Sql:
        operand = self.operand(condition.left)
        if operand.kind != "multipicklist":
            raise self._invalid_operator(operand)
        choices = [string(self.compilation, operand, value) for value in condition.values]
        chosen = fill("string_split(upper({}), ';')", operand.sql)
        matches = join(" OR ", [_has_all(operand, chosen, choice) for choice in choices])
        return fill("({}) IS NOT TRUE" if condition.negated else "({})", matches)

    def _invalid_operator(self, operand: Operand) -> SoqlError:
        return self.compilation.error(
            operand.position,
            f"invalid operator on {operand.kind.lower()} field",
            "INVALID_QUERY_FILTER_OPERATOR",
        )


def folded(operand: Operand, value: Sql) -> Sql:
    """The value as it is compared: text in capitals, unless its field is case-sensitive."""
    if operand.kind in TEXT_KINDS and not operand.case_sensitive:
        return fill("upper({})", value)
    return value


def _boolean(operand: Operand, value: object, negated: bool) -> Sql:
    """A boolean is never null: what is missing, a parent's too, is false."""
    wanted = isinstance(value, Sql) and value.params[0] is True
    return fill("{} IS TRUE" if wanted != negated else "{} IS NOT TRUE", operand.sql)


def _null_comparison(operand: Operand, operator: str) -> Sql:
    if operator == "=":
        return fill("{} IS NULL", operand.sql)
    return fill("{} IS NOT NULL", operand.sql) if operator == "!=" else FALSE


def _range_comparison(value: Sql, operator: str, span: Range) -> Sql:
    if operator in ("<", ">="):
        return fill(f"{{}} {operator} {{}}", value, span.start)
    if operator == "<=":
        return fill("{} < {}", value, span.end)
    if operator == ">":
        return fill("{} >= {}", value, span.end)
    inside = fill("({} >= {} AND {} < {})", value, span.start, value, span.end)
    return inside if operator == "=" else fill("{} IS NOT TRUE", inside)


def _in(operand: Operand, values: list[Sql | Range | None]) -> Sql:
    if operand.kind == "boolean":
        return fill("({})", join(" OR ", [_boolean(operand, value, False) for value in values]))
    plain = [folded(operand, value) for value in values if isinstance(value, Sql)]
    spans = [value for value in values if isinstance(value, Range)]
    parts = [_range_comparison(operand.sql, "=", span) for span in spans]
    if plain:
        parts.append(fill("{} IN ({})", folded(operand, operand.sql), join(", ", plain)))
    if None in values:
        parts.append(fill("{} IS NULL", operand.sql))
    return fill("({})", join(" OR ", parts))


def _has_all(operand: Operand, chosen: Sql, choice: str) -> Sql:
    if not choice:
        return fill("{} IS NULL", operand.sql)
    return fill("list_has_all({}, string_split(upper({}), ';'))", chosen, bind(choice))
