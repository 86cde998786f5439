"""GROUP BY, HAVING and the aggregate functions to SQL.

The rows are cut down to what is grouped by or aggregated in an inner SELECT; the outer one then
sees plain columns, whatever expression with whatever parameters each came from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from emulator.soql.binder import Relations
from emulator.soql.conditions import Conditions
from emulator.soql.errors import SoqlError
from emulator.soql.fragments import EMPTY, Sql, fill, join
from emulator.soql.nodes import (
    Call,
    Expression,
    FieldPath,
    InQuery,
    Query,
    SelectExpression,
)
from emulator.soql.operands import Operand, row_operand
from emulator.soql.ordering import grouped_sort_key, order_clause, picklist_rank, sort_value
from emulator.soql.value_formats import json_value
from emulator.soql.values import TEXT_KINDS
from emulator.soql.where import limit_clause

AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})
_NUMBERS = frozenset({"int", "double"})


@dataclass(frozen=True, slots=True)
class Output:
    """A column of the result.

    Attributes:
        name: Its key: the alias, the field's name, or ``expr0`` and on.
        display_name: The function's or field's name.
    """

    name: str
    display_name: str
    operand: Operand
    is_function: bool


def is_plain_count(query: Query) -> bool:
    """Whether it is ``SELECT COUNT() FROM …``, whose answer has no records."""
    if len(query.select) != 1 or query.group_by or query.having:
        return False
    item = query.select[0]
    return item == SelectExpression(Call("COUNT"))


def is_aggregate(query: Query) -> bool:
    """Whether the result's rows are groups."""
    calls = [
        item.expression
        for item in query.select
        if isinstance(item, SelectExpression) and isinstance(item.expression, Call)
    ]
    return bool(query.group_by) or any(call.name in AGGREGATES for call in calls)


