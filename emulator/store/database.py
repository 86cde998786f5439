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
        self._transaction: Connection | None = None
        self._undone = False
        self._transactions = 0
        # Called on the writer's thread once a group is committed, before its callers go on.
        self.after_commit: Callable[[], None] = lambda: None
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
        """A reader's cursor, closed afterwards; within `transaction`, its connection."""
        if self.in_transaction:
            assert self._transaction is not None
            # A result of which a row was fetched, not all, would be in the way of `sql`.
            self._transaction.complete()
            yield self._transaction
            return
        cursor = self.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A reader whose statements all see the rows of one moment."""
        with self.reader() as connection:
            if not self.in_transaction:
                connection.begin()
            yield connection

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is running the work of a `transaction`."""
        return self._transaction is not None and threading.current_thread() is self._writer

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` on the writer's connection, inside a transaction; returns when committed.

        `work` checks first and writes then: an `EmulatorError` must come before its first
        statement that writes, because it doesn't roll back the others of the group.
        """
        if self.in_transaction:
            assert self._transaction is not None
            return work(self._transaction)
        item = _Work(work)
        self._queue.put(item)
        return item.future.result()

    def transaction(self, work: Callable[[], Result]) -> Result:
        """Run `work` on the writer's thread, alone: what it reads and writes is one transaction.

        Any exception rolls back all that it wrote, and so does `roll_back`.
        """
        if self.in_transaction:
            return work()

        def run(connection: Connection) -> Result:
            self._transaction, self._undone = connection, False
            self._transactions += 1
            try:
                return work()
            finally:
                item.undone = self._undone
                self._transaction = None

        item = _Work(run, alone=True)
        self._queue.put(item)
        return item.future.result()

    def roll_back(self) -> None:
        """Keep nothing of the transaction that is running; its result is returned all the same."""
        assert self.in_transaction, "there is no transaction to roll back"
        self._undone = True

    @property
    def transaction_number(self) -> int | None:
        """Which `transaction` this thread is running the work of; None for none."""
        return self._transactions if self.in_transaction else None

    @property
    def rolls_back(self) -> bool:
        """Whether `roll_back` was called in the transaction that is running."""
        return self.in_transaction and self._undone

    def close(self) -> None:
        """Finish what is queued and close the database."""
        self._queue.put(None)
        self._writer.join()
        self._root.close()

    def _write_loop(self) -> None:
        connection = self.cursor()
        while (first := self._queue.get()) is not None:
            group = [first]
            following: _Work[Any] | None = None
            ended = False
            while not first.alone and len(group) < GROUP_WRITES and not self._queue.empty():
                item = self._queue.get()
                if item is None:
                    ended = True
                    break
                if item.alone:
                    following = item
                    break
                group.append(item)
            _commit_group(connection, group, self.after_commit)
            if following is not None:
                _commit_group(connection, [following], self.after_commit)
            if ended:
                break
        connection.close()


class _Work(Generic[Result]):
    """One queued write and who waits for it; one that runs `alone` is rolled back if refused."""

    def __init__(self, work: Callable[[Connection], Result], *, alone: bool = False) -> None:
        self.work = work
        self.alone = alone
        self.undone = False
        self.future: Future[Result] = Future()
        self.outcome: Result | None = None
        self.refused: EmulatorError | None = None

    def run(self, connection: Connection) -> None:
        self.outcome, self.refused = None, None
        try:
            self.outcome = self.work(connection)
        except EmulatorError as error:
            if self.alone:
                raise
            self.refused = error

    def settle(self) -> None:
        if self.refused is not None:
            self.future.set_exception(self.refused)
        else:
            self.future.set_result(self.outcome)  # type: ignore[arg-type]  # set by run()


def _commit_group(
    connection: Connection, group: list[_Work[Any]], after_commit: Callable[[], None]
) -> None:
    try:
        connection.execute("BEGIN")
        for item in group:
            item.run(connection)
        connection.execute("ROLLBACK" if group[0].undone else "COMMIT")
    except Exception as error:
        _roll_back(connection)
        if len(group) == 1:
            group[0].future.set_exception(error)
            return
        # One of them broke the transaction of all: each gets its own.
        for item in group:
            _commit_group(connection, [item], after_commit)
        return
    after_commit()
    for item in group:
        item.settle()


def _roll_back(connection: Connection) -> None:
    try:
        connection.execute("ROLLBACK")
    except duckdb.Error:
        return  # there was no transaction left to end
