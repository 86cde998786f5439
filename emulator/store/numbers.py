"""The next number of each object's ids and auto-number fields."""

from __future__ import annotations

from emulator.ids import make_id, number_of
from emulator.schema.columns import quoted
from emulator.schema.model import Field, SObject
from emulator.store.database import Connection


class Numbers:
    """Counters, read from the table once and kept; used by the writer alone."""

    def __init__(self) -> None:
        self._next_id: dict[str, int] = {}
        self._next_auto: dict[tuple[str, str], int] = {}

    def forget(self) -> None:
        """Read the tables again: rows were written past this object."""
        self._next_id.clear()
        self._next_auto.clear()

    def next_id(self, connection: Connection, sobject: SObject) -> str:
        """A new id; later ones sort after earlier ones."""
        assert sobject.id_prefix is not None, f"{sobject.name} has no Ids"
        return make_id(sobject.id_prefix, self.take_ids(connection, sobject, 1))

    def take_ids(self, connection: Connection, sobject: SObject, count: int) -> int:
        """The first of that many numbers of new ids in a row."""
        number = self._next_id.get(sobject.name) or free_number(connection, sobject)
        self._next_id[sobject.name] = number + count
        return number

    def next_auto_number(self, connection: Connection, sobject: SObject, field: Field) -> str:
        """The next value of an auto-number field, in its format."""
        number = self.take_auto_numbers(connection, sobject, field, 1)
        before, digits, after = field.number_parts
        return f"{before}{number:0{digits}d}{after}"

    def take_auto_numbers(
        self, connection: Connection, sobject: SObject, field: Field, count: int
    ) -> int:
        """The first of that many numbers of an auto-number field in a row."""
        key = (sobject.name, field.name)
        number = self._next_auto.get(key) or free_auto_number(connection, sobject, field)
        self._next_auto[key] = number + count
        return number


def free_number(connection: Connection, sobject: SObject) -> int:
    """The number after that of the last row's Id; 1 without rows."""
    # Ids sort as their numbers do (see emulator.ids), so that the greatest is the last.
    row = connection.execute(f'SELECT max("Id") FROM {quoted(sobject.name)}').fetchone()
    return number_of(row[0]) + 1 if row and row[0] else 1


def free_auto_number(connection: Connection, sobject: SObject, field: Field) -> int:
    """The number after the greatest of an auto-number field; 1 without rows."""
    digits = f"TRY_CAST(regexp_extract({quoted(field.name)}, '\\d+$') AS BIGINT)"
    row = connection.execute(f"SELECT max({digits}) FROM {quoted(sobject.name)}").fetchone()
    return row[0] + 1 if row and row[0] is not None else 1
