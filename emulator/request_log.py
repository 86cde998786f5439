"""What was asked of the org, for tests and for people who wonder."""

from __future__ import annotations

import threading
from collections import deque
from itertools import count, islice
from typing import Any

KEPT = 100_000


class RequestLog:
    """The last requests, numbered from 1; it holds no header and no secret."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._numbers = count(1)

    def add(self, entry: dict[str, Any]) -> None:
        """Note one request."""
        with self._lock:
            self._entries.append({"n": next(self._numbers), **entry})

    def since(self, number: int) -> list[dict[str, Any]]:
        """Requests after that number."""
        with self._lock:
            if not self._entries:
                return []
            skip = max(0, number - self._entries[0]["n"] + 1)
            return list(islice(self._entries, skip, None))

    def clear(self) -> None:
        """Forget all; numbers begin at 1 again."""
        with self._lock:
            self._entries.clear()
            self._numbers = count(1)
