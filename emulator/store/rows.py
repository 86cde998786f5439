"""The org's rows as one thing: changed here, made visible here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import pyarrow as pa

from emulator.errors import ApiError
from emulator.events.journal import Journal
from emulator.schema.model import Schema
from emulator.store.changes import Plan, Request, plan
from emulator.store.database import Connection, Database
from emulator.store.ingest import ingest
from emulator.store.ingest_stage import Batch
from emulator.store.numbers import Numbers
from emulator.store.tables import create_tables, empty_tables
from emulator.store.writing import apply

Result = TypeVar("Result")

# A bulk batch is processed in chunks of so many rows, each a transaction (COVERAGE.md).
BULK_CHUNK_ROWS = 200


@dataclass(frozen=True, eq=False)
class LateCommit:
    """A transaction that has stamped its rows and isn't committed yet."""

    due: datetime
    request: Request
    changes: Plan


class Rows:
    """Changes rows, one transaction per call; late commits appear when the org's clock says so.

    `settle` must be called with the org's time before rows are read: a late commit that is due
    becomes visible there, so that what a read sees depends on the clock alone.

    Only the writer's thread sets `_late`, to a new list each time: others may look at any moment.
    Whatever it runs may be run again, when another write of its group breaks their transaction.
    """

    def __init__(self, database: Database, schema: Schema, journal: Journal) -> None:
        self.database = database
        self.schema = schema
        self.journal = journal
        self._numbers = Numbers()
        self._late: list[LateCommit] = []
        self._late_lock = threading.Lock()
        database.write(lambda connection: create_tables(connection, schema))

    def change(self, request: Request, *, due: datetime | None = None) -> list[str | None]:
        """Change all rows of the request or none; returns the Ids (see `Plan.ids`).

        Args:
            due: When the org's clock shows this, the changes become visible; None for at once.

        Raises:
            ApiError: The first row that is refused, or a row that a late commit holds.
        """
        return self._change(request, due, partly=False).ids

    def change_each(self, request: Request) -> Plan:
        """Change the rows of the request that are right; the plan says which, and why not."""
        return self._change(request, None, partly=True)

    def transaction(self, work: Callable[[], Result]) -> Result:
        """Run `work`, all of whose reads and changes are one transaction (see `Database`)."""
        return self.database.transaction(work)

    def roll_back(self) -> None:
        """Let the transaction that is running change nothing."""
        self.database.roll_back()

    @property
    def rolls_back(self) -> bool:
        """Whether the transaction that is running will change nothing."""
        return self.database.rolls_back

    def _change(self, request: Request, due: datetime | None, *, partly: bool) -> Plan:
        while True:
            done = self.database.write(lambda c: self._try(c, request, due, partly))
            if isinstance(done, Plan):
                return done
            # The controls wait for the lock: what holds it commits, earlier than announced.
            with self._late_lock:
                self._write_late(done)

    def ingest(
        self,
        batch: Batch,
        *,
        origin: str = "",
        lose: Callable[[set[str]], set[str]] | None = None,
    ) -> pa.Table:
        """Write a batch of CSV rows in one transaction; what became of each (see `ingest`)."""

        def work(connection: Connection) -> pa.Table:
            held = set[str]().union(*(one.changes.touched for one in self._late))
            recorder = self.journal.recorder(
                connection, batch.user_id, origin, transaction_rows=BULK_CHUNK_ROWS
            )
            return ingest(
                connection, self.schema, self._numbers, batch, recorder, held=held, lose=lose
            )

        return self.database.write(work)

    def settle(self, now: datetime) -> None:
        """Make the late commits that are due at `now` visible, in the order of their dues."""
        if self.database.in_transaction:
            # Done before it began; the lock's holder may be waiting for this very thread.
            return
        with self._late_lock:  # also waits for those that another thread is committing
            due = [one for one in self._late if one.due <= now]
            if due:
                self._write_late(sorted(due, key=lambda one: one.due))

    def oldest_open(self) -> datetime | None:
        """The earliest stamp that a late commit will still bring; None without late commits."""
        return min((one.changes.stamp for one in self._late), default=None)

    def load(self, fill: Callable[[Connection], object]) -> None:
        """Let fixtures write rows straight into the tables."""
        self.database.write(fill)
        self._numbers.forget()

    def clear(self) -> None:
        """Remove every row and every late commit."""

        def work(connection: Connection) -> None:
            self._late = []
            empty_tables(connection, self.schema)

        self.database.write(work)
        self._numbers.forget()

    def _try(
        self, connection: Connection, request: Request, due: datetime | None, partly: bool
    ) -> Plan | list[LateCommit]:
        self._late = [one for one in self._late if one.request is not request]
        changes = plan(connection, self.schema, self._numbers, request)
        holders = [one for one in self._late if one.changes.touched & changes.touched]
        if holders and request.internal:
            return holders
        if holders and not partly:
            raise _locked(sorted(changes.touched)[:1])
        for held in (one.changes.touched & changes.touched for one in holders):
            changes.refuse(held, _locked(sorted(held)[:1]))
        if changes.errors and not partly:
            raise changes.errors[min(changes.errors)]
        if due is not None:
            self._late = [*self._late, LateCommit(due, request, changes)]
        else:
            recorder = self.journal.recorder(connection, request.user_id, request.origin)
            apply(connection, self.schema, changes, recorder)
        return changes

    def _write_late(self, late: list[LateCommit]) -> None:
        taken: list[LateCommit] = []

        def work(connection: Connection) -> None:
            taken.extend(one for one in late if one in self._late and one not in taken)
            for one in taken:
                recorder = self.journal.recorder(
                    connection, one.request.user_id, one.request.origin,
                    committed_at=min(one.due, self.journal.now()),
                )  # fmt: skip
                apply(connection, self.schema, one.changes, recorder)
            self._late = [one for one in self._late if one not in taken]

        self.database.write(work)


def _locked(ids: list[str]) -> ApiError:
    return ApiError(
        400,
        "UNABLE_TO_LOCK_ROW",
        f"unable to obtain exclusive access to this record or 1 records: {','.join(ids)}",
        [],
    )
