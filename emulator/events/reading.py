"""Reading the bus: where a subscription starts, and the events that follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any

from emulator.events.burst import BURST, burst_events
from emulator.events.change_events import Entry, Event, events_of
from emulator.events.channels import Channel
from emulator.events.images import read_images
from emulator.events.journal import MARK, PUBLISH, Journal
from emulator.store.database import Connection

# Transactions are read whole, so many entries at least.
_CHUNK_ROWS = 1000
_COLUMNS = (
    "seq, last_seq, tx, committed_at, user_id, origin, object, kind, record_id, schema_id, "
    "changed, payload, uuid"
)
# A replay id leaves room for the copies that the bus sometimes makes of an event.
_COPIES = 4


def replay_id(seq: int, copy: int = 0) -> bytes:
    """8 bytes, big-endian."""
    return (seq * _COPIES + copy).to_bytes(8, "big")


def seq_of(replay: bytes) -> int | None:
    """The position that a replay id stands for; None when it isn't one."""
    return int.from_bytes(replay, "big") // _COPIES if len(replay) == 8 else None


def is_kept(journal: Journal, seq: int) -> bool:
    """Whether the bus still has what comes after `seq`: by its age, and no later than the tip."""
    if seq > journal.tip:
        return False
    with journal.database.reader() as connection:
        row = connection.execute(
            "SELECT max_by(committed_at, seq) FROM _journal WHERE seq <= ?", [seq]
        ).fetchone()
    when: datetime | None = row[0] if row else None
    return when is not None and when >= journal.oldest_kept()


def before_oldest(journal: Journal) -> int:
    """The position before the earliest event that is kept."""
    with journal.database.reader() as connection:
        row = connection.execute(
            "SELECT min(seq) FROM _journal WHERE committed_at >= ?", [journal.oldest_kept()]
        ).fetchone()
    return journal.tip if row is None or row[0] is None else int(row[0]) - 1


class Cursor:
    """Walks over the events of one channel, from a position to the tip and on as it grows.

    Attributes:
        seq: All events up to here were taken, or aren't of this channel.
    """

    def __init__(self, journal: Journal, channel: Channel, seq: int) -> None:
        self._journal, self._channel, self.seq = journal, channel, seq
        self._read_to = seq
        self._ready: Iterator[Event | None] = iter(())

    def take(self, most: int) -> list[Event]:
        """The next events, at most that many; none when there are no more yet."""
        taken: list[Event] = []
        while len(taken) < most:
            try:
                event = next(self._ready)
            except StopIteration:
                if taken or not self._read():
                    break
                continue
            if event is None:
                return self._took(taken)
            taken.append(event)
        return self._took(taken) if taken else self._nothing()

    def _took(self, taken: list[Event]) -> list[Event]:
        self.seq = taken[-1].seq if taken else self.seq
        return taken

    def _nothing(self) -> list[Event]:
        self.seq = max(self.seq, self._read_to)
        return []

    def _read(self) -> bool:
        """Read on; False when the tip is reached."""
        tip = self._journal.tip
        if self._read_to >= tip:
            return False
        with self._journal.database.reader() as connection:
            entries = _chunk(connection, self._journal, self._read_to, tip)
        after, self._read_to = self._read_to, entries[-1].last_seq if entries else tip
        self._ready = self._events(entries, after)
        return True

    def _events(self, entries: list[Entry], after: int) -> Iterator[Event | None]:
        wanted = self._channel.objects
        for _, group in groupby(entries, key=lambda entry: entry.tx):
            transaction = list(group)
            first = transaction[0]
            if first.kind == MARK:
                continue
            if first.kind == BURST:
                if first.object in wanted:
                    yield from burst_events(first, after)
            elif first.kind == PUBLISH:
                yield from _published(transaction, wanted)
            else:
                made = events_of(transaction, self._journal.schema_of_entry, wanted)
                yield from (event for event in made if event.seq > after)


def _published(entries: list[Entry], wanted: frozenset[str]) -> Iterator[Event]:
    for entry in entries:
        if entry.object in wanted:
            assert entry.payload is not None
            assert entry.uuid is not None
            yield Event(entry.seq, entry.object, entry.schema_id, entry.uuid, entry.payload)


def _chunk(connection: Connection, journal: Journal, after: int, tip: int) -> list[Entry]:
    """Whole transactions from the one that holds the first entry after `after`."""
    row = connection.execute(
        "SELECT min(tx), max(tx) FROM (SELECT tx FROM _journal WHERE last_seq > ? AND seq <= ? "
        "ORDER BY seq LIMIT ?)",
        [after, tip, _CHUNK_ROWS],
    ).fetchone()
    if row is None or row[0] is None:
        return []
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM _journal WHERE tx BETWEEN ? AND ? AND seq <= ? ORDER BY seq",
        [row[0], row[1], tip],
    ).fetchall()
    entries = _with_values(connection, journal, [Entry(*one) for one in rows])
    bursts = [n for n, entry in enumerate(entries) if entry.kind == BURST]
    # A burst is read on its own.
    return entries[: max(bursts[0], 1)] if bursts else entries


def _with_values(connection: Connection, journal: Journal, entries: list[Entry]) -> list[Entry]:
    """Entries with what they tell; those of all objects, as grouping and numbering need it."""
    spans: dict[str, tuple[int, int]] = {}
    for entry in entries:
        if entry.schema_id and entry.payload is None:
            first, _ = spans.get(entry.schema_id, (entry.seq, 0))
            spans[entry.schema_id] = (first, entry.seq)
    values: dict[int, tuple[Any, ...]] = {}
    for schema_id, (first, last) in spans.items():
        values |= read_images(connection, journal.schema_of_entry(schema_id), first, last)
    return [replace(entry, values=values.get(entry.seq)) for entry in entries]
