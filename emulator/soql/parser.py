"""SOQL text to nodes: the clauses of a SELECT. Conditions are in `condition_parser`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from emulator.soql.condition_parser import ConditionParser
from emulator.soql.errors import error_at
from emulator.soql.lexer import Kind, tokenize
from emulator.soql.nodes import (
    Expression,
    FieldsFunction,
    OrderItem,
    Query,
    SelectExpression,
    SelectItem,
    Source,
    Subquery,
    TypeBranch,
    TypeOf,
)

T = TypeVar("T")

# Names that end a FROM entry or a SELECT expression instead of naming an alias.
CLAUSE_WORDS = frozenset(
    {"FROM", "USING", "WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET"}
    | {"FOR", "UPDATE", "ALL"}
)
MAX_COUNT = 2**31 - 1
# Source: [soql reference].
MAX_SUBTOTAL_FIELDS = 3
FIELD_GROUPS = frozenset({"ALL", "STANDARD", "CUSTOM"})


def parse(text: str) -> Query:
    """The statement's tree.

    Raises:
        SoqlError: ``MALFORMED_QUERY``, pointing at the token that can't stand there.
    """
    parser = Parser(text, tokenize(text))
    query = parser.query()
    if parser.token.kind is not Kind.END:
        raise parser.unexpected()
    return query


class Parser(ConditionParser):
    """Recursive descent, one method a clause, in the order of the grammar in [soql reference]."""

    def query(self) -> Query:
        position = self.token.position
        self.expect_word("SELECT")
        select = self._list(self._select_item)
        self.expect_word("FROM")
        source, *joined = self._list(self._source)
        scope = self._scope()
        where = self.condition() if self.take_word("WHERE") else None
        if self.token.word == "WITH":
            raise self.error("WITH clauses are not supported through this API")
        subtotals, group_by = self._group_by()
        having = self.condition() if self.take_word("HAVING") else None
        order_by = self._order_by()
        limit = self._count() if self.take_word("LIMIT") else None
        offset = self._count() if self.take_word("OFFSET") else None
        touches = self._touches()
        return Query(
            select=tuple(select),
            source=source,
            joined=tuple(joined),
            scope=scope,
            where=where,
            group_by=tuple(group_by),
            subtotals=subtotals,
            having=having,
            order_by=tuple(order_by),
            limit=limit,
            offset=offset,
            touches=tuple(touches),
            text=self.text,
            position=position,
        )

    def _list(self, item: Callable[[], T]) -> list[T]:
        items = [item()]
        while self.take_symbol(","):
            items.append(item())
        return items

    def _select_item(self) -> SelectItem:
        position = self.token.position
        if self.take_symbol("("):
            query = self.query()
            self.expect_symbol(")")
            return Subquery(query, position=position)
        if self.token.word == "TYPEOF" and self.peek().kind is Kind.NAME:
            return self._type_of()
        if self.token.word == "FIELDS" and self.peek().text == "(":
            return self._fields_function()
        expression = self.expression()
        # Whatever else follows is not an alias: in `SELECT Id FORM Account` FORM is the mistake.
        is_alias = self.peek().text == "," or self.peek().word == "FROM"
        alias = self._alias() if is_alias else None
        return SelectExpression(expression, alias, position=position)

    def _fields_function(self) -> FieldsFunction:
        position = self.advance().position
        self.expect_symbol("(")
        if self.token.word not in FIELD_GROUPS:
            raise self.unexpected()
        group = self.advance().word
        self.expect_symbol(")")
        return FieldsFunction(group, position=position)

    def _alias(self) -> str | None:
        if self.token.kind is Kind.NAME and self.token.word not in CLAUSE_WORDS:
            return self.advance().text
        return None

    def _source(self) -> Source:
        path = self.path()
        return Source(path.parts, self._alias(), position=path.position)

    def _scope(self) -> str | None:
        if not self.take_word("USING"):
            return None
        self.expect_word("SCOPE")
        return self.expect(Kind.NAME).text.lower()

    def _group_by(self) -> tuple[str, list[Expression]]:
        """ROLLUP or CUBE or nothing, and what is grouped by."""
        if not self.take_word("GROUP"):
            return "", []
        self.expect_word("BY")
        if self.token.word not in ("ROLLUP", "CUBE") or self.peek().text != "(":
            return "", self._list(self.expression)
        position, subtotals = self.token.position, self.advance().word
        self.expect_symbol("(")
        expressions = self._list(self.expression)
        self.expect_symbol(")")
        if len(expressions) > MAX_SUBTOTAL_FIELDS:
            message = f"GROUP BY {subtotals} takes at most {MAX_SUBTOTAL_FIELDS} fields"
            raise error_at(self.text, position, "MALFORMED_QUERY", message)
        return subtotals, expressions

    def _type_of(self) -> TypeOf:
        position = self.advance().position
        reference = self.path()
        branches = []
        while self.token.word == "WHEN":
            at = self.advance().position
            type_name = self.expect(Kind.NAME).text
            self.expect_word("THEN")
            branches.append(TypeBranch(type_name, tuple(self._list(self.path)), position=at))
        if not branches:
            raise self.unexpected()
        otherwise = self._list(self.path) if self.take_word("ELSE") else []
        self.expect_word("END")
        return TypeOf(reference, tuple(branches), tuple(otherwise), position=position)

    def _order_by(self) -> list[OrderItem]:
        if not self.take_word("ORDER"):
            return []
        self.expect_word("BY")
        return self._list(self._order_item)

    def _order_item(self) -> OrderItem:
        position = self.token.position
        expression = self.expression()
        descending = self.take_word("DESC")
        if not descending:
            self.take_word("ASC")
        nulls_last = False
        if self.take_word("NULLS"):
            nulls_last = self.take_word("LAST")
            if not nulls_last:
                self.expect_word("FIRST")
        return OrderItem(expression, descending, nulls_last, position=position)

    def _count(self) -> int:
        if self.token.text == ":":
            raise self.bind_variable()
        if self.token.kind is not Kind.NUMBER or not self.token.text.isdigit():
            raise self.unexpected()
        if len(self.token.text) > len(str(MAX_COUNT)) or int(self.token.text) > MAX_COUNT:
            raise self.unexpected()
        return int(self.advance().text)

    def _touches(self) -> list[str]:
        """What follows LIMIT: FOR VIEW, FOR REFERENCE, UPDATE TRACKING, UPDATE VIEWSTAT."""
        touches = []
        while self.token.word in ("FOR", "UPDATE", "ALL"):
            if self.token.word == "ALL":
                raise self.error("ALL ROWS not allowed in this context")
            allowed = (
                ("VIEW", "REFERENCE") if self.advance().word == "FOR" else ("TRACKING", "VIEWSTAT")
            )
            if self.token.word == "UPDATE":
                raise self.error("FOR UPDATE not allowed in this context")
            if self.token.word not in allowed:
                raise self.unexpected()
            touches += [word for word in self._list(self._touch) if word]
        return touches

    def _touch(self) -> str:
        return self.expect(Kind.NAME).word
