"""The requests of a stream, read on a thread of their own as they come."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

import grpc

Request = TypeVar("Request")


class Requests(Generic[Request]):
    """What the client has sent so far.

    Attributes:
        wake: Set when something came, and at the end.
    """

    def __init__(self, incoming: Iterator[Request], wake: threading.Event) -> None:
        self.wake = wake
        self._queue: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._ended = threading.Event()
        threading.Thread(target=self._read, args=(incoming,), daemon=True).start()

    def waiting(self) -> Iterator[Request]:
        """Those that came and weren't taken yet."""
        while not self._queue.empty():
            yield self._queue.get()

    def first(self) -> Request | None:
        """The first one, when it has come; None if the client ends without any."""
        while self._queue.empty() and not self._ended.is_set():
            self.wake.wait(1)
            self.wake.clear()
        return None if self._queue.empty() else self._queue.get()

    @property
    def ended(self) -> bool:
        """Whether the client sends no more, and all was taken."""
        return self._ended.is_set() and self._queue.empty()

    def _read(self, incoming: Iterator[Request]) -> None:
        try:
            for request in incoming:
                self._queue.put(request)
                self.wake.set()
        except grpc.RpcError:
            pass  # the client is gone; whoever serves the stream notices by itself
        finally:
            self._ended.set()
            self.wake.set()
