"""SOQL tokens to conditions, expressions and values: what WHERE and HAVING are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod

from emulator.soql.date_literals import COUNTED_LITERALS, LITERALS
from emulator.soql.errors import SoqlError, error_at
from emulator.soql.lexer import Kind, Token
from emulator.soql.nodes import (
    And,
    BooleanValue,
    Call,
    Comparison,
    Condition,
    DateLiteral,
    DateTimeValue,
    DateValue,
    Expression,
    FieldPath,
    Includes,
    InList,
    InQuery,
    Not,
    NullValue,
    NumberValue,
    Or,
    Query,
    StringValue,
    TimeValue,
    Value,
)

COMPARISONS = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
# Functions that the language has and this parser doesn't.
OTHER_FUNCTIONS = frozenset({"CONVERTCURRENCY", "DISTANCE", "GEOLOCATION"})
BIND_VARIABLE = "Bind variables only allowed in Apex code"


class ConditionParser(ABC):
    """A cursor over the tokens, and the grammar of conditions."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self._tokens = tokens
        self._at = 0

    @abstractmethod
    def query(self) -> Query: ...

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    def peek(self) -> Token:
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def advance(self) -> Token:
        token = self.token
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def take_word(self, word: str) -> bool:
        found = self.token.word == word
        if found:
            self.advance()
        return found

    def take_symbol(self, symbol: str) -> bool:
        found = self.token.kind is Kind.SYMBOL and self.token.text == symbol
        if found:
            self.advance()
        return found

    def expect(self, kind: Kind) -> Token:
        if self.token.kind is not kind:
            raise self.unexpected()
        return self.advance()

    def expect_word(self, word: str) -> None:
        if not self.take_word(word):
            raise self.unexpected()

    def expect_symbol(self, symbol: str) -> None:
        if not self.take_symbol(symbol):
            raise self.unexpected()

    def error(self, message: str) -> SoqlError:
        return error_at(self.text, self.token.position, "MALFORMED_QUERY", message)

    def unexpected(self) -> SoqlError:
        return self.error(f"unexpected token: '{self.token.text}'")

    def bind_variable(self) -> SoqlError:
        return self.error(BIND_VARIABLE)

    def condition(self) -> Condition:
        """One condition, or several joined by AND, or by OR; mixing them needs parentheses."""
        first = self._single_condition()
        word = self.token.word
        if word not in ("AND", "OR"):
            return first
        operands = [first]
        while self.take_word(word):
            operands.append(self._single_condition())
        if self.token.word in ("AND", "OR"):
            raise self.unexpected()
        return And(tuple(operands)) if word == "AND" else Or(tuple(operands))

    def _single_condition(self) -> Condition:
        if self.take_word("NOT"):
            return Not(self._single_condition())
        if self.take_symbol("("):
            condition = self.condition()
            self.expect_symbol(")")
            return condition
        return self._comparison()

    def _comparison(self) -> Condition:
        position = self.token.position
        left = self.expression()
        if self.token.text in COMPARISONS:
            operator = COMPARISONS[self.advance().text]
            return Comparison(left, operator, self.value(), position=position)
        if self.take_word("LIKE"):
            return Comparison(left, "LIKE", self.value(), position=position)
        if self.token.word in ("INCLUDES", "EXCLUDES"):
            negated = self.advance().word == "EXCLUDES"
            return Includes(left, self._value_list(), negated, position=position)
        negated = self.take_word("NOT")
        self.expect_word("IN")
        return self._membership(left, negated, position)

    def _membership(self, left: Expression, negated: bool, position: int) -> Condition:
        if self.token.text == "(" and self.peek().word == "SELECT":
            self.advance()
            query = self.query()
            self.expect_symbol(")")
            return InQuery(left, query, negated, position=position)
        return InList(left, self._value_list(), negated, position=position)

    def _value_list(self) -> tuple[Value, ...]:
        if self.token.text == ":":
            raise self.bind_variable()
        self.expect_symbol("(")
        values = [self.value()]
        while self.take_symbol(","):
            values.append(self.value())
        self.expect_symbol(")")
        return tuple(values)

    def path(self) -> FieldPath:
        position = self.token.position
        parts = [self.expect(Kind.NAME).text]
        while self.take_symbol("."):
            parts.append(self.expect(Kind.NAME).text)
        return FieldPath(tuple(parts), position=position)

    def expression(self) -> Expression:
        """A field path or a function of one."""
        if self.token.kind is Kind.NAME and self.peek().text == "(":
            return self._call()
        return self.path()

    def _call(self) -> Call:
        if self.token.word in OTHER_FUNCTIONS:
            raise self.error(f"{self.token.text}() is not supported here")
        name = self.advance()
        self.expect_symbol("(")
        argument = None if self.token.text == ")" else self.expression()
        self.expect_symbol(")")
        return Call(name.word, argument, position=name.position)

    def value(self) -> Value:
        """A literal: fields can't be compared with fields, and variables exist in Apex only."""
        token, position = self.token, self.token.position
        if token.kind is Kind.STRING:
            return StringValue(self.advance().text[1:-1], position=position)
        if token.kind is Kind.DATE:
            return DateValue(self.advance().text, position=position)
        if token.kind is Kind.DATETIME:
            return DateTimeValue(self.advance().text, position=position)
        if token.kind is Kind.TIME:
            return TimeValue(self.advance().text, position=position)
        if token.kind is Kind.NUMBER or token.text in ("+", "-"):
            return self._number()
        if token.kind is Kind.NAME:
            return self._named_value()
        if token.text == ":":
            raise self.bind_variable()
        raise self.unexpected()

    def _number(self) -> NumberValue:
        position = self.token.position
        sign = self.advance().text if self.token.kind is Kind.SYMBOL else ""
        number = self.expect(Kind.NUMBER).text
        return NumberValue(f"-{number}" if sign == "-" else number, position=position)

    def _named_value(self) -> Value:
        word, position = self.token.word, self.token.position
        if word in ("TRUE", "FALSE"):
            self.advance()
            return BooleanValue(word == "TRUE", position=position)
        if word == "NULL":
            self.advance()
            return NullValue(position=position)
        if word in LITERALS:
            self.advance()
            return DateLiteral(word, position=position)
        if word in COUNTED_LITERALS:
            self.advance()
            self.expect_symbol(":")
            return DateLiteral(word, self._literal_count(), position=position)
        raise self.bind_variable()

    def _literal_count(self) -> int:
        if not self.token.text.isdigit():
            raise self.unexpected()
        return int(self.expect(Kind.NUMBER).text)
