"""What was asked of the org, for tests and for people who wonder."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

KEPT_REQUESTS = 100_000


@dataclass
class LoggedRequest:
    """One request; it holds no header and no secret.

    Attributes:
        bytes: Of the answer's body on the wire, so far.
        query: The query string, where it can't hold a secret.
    """

    at: str
    method: str
    path: str
    status: int
    api_calls: int
    query: str | None = None
    bytes: int = 0
    number: int = 0

    def count(self, more_bytes: int) -> None:
        """Note that another piece of the body goes out."""
        self.bytes += more_bytes

    def as_json(self) -> dict[str, Any]:
        """The request as the control shows it."""
        entry: dict[str, Any] = {
            "n": self.number,
            "at": self.at,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "bytes": self.bytes,
            "api_calls": self.api_calls,
        }
        return entry if self.query is None else entry | {"query": self.query}


class RequestLog:
    """The last requests, numbered from 1."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: deque[LoggedRequest] = deque(maxlen=KEPT_REQUESTS)
        self._numbers = count(1)

    def add(self, request: LoggedRequest) -> None:
        """Take in a request, before its answer is sent."""
        with self._lock:
            request.number = next(self._numbers)
            self._requests.append(request)

    def since(self, number: int) -> list[dict[str, Any]]:
        """Requests after that number, as JSON."""
        with self._lock:
            if not self._requests:
                return []
            skip = max(0, number - self._requests[0].number + 1)
            return [one.as_json() for one in islice(self._requests, skip, None)]

    def clear(self) -> None:
        """Forget all; numbers begin at 1 again."""
        with self._lock:
            self._requests.clear()
            self._numbers = count(1)
