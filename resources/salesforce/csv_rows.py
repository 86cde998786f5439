"""How many records a CSV text holds, counted while it streams past."""

import numpy as np

QUOTE, NEWLINE = 0x22, 0x0A


class RecordCounter:
    """Counts records of RFC 4180 text in pieces; a line end within quotes doesn't end one.

    A cut may fall anywhere: between the pieces, within quotes, between the two quotes of an
    escaped one (that toggles twice, so that parity stays right).
    """

    def __init__(self) -> None:
        self._ended = 0
        self._in_quotes = False
        self._open_record = False

    def feed(self, chunk: bytes) -> None:
        """Count on."""
        if not chunk:
            return
        data = np.frombuffer(chunk, dtype=np.uint8)
        line_ends = np.flatnonzero(data == NEWLINE)
        quotes = np.flatnonzero(data == QUOTE)
        before = np.searchsorted(quotes, line_ends) + self._in_quotes
        outside = line_ends[before % 2 == 0]
        self._ended += outside.size
        self._in_quotes = bool((quotes.size + self._in_quotes) % 2)
        if outside.size:
            self._open_record = bool(outside[-1] != data.size - 1)
        else:
            self._open_record = True

    @property
    def in_quotes(self) -> bool:
        """Whether the text so far stops within a quoted value: it was cut."""
        return self._in_quotes

    @property
    def records(self) -> int:
        """Records so far, the header among them, the last one also without its line end."""
        return self._ended + self._open_record
