"""SOQL text to tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from emulator.soql.errors import error_at

# Source: [soql reference].
MAX_STATEMENT_CHARS = 100_000


class Kind(Enum):
    """What a token is; keywords are names, because fields may be called the same."""

    NAME = "name"
    STRING = "string"
    NUMBER = "number"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the statement as it was typed, and where it begins."""

    kind: Kind
    text: str
    position: int

    @property
    def word(self) -> str:
        """The text in capitals, for comparing with keywords; empty for what isn't a name."""
        return self.text.upper() if self.kind is Kind.NAME else ""


_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = r"\d{2}:\d{2}:\d{2}(?:\.\d+)?"
_PATTERNS = {
    Kind.DATETIME: rf"{_DATE}T{_TIME}(?:Z|[+-]\d{{2}}:\d{{2}})",
    Kind.DATE: _DATE,
    Kind.TIME: rf"{_TIME}Z",
    Kind.NUMBER: r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?",
    Kind.NAME: r"[A-Za-z][A-Za-z0-9_]*",
    Kind.STRING: r"'(?:[^'\\]|\\.)*'",
    Kind.SYMBOL: r"!=|<>|<=|>=|[=<>(),.:+-]",
}
_TOKEN = re.compile(
    r"\s*(?:" + "|".join(f"(?P<{kind.name}>{p})" for kind, p in _PATTERNS.items()) + ")",
    re.DOTALL,
)
_SPACE = re.compile(r"\s*")


def tokenize(text: str) -> list[Token]:
    """The statement's tokens, with an END token after the last.

    Raises:
        SoqlError: The text is too long, or holds a character that begins no token.
    """
    if len(text) > MAX_STATEMENT_CHARS:
        raise error_at(
            "", 0, "MALFORMED_QUERY", "SOQL statements cannot be longer than 100000 characters."
        )
    tokens: list[Token] = []
    at = 0
    while match := _TOKEN.match(text, at):
        kind = Kind[str(match.lastgroup)]
        tokens.append(Token(kind, match[kind.name], match.start(kind.name)))
        at = match.end()
    at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # matches the empty string too
    if at < len(text):
        raise _no_token(text, at)
    tokens.append(Token(Kind.END, "<EOF>", len(text)))
    return tokens


def _no_token(text: str, at: int) -> Exception:
    if text[at] == "'":
        # The lexer behind Salesforce is ANTLR's; this is how it reports a string without an end.
        row, column = text.count("\n") + 1, len(text) - text.rfind("\n") - 1
        message = f"line {row}:{column} mismatched character '<EOF>' expecting '''"
        return error_at(text, at, "MALFORMED_QUERY", message)
    return error_at(text, at, "MALFORMED_QUERY", f"unexpected token: '{text[at]}'")
