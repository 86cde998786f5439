"""Managed subscriptions: the org's record of a channel and how far a client has come."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from emulator.events.journal import Journal
from emulator.ids import is_valid, make_id, to_18
from emulator.store.database import Connection

# The key prefix of ManagedEventSubscription is in no document at hand.
_PREFIX = "18x"


@dataclass(frozen=True)
class ManagedSubscription:
    """One of them, as set by the control."""

    id: str
    name: str
    topic: str


class ManagedSubscriptions:
    """All of an org's, by developer name; positions are kept beside the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._active: set[str] = set()
        self._all: dict[str, ManagedSubscription] = {}

    def set(self, topics: dict[str, str]) -> None:
        """Have exactly these: developer name to topic."""
        self._all = {
            name: ManagedSubscription(make_id(_PREFIX, number), name, topic)
            for number, (name, topic) in enumerate(topics.items(), start=1)
        }

    def all(self) -> list[ManagedSubscription]:
        """In the order of their setting."""
        return list(self._all.values())

    def by_name(self, name: str) -> ManagedSubscription | None:
        """The one of that developer name."""
        return self._all.get(name)

    def by_id(self, record_id: str) -> ManagedSubscription | None:
        """The one of that Id, of 15 or 18 characters."""
        full = to_18(record_id) if is_valid(record_id) else ""
        return next((one for one in self._all.values() if one.id == full), None)

    @contextmanager
    def active(self, managed: ManagedSubscription) -> Iterator[bool]:
        """Use it, as its only client; gives False when there is another one."""
        with self._lock:
            free = managed.name not in self._active
            self._active.add(managed.name)
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._active.discard(managed.name)

    def committed(self, managed: ManagedSubscription) -> int:
        """Where a client goes on: after its last commit, at the tip without one."""
        with self._journal.database.reader() as connection:
            row = connection.execute(
                "SELECT max(seq) FROM _managed_subscriptions WHERE name = ?", [managed.name]
            ).fetchone()
        return self._journal.tip if row is None or row[0] is None else int(row[0])

    def commit(self, managed: ManagedSubscription, seq: int) -> None:
        """Keep a position."""

        def work(connection: Connection) -> None:
            connection.execute("DELETE FROM _managed_subscriptions WHERE name = ?", [managed.name])
            connection.execute(
                "INSERT INTO _managed_subscriptions VALUES (?, ?)", [managed.name, seq]
            )

        self._journal.database.write(work)
