"""Delimiters and line endings, by the names that jobs give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DELIMITERS = {
    "BACKQUOTE": "`",
    "CARET": "^",
    "COMMA": ",",
    "PIPE": "|",
    "SEMICOLON": ";",
    "TAB": "\t",
}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


@dataclass(frozen=True)
class CsvFormat:
    """Names as the API has them, e.g. COMMA and LF."""

    delimiter: str = "COMMA"
    line_ending: str = "LF"

    @property
    def separator(self) -> str:
        return DELIMITERS[self.delimiter]

    @property
    def newline(self) -> str:
        return LINE_ENDINGS[self.line_ending]

    def header_line(self, names: Sequence[str]) -> bytes:
        """The names as a line, every one quoted."""
        cells = ['"' + name.replace('"', '""') + '"' for name in names]
        return (self.separator.join(cells) + self.newline).encode()

    def line_sql(self, columns: Sequence[str]) -> str:
        """DuckDB SQL for a row as a line, every value quoted; no column may be null."""
        between = f"'\"{self.separator}\"'"
        cells = f", {between}, ".join(f"""replace({name}, '"', '""')""" for name in columns)
        return f"concat('\"', {cells}, '\"{self.newline}')"
