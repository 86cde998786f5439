"""What happened, in the order of commits: a table beside the rows, written in their transactions.

One row per changed record; `change_events` makes events of them when somebody reads. `seq` orders
everything; `tx` is the transaction, which rises with `seq`. Both begin with the machine's time, so
that replay ids of an earlier org are never mistaken for this one's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from emulator.events import kept_schemas
from emulator.events.avro_schemas import EventSchema, schema_of
from emulator.events.recording import Recorder
from emulator.faults import Faults
from emulator.schema.columns import quoted
from emulator.schema.model import Schema
from emulator.store.database import Connection, Database

RETENTION = timedelta(hours=72)  # [pubsub docs]
_TRIM_EVERY = timedelta(hours=1)

CREATE_SQL = f"""
CREATE TABLE IF NOT EXISTS _journal (
    seq BIGINT, last_seq BIGINT, tx BIGINT, committed_at TIMESTAMP, user_id VARCHAR, origin VARCHAR,
    object VARCHAR, kind VARCHAR, record_id VARCHAR, schema_id VARCHAR,
    changed VARCHAR, payload BLOB, uuid VARCHAR
);
CREATE TABLE IF NOT EXISTS _managed_subscriptions (name VARCHAR, seq BIGINT);
{kept_schemas.CREATE_SQL}
"""
# Rows that are no events.
MARK = "MARK"
PUBLISH = "PUBLISH"


@dataclass
class Selection:
    """What change events are made of.

    Attributes:
        objects: Selected for the standard channel.
        channels: Members of each custom channel.
    """

    objects: tuple[str, ...] = ()
    channels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def tracked(self) -> set[str]:
        """Objects with events on any channel."""
        return {*self.objects}.union(*self.channels.values())


class Journal:
    """The one journal of an org. Only the writer's thread adds to it."""

    def __init__(
        self, database: Database, schema: Schema, faults: Faults, now: Callable[[], datetime]
    ) -> None:
        self.database, self.schema, self.faults, self.now = database, schema, faults, now
        self.selection = Selection()
        self._schemas: dict[str, EventSchema] = {}
        self._by_id: dict[str, EventSchema] = {}
        self._shared: tuple[int, int] | None = None
        self._trimmed_at: datetime | None = None
        self._watchers: set[threading.Event] = set()
        self._watching = threading.Lock()
        self.next_seq = self.next_tx = int(time.time() * 1000)
        self.tip = self.next_seq
        database.write(self._open)
        database.after_commit = self._committed

    def recorder(
        self,
        connection: Connection,
        user_id: str,
        origin: str,
        *,
        committed_at: datetime | None = None,
        transaction_rows: int | None = None,
    ) -> Recorder:
        """What writes one transaction's changes down; call it inside the writer's transaction.

        Args:
            connection: The writer's.
            origin: `changeOrigin` of the events, see `origins`; empty for what is no API's doing.
            committed_at: When subscribers are told it was committed; None for now.
            transaction_rows: Every so many rows are one transaction of their own, as the chunks
                of 200 of a bulk batch are; None: all are one. Changes of one call of
                `Database.transaction` are one transaction, whoever records them.

        Use of what it returns, with `ids` a list of Ids or the SQL of a query that gives them
        (one column of distinct Ids, in the order of the rows; temporary tables will do)::

            recorder.created(sobject, ids)            # after the rows were inserted
            with recorder.updating(sobject, ids):     # around the statements that update
                connection.execute("UPDATE …")
            recorder.deleted(sobject, ids)            # once they are in the recycle bin
            recorder.undeleted(sobject, ids)          # once they are back

        Each is a set-based statement, and does nothing for objects that aren't selected. Rows
        that are purged have no event. The events appear when the transaction commits.
        """
        self._trim(connection)
        return Recorder(self, connection, user_id, origin, committed_at, transaction_rows)

    def event_schema(self, object_name: str) -> EventSchema:
        """The schema that an object's next events have."""
        known = self._schemas  # before `self.schema`: see `adopt`
        found = known.get(object_name)
        if found is None:
            found = known[object_name] = schema_of(self.schema.objects[object_name])
            self._by_id[found.schema_id] = found
        return found

    def schema_by_id(self, schema_id: str) -> EventSchema | None:
        """A schema that events have or had."""
        if schema_id not in self._by_id:
            for name, sobject in self.schema.objects.items():
                if sobject.has_rows or sobject.kind == "platform_event":
                    self.event_schema(name)
        if schema_id not in self._by_id:
            with self.database.reader() as connection:
                kept = kept_schemas.find(connection, schema_id)
            if kept is None:
                return None
            self._by_id[schema_id] = kept
        return self._by_id[schema_id]

    def schema_of_entry(self, schema_id: str) -> EventSchema:
        """The schema that the journal's entries name."""
        found = self.schema_by_id(schema_id)
        assert found is not None, f"no schema {schema_id} was kept"
        return found

    def select(self, selection: Selection) -> None:
        """Track these objects from now on. Their schemas are kept, however their fields change."""
        schemas = [self.event_schema(name) for name in self._told_of(selection)]
        self.database.write(lambda connection: kept_schemas.keep(connection, schemas))
        self.selection = selection

    def prepare(self, connection: Connection, schema: Schema) -> None:
        """Keep the schemas that events will have once `adopt` says that this is the org's."""
        names = self._told_of(self.selection)
        kept_schemas.keep(connection, [schema_of(schema.objects[name]) for name in names])

    def adopt(self, schema: Schema) -> None:
        """Next events have the schemas of these objects; those so far keep theirs."""
        self.schema = schema
        self._schemas = {}

    def _told_of(self, selection: Selection) -> list[str]:
        published = [o.name for o in self.schema.objects.values() if o.kind == "platform_event"]
        return [*selection.tracked, *published]

    def take_tx(self, count: int = 1) -> int:
        """The number of a new transaction; the one that is running all together, if there is."""
        running = self.database.transaction_number
        if running is not None and self._shared is not None and self._shared[0] == running:
            return self._shared[1]
        first = self.next_tx
        self.next_tx += count
        self._shared = None if running is None else (running, first)
        return first

    def take_seqs(self, count: int) -> int:
        """The first of that many numbers in a row."""
        first = self.next_seq + 1
        self.next_seq += count
        return first

    def publish(self, events: Sequence[tuple[str, str, str, bytes]], user_id: str) -> list[int]:
        """Put platform events on the bus; their `seq`s.

        Args:
            events: (object, schema id, event UUID, Avro payload) of each.
        """
        now = _naive(self.now())

        def work(connection: Connection) -> list[int]:
            self._trim(connection)
            first = self.take_seqs(len(events))
            numbers = list(range(first, first + len(events)))
            for seq, (name, schema_id, uuid, payload) in zip(numbers, events, strict=True):
                connection.execute(
                    "INSERT INTO _journal (seq, last_seq, tx, committed_at, user_id, object, kind, "
                    "schema_id, payload, uuid) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [seq, seq, self.next_tx, now, user_id, name, PUBLISH, schema_id, payload, uuid],
                )
                self.next_tx += 1
            return numbers

        return self.database.write(work)

    def mark(self) -> int:
        """A position that is as old as the org's clock says now; the tip, if that is so already."""
        now = _naive(self.now())

        def work(connection: Connection) -> int:
            self._trim(connection)
            row = connection.execute("SELECT max_by(committed_at, seq) FROM _journal").fetchone()
            if row is not None and row[0] is not None and abs(now - row[0]) < _TRIM_EVERY:
                return self.next_seq
            return self._mark(connection, now)

        return self.database.write(work)

    def oldest_kept(self) -> datetime:
        """Events committed before that are gone."""
        return _naive(self.now() - RETENTION)

    def clear(self) -> None:
        """Forget all events: none of the replay ids so far is valid afterwards."""

        def work(connection: Connection) -> None:
            for table in ("_journal", "_managed_subscriptions", *self._image_tables(connection)):
                connection.execute(f"DELETE FROM {table}")
            self._trimmed_at = None
            self._mark(connection, _naive(self.now()))

        self.database.write(work)

    def watch(self, wake: threading.Event) -> None:
        """Set `wake` after each commit from now on."""
        with self._watching:
            self._watchers.add(wake)

    def unwatch(self, wake: threading.Event) -> None:
        """No more of it."""
        with self._watching:
            self._watchers.discard(wake)

    def _open(self, connection: Connection) -> None:
        for statement in CREATE_SQL.split(";"):
            connection.execute(statement)
        row = connection.execute("SELECT max(last_seq), max(tx) FROM _journal").fetchone()
        if row is not None and row[0] is not None:
            self.next_seq, self.next_tx = row[0], row[1] + 1
        else:
            self._mark(connection, _naive(self.now()))

    def _mark(self, connection: Connection, now: datetime) -> int:
        seq = self.take_seqs(1)
        connection.execute(
            "INSERT INTO _journal (seq, last_seq, tx, committed_at, kind) VALUES (?, ?, ?, ?, ?)",
            [seq, seq, self.next_tx, now, MARK],
        )
        self.next_tx += 1
        return seq

    def _trim(self, connection: Connection) -> None:
        now = self.now()
        if self._trimmed_at is None or abs(now - self._trimmed_at) >= _TRIM_EVERY:
            self._trimmed_at = now
            # By place, not only by age: rows from before the clock was set back go with those.
            connection.execute(
                "DELETE FROM _journal WHERE seq <= "
                "(SELECT max(seq) FROM _journal WHERE committed_at < ?)",
                [self.oldest_kept()],
            )
            for table in self._image_tables(connection):
                connection.execute(
                    f"DELETE FROM {table} WHERE seq < (SELECT min(seq) FROM _journal)"
                )

    def _image_tables(self, connection: Connection) -> list[str]:
        rows = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, '_image ')"
        ).fetchall()
        return [quoted(row[0]) for row in rows]

    def _committed(self) -> None:
        if self.tip == self.next_seq:
            return
        self.tip = self.next_seq
        with self._watching:
            for wake in self._watchers:
                wake.set()


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)
