"""What goes wrong with a SOQL statement, worded as Salesforce words it."""

from __future__ import annotations

import re

# The excerpt in a message shows this many characters on each side of the marked one, widened to
# whole words. Measured on nine messages of real orgs quoted in public issue threads.
EXCERPT_REACH = 30

_SEPARATOR = re.compile(r"[\s,]")


class SoqlError(Exception):
    """A statement that Salesforce refuses, HTTP 400.

    Attributes:
        error_code: e.g. ``MALFORMED_QUERY``.
        message: The text of the answer, with its excerpt of the statement where it has one.
    """

    def __init__(self, error_code: str, message: str) -> None:
        super().__init__(error_code, message)
        self.error_code = error_code
        self.message = message

    def __str__(self) -> str:
        return f"{self.error_code}: {self.message}"


def error_at(text: str, position: int, error_code: str, message: str) -> SoqlError:
    """An error that points at a character of the statement.

    Sources: [cci] [rest guide]: line break, excerpt, caret under the character,
    ``ERROR at Row:R:Column:C``, then the reason.
    """
    line_start = text.rfind("\n", 0, position) + 1
    line_end = text.find("\n", position)
    line = text[line_start:] if line_end < 0 else text[line_start:line_end]
    row, column = text.count("\n", 0, position) + 1, position - line_start
    start, end = _excerpt(line, column)
    return SoqlError(
        error_code,
        f"\n{line[start:end]}\n{' ' * (column - start)}^\n"
        f"ERROR at Row:{row}:Column:{column + 1}\n{message}",
    )


def _excerpt(line: str, column: int) -> tuple[int, int]:
    start = max(column - EXCERPT_REACH, 0)
    while start > 0 and not _SEPARATOR.match(line[start - 1]):
        start -= 1
    end = min(column + 1 + EXCERPT_REACH, len(line))
    while end < len(line) and not _SEPARATOR.match(line[end]):
        end += 1
    return start, end
