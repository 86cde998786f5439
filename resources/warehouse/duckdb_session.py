"""How a DuckDB file is opened for one piece of work: settings, transaction, lack of room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from resources.warehouse.duckdb_file import DuckDBFile, OnWait
from resources.warehouse.errors import WarehouseSpaceError
from resources.warehouse.state import Kind, State


class DuckDBSession:
    """Opens one DuckDB file, as often as there is something to do.

    Args:
        path: The file; it and its folder are created by the first that writes.
        lock_timeout_s: How long to wait while another process holds the file.
        memory_limit: DuckDB's own limit; what doesn't fit goes to a temporary folder.
        threads: Threads of one piece of work; None: all cores.
        on_wait: Told whom we wait for; by default a warning is logged.
    """

    def __init__(
        self,
        path: Path,
        *,
        lock_timeout_s: float = 300.0,
        memory_limit: str = "256MB",
        threads: int | None = None,
        on_wait: OnWait | None = None,
    ) -> None:
        self._file = DuckDBFile(path, lock_timeout_s=lock_timeout_s, on_wait=on_wait)
        self._memory_limit, self._threads = memory_limit, threads

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

    @contextmanager
    def _writing(self, kind: Kind = "sync") -> Iterator[tuple[duckdb.DuckDBPyConnection, State]]:
        """One transaction, with the state tables made."""
        with (
            self._enough_room(),
            self._file.open() as connection,
            self._transaction_on(connection, kind) as state,
        ):
            yield connection, state

    @contextmanager
    def _transaction_on(self, connection: duckdb.DuckDBPyConnection, kind: Kind) -> Iterator[State]:
        self._configure(connection)
        state = State(connection, catalog_of(connection))
        with transaction(connection):
            state.create(kind)
            yield state

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """A read-only connection; None while there is no file."""
        if not self.path.exists():
            yield None
            return
        with self._file.open(read_only=True) as connection:
            yield connection

    @contextmanager
    def _reading_state(self) -> Iterator[State | None]:
        with self._reading() as connection:
            if connection is None:
                yield None
                return
            self._configure(connection)
            connection.execute("SET TimeZone = 'UTC'")
            state = State(connection, catalog_of(connection))
            yield state if state.exists() else None

    @contextmanager
    def _enough_room(self) -> Iterator[None]:
        try:
            yield
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            # The first line says what happened; then DuckDB advises settings that aren't ours.
            raise WarehouseSpaceError(str(self.path), str(error).splitlines()[0]) from error

    def _configure(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"SET memory_limit = '{self._memory_limit}'")
        # Rows of a table have no order; keeping one costs memory.
        connection.execute("SET preserve_insertion_order = false")
        # A process without a main file, such as a step's, is taken for a notebook: after two
        # seconds of a query a bar is printed on its stdout.
        connection.execute("SET enable_progress_bar = false")
        if self._threads is not None:
            connection.execute(f"SET threads = {self._threads}")


def catalog_of(connection: duckdb.DuckDBPyConnection) -> str:
    """The file's name inside DuckDB; names are qualified with it, as a schema may equal it."""
    row = connection.execute("SELECT current_database()").fetchone()
    return str(row[0]) if row else ""


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Everything in the block or nothing; timestamps are read and written in UTC."""
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        # DuckDB has rolled back by itself after some errors, and closing does it after all others.
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
