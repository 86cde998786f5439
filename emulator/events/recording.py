"""Writing one transaction's changes into the journal, set-based, inside that transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from emulator.events.avro_schemas import EventSchema
from emulator.events.event_fields import LONG_TEXT, Part, is_long_text, json_sql
from emulator.schema.columns import quoted
from emulator.schema.model import SObject
from emulator.store.database import Connection

if TYPE_CHECKING:
    from emulator.events.journal import Journal

CREATE, UPDATE, DELETE, UNDELETE = "CREATE", "UPDATE", "DELETE", "UNDELETE"
OVERFLOW = "GAP_OVERFLOW"
# Changes of one transaction that have events of their own; beyond there is one per object. A row
# counts 1, when it is updated each of its changed fields does (events.md, "GAP_OVERFLOW").
MOST_CHANGES = 100_000
NO_RECORD = "000000000000000AAA"
_STAMPS = frozenset({"LastModifiedDate", "LastModifiedById"})

Ids = str | Sequence[str]


class Recorder:
    """One transaction, written down step by step; see `Journal.recorder`."""

    def __init__(
        self,
        journal: Journal,
        connection: Connection,
        user_id: str,
        origin: str,
        committed_at: datetime | None,
        transaction_rows: int | None,
    ) -> None:
        self._journal, self._connection = journal, connection
        self._user_id, self._origin = user_id, origin
        self._committed_at = (committed_at or journal.now()).replace(tzinfo=None)
        self._transaction_rows = transaction_rows
        self._tx: int | None = None
        self._changes = 0
        self._overflowed: set[str] = set()

    def created(self, sobject: SObject, ids: Ids) -> None:
        """Rows were inserted."""
        self._whole_rows(sobject, CREATE, ids)

    def undeleted(self, sobject: SObject, ids: Ids) -> None:
        """Rows came back from the recycle bin."""
        self._whole_rows(sobject, UNDELETE, ids)

    def deleted(self, sobject: SObject, ids: Ids) -> None:
        """Rows went to the recycle bin; their events hold no values."""
        if self._tracks(sobject):
            query, params = _ids_sql(ids)
            self._insert(sobject, DELETE, query, params, "NULL", "NULL", "1", [])

    @contextmanager
    def updating(
        self, sobject: SObject, ids: Ids, names: Collection[str] | None = None
    ) -> Iterator[None]:
        """Rows are updated inside the `with`.

        Args:
            names: Fields that can have changed; None for any.
        """
        if not self._tracks(sobject):
            yield
            return
        parts = [
            part
            for part in self._schema(sobject).parts
            if names is None or part.field.name in names or part.field.name in _STAMPS
        ]
        query, params = _ids_sql(ids)
        columns = ", ".join(['o."Id"', *(f"o.{quoted(part.field.name)}" for part in parts)])
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE _before AS SELECT i.ord, {columns} "
            f'FROM ({query}) i JOIN {quoted(sobject.name)} o ON o."Id" = i.id',
            params,
        )
        yield
        self._updated(sobject, parts)
        self._connection.execute("DROP TABLE _before")

    def _updated(self, sobject: SObject, parts: list[Part]) -> None:
        bits = [_changed(part) for part in parts]
        mask = "concat(" + ", ".join(f"CASE WHEN {bit} THEN '1' ELSE '0' END" for bit in bits) + ")"
        values = ", ".join(
            f"CASE WHEN {bit} THEN {_value(part)} END"
            for part, bit in zip(parts, bits, strict=True)
        )
        every = self._schema(sobject).parts
        places = [every.index(part) for part in parts]
        query = (
            f'SELECT b.ord, a."Id" AS id, {mask} AS changed, json_array({values}) AS body '
            f'FROM _before b JOIN {quoted(sobject.name)} a ON a."Id" = b."Id"'
        )
        query = f"SELECT * FROM ({query}) WHERE contains(changed, '1')"
        weight = "length(replace(i.changed, '0', ''))"
        self._insert(sobject, UPDATE, query, [], "i.changed", "i.body", weight, places)

    def _whole_rows(self, sobject: SObject, kind: str, ids: Ids) -> None:
        if not self._tracks(sobject):
            return
        query, params = _ids_sql(ids)
        parts = self._schema(sobject).parts
        values = ", ".join(json_sql(part.field, "o") for part in parts)
        query = (
            f"SELECT i.ord, i.id, json_array({values}) AS body FROM ({query}) i "
            f'JOIN {quoted(sobject.name)} o ON o."Id" = i.id'
        )
        self._insert(sobject, kind, query, params, "NULL", "i.body", "1", range(len(parts)))

    def _insert(
        self, sobject: SObject, kind: str, query: str, params: list[Sequence[str]],
        changed: str, body: str, weight: str, places: Sequence[int],
    ) -> None:  # fmt: skip
        """Add the rows of `query` (ord from 1, id, …) as entries of one kind."""
        fate = self._journal.faults.take_event({"gap", "overflow"}, sobject.name)
        if fate == "overflow" or sobject.name in self._overflowed:
            self._overflow(sobject)
            return
        if fate == "gap":
            kind, changed, body = f"GAP_{kind}", "NULL", "NULL"
        if self._transaction_rows is None:
            query, left = self._within_limit(query, params, weight)
        else:
            left = False
        count = self._append(sobject, kind, query, params, changed, body, places)
        if left and count is not None:
            self._overflow(sobject)

    def _within_limit(
        self, query: str, params: list[Sequence[str]], weight: str
    ) -> tuple[str, bool]:
        """The first rows that the transaction's changes leave room for; whether more follow."""
        row = self._connection.execute(
            f"SELECT count(*), sum({weight}) FROM ({query}) i", params
        ).fetchone()
        total = int(row[1] or 0) if row else 0
        room, self._changes = MOST_CHANGES - self._changes, self._changes + total
        if total <= room:
            return query, False
        running = f"sum({weight}) OVER (ORDER BY i.ord)"
        return (
            f"SELECT * FROM (SELECT i.*, {running} AS _run FROM ({query}) i) WHERE _run <= {room}",
            True,
        )

    def _append(
        self, sobject: SObject, kind: str, query: str, params: list[Sequence[str]],
        changed: str, body: str, places: Sequence[int],
    ) -> int:  # fmt: skip
        journal, schema = self._journal, self._schema(sobject)
        row = self._connection.execute(f"SELECT max(ord) FROM ({query})", params).fetchone()
        most = int(row[0] or 0) if row else 0
        if not most:
            return 0
        tx = str(self._one_tx())
        if self._transaction_rows is not None:
            chunks = -(-most // self._transaction_rows)
            tx = f"{journal.take_tx(chunks)} + (i.ord - 1) // {self._transaction_rows}"
        first = journal.take_seqs(most)
        columns = ",".join(map(str, places))
        self._connection.execute(
            "INSERT INTO _journal (seq, last_seq, tx, committed_at, user_id, origin, object, kind, "
            "record_id, schema_id, columns, changed, body) "
            f"SELECT {first} - 1 + i.ord, {first} - 1 + i.ord, {tx}, ?, ?, ?, ?, ?, "
            f"i.id, ?, ?, {changed}, {body} "
            f"FROM ({query}) i",
            [self._committed_at, self._user_id, self._origin, sobject.name, kind,
             schema.schema_id, columns, *params],
        )  # fmt: skip
        return most

    def _overflow(self, sobject: SObject) -> None:
        """One event says that the object has more changes than are told."""
        if sobject.name not in self._overflowed:
            self._overflowed.add(sobject.name)
            query = f"SELECT 1 AS ord, '{NO_RECORD}' AS id"
            rows, self._transaction_rows = self._transaction_rows, None
            self._append(sobject, OVERFLOW, query, [], "NULL", "NULL", [])
            self._transaction_rows = rows

    def _one_tx(self) -> int:
        if self._transaction_rows is not None:
            return 0
        if self._tx is None:
            self._tx = self._journal.take_tx()
        return self._tx

    def _tracks(self, sobject: SObject) -> bool:
        return sobject.name in self._journal.selection.tracked

    def _schema(self, sobject: SObject) -> EventSchema:
        return self._journal.event_schema(sobject.name)


def _ids_sql(ids: Ids) -> tuple[str, list[Sequence[str]]]:
    if isinstance(ids, str):
        return f"SELECT row_number() OVER () AS ord, x.* FROM ({ids}) AS x(id)", []
    unique = list(dict.fromkeys(ids))
    return "SELECT row_number() OVER () AS ord, id FROM (SELECT unnest(?::VARCHAR[]) AS id)", [
        unique
    ]


def _changed(part: Part) -> str:
    # Told with every update (events.md, "changedFields").
    if part.field.name == "LastModifiedDate":
        return "true"
    name = quoted(part.field.name)
    return f"(a.{name} IS DISTINCT FROM b.{name})"


def _value(part: Part) -> str:
    value = json_sql(part.field, "a")
    if not is_long_text(part.field):
        return value
    # Both texts, of which `change_events` makes the difference.
    old = f"b.{quoted(part.field.name)}"
    return (
        f"CASE WHEN length({old}) > {LONG_TEXT} AND {value} IS NOT NULL "
        f"THEN json_array({old}, {value}) ELSE to_json({value}) END"
    )
