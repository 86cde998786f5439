"""What the characters between a SOQL string's quotes mean."""

from __future__ import annotations

import re

# Source: [soql reference].
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
LIKE_ESCAPES = "_%"


class BadEscapeError(ValueError):
    """A backslash before something that can't be escaped; `index` counts from the first quote."""

    def __init__(self, sequence: str, index: int) -> None:
        super().__init__(sequence, index)
        self.sequence, self.index = sequence, index


def decode(raw: str) -> str:
    """The text that a literal stands for.

    Raises:
        BadEscapeError: An escape that SOQL doesn't have; ``\\_`` and ``\\%`` belong to LIKE.
    """
    return _whole(_ESCAPE.sub(_character, raw))


def decode_pattern(raw: str) -> str:
    """The pattern of a LIKE literal, for SQL's LIKE with a backslash as its escape character."""
    return _whole(_ESCAPE.sub(_pattern_character, raw))


def _whole(text: str) -> str:
    """Two ``\\u`` escapes may be the halves of one character; a half alone is no character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(match: re.Match[str]) -> str:
    escape = match[1]
    if escape[0] == "u" and len(escape) == 5:
        return chr(int(escape[1:], 16))
    if escape.lower() not in _SIMPLE:
        raise BadEscapeError(match[0], match.start() + 1)
    return _SIMPLE[escape.lower()]


def _pattern_character(match: re.Match[str]) -> str:
    if match[1] in LIKE_ESCAPES:
        return match[0]
    character = _character(match)
    return "\\\\" if character == "\\" else character
