"""Writing one transaction's changes into the journal, set-based, inside that transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from emulator.events.avro_schemas import EventSchema
from emulator.events.event_fields import LONG_TEXT, Part
from emulator.events.images import changed_values, insert_sql, new_values
from emulator.faults import CHANGE_FATES
from emulator.schema.columns import quoted, value_sql
from emulator.schema.model import SObject
from emulator.store.database import Connection

if TYPE_CHECKING:
    from emulator.events.journal import Journal

CREATE, UPDATE, DELETE, UNDELETE = "CREATE", "UPDATE", "DELETE", "UNDELETE"
OVERFLOW = "GAP_OVERFLOW"
# Changes of one transaction that have events of their own; beyond there is one per object. A row
# counts 1, when it is updated each of its changed fields does [cdc guide].
MOST_CHANGES = 100_000
NO_RECORD = "000000000000000AAA"
# Behind the object's key prefix: all of its records [cdc guide].
ALL_RECORDS = "*"
_STAMPS = frozenset({"LastModifiedDate", "LastModifiedById"})

Ids = str | Sequence[str]


class Recorder:
    """One transaction, written down step by step; see `Journal.recorder`.

    Temporary tables hold what is told next: `_told` (ord from 1, id, row, changed) with the place
    of each row in its object's table, and `_before`, the rows that are about to be updated.
    """

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

    def created(self, sobject: SObject, ids: Ids, names: Collection[str] | None = None) -> None:
        """Rows were inserted.

        Args:
            names: Fields that can have a value; None for any. The fewer, the faster.
        """
        self._whole_rows(sobject, CREATE, ids, names)

    def undeleted(self, sobject: SObject, ids: Ids) -> None:
        """Rows came back from the recycle bin."""
        self._whole_rows(sobject, UNDELETE, ids, None)

    def deleted(self, sobject: SObject, ids: Ids) -> None:
        """Rows went to the recycle bin; their events hold no values."""
        if self._tracks(sobject):
            self._tell(sobject, ids, with_place=False)
            self._append(sobject, DELETE)

    def all_changed(self, sobject: SObject) -> None:
        """A field's values were lost in all rows, as its type was converted.

        One event without fields, and with a wildcard for the Ids (Change Data Capture guide,
        "Conversions That Generate a Change Event").
        """
        if self._tracks(sobject):
            self._tell_without_values(sobject, UPDATE, f"{sobject.id_prefix}{ALL_RECORDS}")

    @contextmanager
    def updating(
        self, sobject: SObject, ids: Ids, names: Collection[str] | None = None
    ) -> Iterator[None]:
        """Rows are updated inside the `with`.

        Args:
            names: Fields that can have changed; None for any. The fewer, the faster.
        """
        if not self._tracks(sobject):
            yield
            return
        parts = [
            part
            for part in self._schema(sobject).parts
            if names is None
            or part.field.name in names
            or part.field.name in _STAMPS
            or part.field.formula is not None
        ]
        self._tell(sobject, ids, with_place=True)
        columns = "".join(
            f", {value_sql(part.field, 'o')} AS {quoted(part.field.name)}" for part in parts
        )
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE _before AS SELECT i.ord, i.id, i.row{columns} "
            f"FROM {self._places(sobject)}"
        )
        yield
        self._updated(sobject, parts)

    def _updated(self, sobject: SObject, parts: list[Part]) -> None:
        conditions = {part.field.name: _changed(part) for part in parts}
        marks = _marks_sql(self._schema(sobject).parts, conditions)
        places = f"{self._places(sobject)} JOIN _before b ON b.ord = i.ord"
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE _now AS SELECT * FROM (SELECT i.ord, i.id, i.row, "
            f"{marks} AS changed FROM {places}) WHERE contains(changed, '1')"
        )
        self._connection.execute("DROP TABLE _told")
        self._connection.execute("ALTER TABLE _now RENAME TO _told")
        values = changed_values(parts, list(conditions.values()), LONG_TEXT)
        self._append(sobject, UPDATE, values, places)

    def _whole_rows(
        self, sobject: SObject, kind: str, ids: Ids, names: Collection[str] | None
    ) -> None:
        if self._tracks(sobject):
            self._tell(sobject, ids, with_place=True)
            parts = self._schema(sobject).parts
            told = (p for p in parts if names is None or p.field.name in names or p.field.formula)
            values = new_values(told)
            self._append(sobject, kind, values, self._places(sobject))

    def _tell(self, sobject: SObject, ids: Ids, *, with_place: bool) -> None:
        """Fill `_told` from the Ids that a caller gives."""
        if isinstance(ids, str):
            query, params = f"SELECT row_number() OVER () AS ord, x.id FROM ({ids}) AS x(id)", []
        else:
            unique = list(dict.fromkeys(ids))
            query = (
                "SELECT row_number() OVER () AS ord, id FROM (SELECT unnest(?::VARCHAR[]) AS id)"
            )
            params = [unique]
        place, join = "NULL::BIGINT", ""
        if with_place:
            place = "o.rowid"
            join = f'JOIN {quoted(sobject.name)} o ON o."Id" = i.id'
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE _told AS SELECT i.ord, i.id, "
            f"{place} AS row, NULL::VARCHAR AS changed FROM ({query}) i {join}",
            params,
        )

    def _places(self, sobject: SObject) -> str:
        """`_told` as i, joined with the rows as o; only their part of the table is read."""
        row = self._connection.execute("SELECT min(row), max(row) FROM _told").fetchone()
        low, high = row if row and row[0] is not None else (0, 0)
        return (
            f"_told i JOIN (SELECT rowid AS row, * FROM {quoted(sobject.name)} "
            f"WHERE rowid BETWEEN {low} AND {high}) o ON o.row = i.row"
        )

    def _append(
        self,
        sobject: SObject,
        kind: str,
        values: dict[str, str] | None = None,
        source: str = "",
    ) -> None:
        """Add `_told` as entries of one kind, and their values from `source`."""
        fate = self._journal.faults.take_event({*CHANGE_FATES}, sobject.name)
        if fate == "overflow" or sobject.name in self._overflowed:
            self._overflow(sobject)
            return
        if fate == "wildcard":
            self.all_changed(sobject)
            return
        if fate == "gap":
            kind, values = f"GAP_{kind}", None
        more = self._transaction_rows is None and self._cut_to_limit()
        first = self._add_entries(sobject, kind, with_changes=values is not None)
        if values and first:
            numbered = {"seq": f"{first} - 1 + i.ord", **values}
            self._connection.execute(insert_sql(self._schema(sobject), numbered, source))
        if more:
            self._overflow(sobject)

    def _cut_to_limit(self) -> bool:
        """Leave in `_told` what the transaction has room for; whether more was in it."""
        weight = "coalesce(length(replace(changed, '0', '')), 1)"
        row = self._connection.execute(f"SELECT sum({weight}) FROM _told").fetchone()
        total = int(row[0] or 0) if row else 0
        room, self._changes = MOST_CHANGES - self._changes, self._changes + total
        if total <= room:
            return False
        self._connection.execute(
            "DELETE FROM _told WHERE ord NOT IN (SELECT ord FROM (SELECT ord, "
            f"sum({weight}) OVER (ORDER BY ord) AS run FROM _told) WHERE run <= ?)",
            [room],
        )
        return True

    def _add_entries(self, sobject: SObject, kind: str, *, with_changes: bool) -> int:
        """The `seq` before which the entries' `ord` counts; 0 when there are none."""
        journal = self._journal
        row = self._connection.execute("SELECT max(ord) FROM _told").fetchone()
        most = int(row[0] or 0) if row else 0
        if not most:
            return 0
        if self._transaction_rows is None:
            tx = str(self._one_tx())
        else:
            chunks = -(-most // self._transaction_rows)
            tx = f"{journal.take_tx(chunks)} + (ord - 1) // {self._transaction_rows}"
        first = journal.take_seqs(most)
        seq = f"{first} - 1 + ord"
        self._connection.execute(
            "INSERT INTO _journal (seq, last_seq, tx, committed_at, user_id, origin, object, kind, "
            f"record_id, schema_id, changed) SELECT {seq}, {seq}, {tx}, ?, ?, ?, ?, ?, id, ?, "
            f"{'changed' if with_changes else 'NULL'} FROM _told ORDER BY ord",
            [self._committed_at, self._user_id, self._origin, sobject.name, kind,
             self._schema(sobject).schema_id],
        )  # fmt: skip
        return first

    def _overflow(self, sobject: SObject) -> None:
        """One event says that the object has more changes than are told."""
        if sobject.name in self._overflowed:
            return
        self._overflowed.add(sobject.name)
        self._tell_without_values(sobject, OVERFLOW, NO_RECORD)

    def _tell_without_values(self, sobject: SObject, kind: str, record_id: str) -> None:
        """One event that names no single record."""
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE _told AS SELECT 1::BIGINT AS ord, ? AS id, "
            "NULL::BIGINT AS row, NULL::VARCHAR AS changed",
            [record_id],
        )
        self._add_entries(sobject, kind, with_changes=False)

    def _one_tx(self) -> int:
        if self._tx is None:
            self._tx = self._journal.take_tx()
        return self._tx

    def _tracks(self, sobject: SObject) -> bool:
        return sobject.name in self._journal.selection.tracked

    def _schema(self, sobject: SObject) -> EventSchema:
        return self._journal.event_schema(sobject.name)


def _changed(part: Part) -> str:
    # Told with every update [cdc guide].
    if part.field.name == "LastModifiedDate":
        return "true"
    return f"({value_sql(part.field, 'o')} IS DISTINCT FROM b.{quoted(part.field.name)})"


def _marks_sql(parts: Sequence[Part], conditions: dict[str, str]) -> str:
    """A text of 0 and 1, a character per part: whether it changed."""
    pieces, unchanged = [], ""
    for part in parts:
        condition = conditions.get(part.field.name)
        if condition is None:
            unchanged += "0"
            continue
        pieces += [f"'{unchanged}'", f"CASE WHEN {condition} THEN '1' ELSE '0' END"]
        unchanged = ""
    pieces.append(f"'{unchanged}'")
    return f"concat({', '.join(pieces)})"