class Aggregation:
    """One SELECT over groups."""

    def __init__(self, relations: Relations, query: Query) -> None:
        self._relations = relations
        self._query = query
        self._inner: dict[str, tuple[str, Sql]] = {}
        self._keys = [self._key(expression) for expression in query.group_by]
        self._check_clauses()
        self.outputs = self._outputs()

    def sql(self, where: Sql) -> Sql:
        """The whole SELECT; `where` chooses the rows before they are grouped."""
        query = self._query
        columns = [
            fill(f"{{}} AS c{i}", json_value(one.operand.kind, one.operand.sql))
            for i, one in enumerate(self.outputs)
        ]
        having = self._having()
        order = order_clause(
            [grouped_sort_key(self._sort_operand(item.expression), item) for item in query.order_by]
        )
        rows = [fill(f"{{}} AS {name}", value) for name, value in self._inner.values()]
        inner = fill("SELECT {} FROM {}{}", join(", ", rows), self._relations.from_sql(), where)
        keys = join(", ", dict.fromkeys(key.sql for key in self._keys))
        group = fill(f" GROUP BY {query.subtotals} ({{}})", keys) if self._keys else EMPTY
        return fill(
            "SELECT {} FROM ({}) grouped{}{}{}{}",
            join(", ", columns),
            inner,
            group,
            having,
            order,
            limit_clause(query),
        )

    def operand(self, expression: Expression) -> Operand:
        """A grouped field or an aggregate, as HAVING and ORDER BY may name them."""
        if isinstance(expression, Call) and expression.name in AGGREGATES:
            return self._aggregate(expression)
        if isinstance(expression, Call) and expression.name == "GROUPING":
            return self._grouping(expression)
        operand = self._inner_operand(row_operand(self._relations, expression))
        if all(operand.sql != key.sql for key in self._keys):
            message = f"Field must be grouped or aggregated: {operand.name}"
            raise self._relations.compilation.error(expression.position, message)
        return operand

    def _check_clauses(self) -> None:
        query, compilation = self._query, self._relations.compilation
        if not query.group_by and query.limit is not None:
            message = (
                "Non-grouped query that uses overall aggregate functions cannot also use LIMIT"
            )
            raise compilation.error(query.position, message)
        if query.having is not None and not query.group_by:
            raise compilation.error(query.position, "HAVING needs a GROUP BY clause")

    def _key(self, expression: Expression) -> Operand:
        operand = row_operand(self._relations, expression)
        field = operand.field
        if field is not None and (not field.groupable or operand.kind == "compound"):
            message = f"field '{field.name}' can not be grouped in a query call"
            raise self._relations.compilation.error(operand.position, message)
        return self._inner_operand(operand)

    def _inner_operand(self, operand: Operand) -> Operand:
        """The operand as the outer SELECT sees it, a plain column."""
        return replace(operand, sql=Sql(self._column(operand.sql)))

    def _column(self, value: Sql) -> str:
        fresh = (f"b{len(self._inner)}", value)
        return self._inner.setdefault(repr(value), fresh)[0]

    def _outputs(self) -> tuple[Output, ...]:
        outputs: list[Output] = []
        unnamed = 0
        for item in self._query.select:
            if not isinstance(item, SelectExpression):
                message = "subqueries, FIELDS() and TYPEOF are not allowed in an aggregate query"
                raise self._relations.compilation.error(item.position, message)
            operand = self.operand(item.expression)
            is_function = isinstance(item.expression, Call)
            name = item.alias or (f"expr{unnamed}" if is_function else operand.name)
            unnamed += is_function and item.alias is None
            if any(name.lower() == one.name.lower() for one in outputs):
                message = f"duplicate alias: {name}"
                raise self._relations.compilation.error(item.position, message)
            outputs.append(Output(name, _display_name(item.expression), operand, is_function))
        return tuple(outputs)

    def _grouping(self, call: Call) -> Operand:
        """1 in rows that sum over all values of a field, else 0."""
        if not self._query.subtotals or call.argument is None:
            message = "GROUPING needs a field of GROUP BY ROLLUP or GROUP BY CUBE"
            raise self._relations.compilation.error(call.position, message)
        key = self.operand(call.argument)
        return Operand(fill("grouping({})", key.sql), "int", "GROUPING", call.position)

    def _aggregate(self, call: Call) -> Operand:
        if call.argument is None:
            message = "COUNT() must be the only element of the SELECT clause"
            raise self._relations.compilation.error(call.position, message)
        operand = row_operand(self._relations, call.argument)
        field = operand.field
        if not isinstance(call.argument, FieldPath) or field is None:
            message = "aggregate functions take a field"
            raise self._relations.compilation.error(call.position, message)
        if not field.aggregatable or not _supports(call.name, operand.kind):
            raise self._no_support(call, field.name)
        column = self._column(operand.sql)
        if call.name in ("MIN", "MAX"):
            return replace(operand, sql=self._extreme(call.name, operand, column), field=None)
        sql = {
            "COUNT": f"count({column})",
            "COUNT_DISTINCT": f"count(DISTINCT {column})",
            "SUM": _sum(operand.kind, column),
            "AVG": f"CAST({_sum(operand.kind, column)} AS DOUBLE) / count({column})",
        }[call.name]
        kind = {"SUM": operand.kind, "AVG": "double"}.get(call.name, "int")
        return Operand(Sql(sql), kind, operand.name, call.position)

    def _extreme(self, function: str, operand: Operand, column: str) -> Sql:
        """MIN and MAX follow the order that ORDER BY follows: picklists by definition."""
        if operand.kind not in TEXT_KINDS:
            return Sql(f"{function.lower()}({column})")
        rank = picklist_rank(operand) if operand.picklist else sort_value(operand)
        return Sql(f"arg_{function.lower()}({column}, {self._column(rank)})")

    def _no_support(self, call: Call, name: str) -> SoqlError:
        message = f"field {name} does not support aggregate operator {call.name}"
        return self._relations.compilation.error(call.position, message)

    def _having(self) -> Sql:
        if self._query.having is None:
            return EMPTY
        compilation = self._relations.compilation

        def refuse(condition: InQuery) -> Sql:
            message = "Semi join sub-selects are not allowed in HAVING"
            raise compilation.error(condition.position, message)

        conditions = Conditions(compilation, self.operand, refuse)
        return fill(" HAVING {}", conditions.sql(self._query.having))

    def _sort_operand(self, expression: Expression) -> Operand:
        operand = self.operand(expression)
        return replace(operand, sql=sort_value(operand))


def _sum(kind: str, column: str) -> str:
    """0.1 and 0.2 make 0.3, as in a database of decimals; only by way of text nothing is lost."""
    if kind != "double":
        return f"sum({column})"
    decimals = f"sum(CAST(CAST({column} AS VARCHAR) AS DECIMAL(38,10)))"
    return f"CAST(CAST({decimals} AS VARCHAR) AS DOUBLE)"


def _supports(function: str, kind: str) -> bool:
    if function in ("SUM", "AVG"):
        return kind in _NUMBERS
    return kind not in ("compound", "multipicklist", "boolean")


def _display_name(expression: Expression) -> str:
    return expression.parts[-1] if isinstance(expression, FieldPath) else expression.name
