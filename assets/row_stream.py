"""Batches of rows, taken a stretch at a time, of which those taken can be had once more."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import pyarrow as pa


class RowStream:
    """Rows from ``batches``, without the first ``skip_rows``.

    What ``take`` gave is kept until ``taken`` asks for it again: whoever writes rows to a file
    knows only afterwards how many went into it.
    """

    def __init__(self, batches: Iterable[pa.RecordBatch], skip_rows: int = 0) -> None:
        self._batches = without_first(batches, skip_rows)
        self._next: pa.RecordBatch | None = None
        self._given: deque[pa.RecordBatch] = deque()

    def more(self) -> bool:
        """Whether a row is left."""
        while self._next is None or self._next.num_rows == 0:
            batch = next(self._batches, None)
            if batch is None:
                return False
            self._next = batch
        return True

    def take(self, most_rows: int) -> Iterator[pa.RecordBatch]:
        """The next rows, so many at most."""
        left = most_rows
        while left and self.more():
            assert self._next is not None
            piece, self._next = self._next.slice(0, left), self._next.slice(left)
            left -= piece.num_rows
            self._given.append(piece)
            yield piece

    def taken(self, rows: int) -> Iterator[pa.RecordBatch]:
        """The first ``rows`` of those that were given and not had again yet."""
        while rows:
            piece = self._given.popleft()
            if piece.num_rows > rows:
                self._given.appendleft(piece.slice(rows))
                piece = piece.slice(0, rows)
            rows -= piece.num_rows
            yield piece


def without_first(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """All but the first ``rows`` rows."""
    for batch in batches:
        skipped = min(rows, batch.num_rows)
        rows -= skipped
        if skipped < batch.num_rows:
            yield batch.slice(skipped)
