"""The error that Bulk API 2.0 writes beside a failed row, taken apart."""

import re
from dataclasses import dataclass

CODE = re.compile(r"([A-Za-z][A-Za-z0-9_]*):(.*)", re.DOTALL)


@dataclass(frozen=True)
class RowError:
    """``code`` is empty when the text doesn't begin with one; ``message`` is then all of it."""

    code: str
    message: str
    fields: tuple[str, ...]


def parse_row_error(text: str) -> RowError:
    """``CODE:message:Field, Other --`` as parts; the message may hold colons and line ends."""
    match = CODE.fullmatch(text)
    code, rest = (match[1], match[2]) if match else ("", text)
    end = _last(rest)
    if end is None:
        return RowError(code, rest, ())
    message, fields = end
    return RowError(
        code, message, tuple(name.strip() for name in fields.split(",") if name.strip())
    )


def _last(rest: str) -> tuple[str, str] | None:
    """Message and list of fields, split at the last colon; None when no list ends the text."""
    message, colon, fields = rest.rpartition(":")
    listed = re.fullmatch(r"([\w., ]*?) ?--\s*", fields)
    return (message, listed[1]) if colon and listed else None
