"""The DuckDB database under the org: readers on their own cursors, one writer thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import duckdb

from emulator.errors import DataFolderError, EmulatorError

Connection = duckdb.DuckDBPyConnection
Result = TypeVar("Result")

# More writes than this in one transaction would make the first of them wait for too many others.
GROUP_WRITES = 256


class Database:
    """Opened once; closed at the end. Writes are grouped: many small ones share a commit."""

    def __init__(self, file: Path | None, temporary_folder: Path) -> None:
        self._root = duckdb.connect(
            ":memory:",
            config={"temp_directory": str(temporary_folder), "arrow_large_buffer_size": True},
        )
        self._attach_org(file)
        self._root.execute("USE org")
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[_Work[Any] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_loop, name="writer", daemon=True)
        self._writer.start()

    def _attach_org(self, file: Path | None) -> None:
        if file is None:
            # Compression keeps a million rows of mostly empty columns small in memory.
            self._root.execute("ATTACH ':memory:' AS org (COMPRESS)")
            return
        try:
            self._root.execute(f"ATTACH '{file}' AS org")
        except duckdb.IOException as error:
            raise DataFolderError(f"cannot open {file}: {error}") from None

    def cursor(self) -> Connection:
        """A connection of its own for one reader; the caller closes it."""
        with self._lock:
            cursor = self._root.cursor()
        cursor.execute("USE org")
        return cursor

    @contextmanager
    def reader(self) -> Iterator[Connection]:
        """A reader's cursor, closed afterwards."""
        cursor = self.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` on the writer's connection, inside a transaction; returns when committed.

        `work` checks first and writes then: an `EmulatorError` must come before its first
        statement that writes, because it doesn't roll back the others of the group.
        """
        item = _Work(work)
        self._queue.put(item)
        return item.future.result()

    def close(self) -> None:
        """Finish what is queued and close the database."""
        self._queue.put(None)
        self._writer.join()
        self._root.close()

    def _write_loop(self) -> None:
        connection = self.cursor()
        while (first := self._queue.get()) is not None:
            group = [first]
            ended = False
            while len(group) < GROUP_WRITES and not self._queue.empty():
                item = self._queue.get()
                if item is None:
                    ended = True
                    break
                group.append(item)
            _commit_group(connection, group)
            if ended:
                break
        connection.close()


class _Work(Generic[Result]):
    """One queued write and who waits for it."""

    def __init__(self, work: Callable[[Connection], Result]) -> None:
        self.work = work
        self.future: Future[Result] = Future()
        self.outcome: Result | None = None
        self.refused: EmulatorError | None = None

    def run(self, connection: Connection) -> None:
        self.outcome, self.refused = None, None
        try:
            self.outcome = self.work(connection)
        except EmulatorError as error:
            self.refused = error

    def settle(self) -> None:
        if self.refused is not None:
            self.future.set_exception(self.refused)
        else:
            self.future.set_result(self.outcome)  # type: ignore[arg-type]  # set by run()


def _commit_group(connection: Connection, group: list[_Work[Any]]) -> None:
    try:
        connection.execute("BEGIN")
        for item in group:
            item.run(connection)
        connection.execute("COMMIT")
    except Exception as error:
        _roll_back(connection)
        if len(group) == 1:
            group[0].future.set_exception(error)
            return
        # One of them broke the transaction of all: each gets its own.
        for item in group:
            _commit_group(connection, [item])
        return
    for item in group:
        item.settle()


def _roll_back(connection: Connection) -> None:
    try:
        connection.execute("ROLLBACK")
    except duckdb.Error:
        return  # there was no transaction left to end
