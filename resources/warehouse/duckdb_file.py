"""Opens a DuckDB file briefly, and waits while somebody else holds it.

DuckDB locks its file: one process writes, or several read. Within this process one lock per
file keeps threads apart, so that settings and transactions never meet.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import duckdb

from resources.warehouse.dialect import quoted, text
from resources.warehouse.errors import WarehouseError, WarehouseLockedError

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
#: Steps of one run take turns all the time; a wait that is worth a word is longer.
SILENT_WAIT_S = 2.0
REPORT_EVERY_S = 30.0

T = TypeVar("T")
#: Called while waiting, with a sentence that names the holder.
OnWait = Callable[[str], None]

_file_locks: dict[Path, threading.Lock] = {}
_file_locks_lock = threading.Lock()
_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_THIS_PROCESS = "another connection of this process"


class DuckDBFile:
    """A DuckDB file that is opened for one block at a time."""

    def __init__(self, path: Path, *, lock_timeout_s: float, on_wait: OnWait | None = None) -> None:
        self.path = path.absolute()
        self._lock_timeout_s = lock_timeout_s
        self._on_wait = on_wait or logger.warning

    @contextmanager
    def open(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection, closed with the block.

        Raises:
            WarehouseLockedError: Somebody held the file for longer than ``lock_timeout_s``.
        """
        if not read_only:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked() as deadline:
            connection = self._when_free(
                lambda: duckdb.connect(str(self.path), read_only=read_only), deadline
            )
            try:
                yield connection
            finally:
                connection.close()

    @contextmanager
    def attached(self, connection: duckdb.DuckDBPyConnection, name: str) -> Iterator[None]:
        """The file under this name in another connection, read-only; detached with the block.

        Raises:
            WarehouseLockedError: Somebody held the file for longer than ``lock_timeout_s``.
        """
        statement = f"ATTACH {text(str(self.path))} AS {quoted(name)} (READ_ONLY)"
        with self._locked() as deadline:
            self._when_free(lambda: connection.execute(statement), deadline)
            try:
                yield
            finally:
                connection.execute(f"DETACH {quoted(name)}")

    @contextmanager
    def _locked(self) -> Iterator[float]:
        """Keeps other threads away; gives the moment when waiting ends."""
        deadline = time.monotonic() + self._lock_timeout_s
        lock = _lock_of(self.path)
        self._acquire(lock, deadline)
        try:
            yield deadline
        finally:
            lock.release()

    def _acquire(self, lock: threading.Lock, deadline: float) -> None:
        patience_s = min(SILENT_WAIT_S, self._lock_timeout_s)
        if lock.acquire(timeout=patience_s):
            return
        holder = f"another step of this process (PID {os.getpid()})"
        self._on_wait(self._waiting(holder))
        if not lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise WarehouseLockedError(str(self.path), holder, self._lock_timeout_s)

    def _when_free(self, open_file: Callable[[], T], deadline: float) -> T:
        pause_s, report_at = FIRST_PAUSE_S, time.monotonic() + SILENT_WAIT_S
        while True:
            try:
                return open_file()
            except duckdb.Error as error:
                holder = lock_holder(error)
                if holder is None:
                    raise WarehouseError(f"{self.path} can't be opened: {error}") from error
            now = time.monotonic()
            if now >= deadline:
                raise WarehouseLockedError(str(self.path), holder, self._lock_timeout_s)
            if now >= report_at:
                self._on_wait(self._waiting(holder))
                report_at = now + REPORT_EVERY_S
            time.sleep(min(pause_s, deadline - now))
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _waiting(self, holder: str) -> str:
        return f"Waiting for {holder}, which holds {self.path} open."


def lock_holder(error: duckdb.Error) -> str | None:
    """Who holds the file, in words; None if the error is about something else.

    The texts are DuckDB's own (2.0): "Conflicting lock is held in <program> (PID <pid>)" from
    another process, "different configuration" from this one.
    """
    text = str(error)
    if found := _HOLDER.search(text):
        program = Path(found["program"]).name
        return f"process {found['pid']} ({program})"
    if "Could not set lock on file" in text:
        return "another process"
    if "different configuration" in text:
        return _THIS_PROCESS
    return None


def _lock_of(path: Path) -> threading.Lock:
    with _file_locks_lock:
        return _file_locks.setdefault(path.resolve(), threading.Lock())
