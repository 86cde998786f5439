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
        number = self._next_id.get(sobject.name)
        if number is None:
            # Ids sort as their numbers do (see emulator.ids), so that the greatest is the last.
            row = connection.execute(f'SELECT max("Id") FROM {quoted(sobject.name)}').fetchone()
            number = number_of(row[0]) + 1 if row and row[0] else 1
        self._next_id[sobject.name] = number + 1
        return make_id(sobject.id_prefix, number)

    def next_auto_number(self, connection: Connection, sobject: SObject, field: Field) -> str:
        """The next value of an auto-number field, in its format."""
        key = (sobject.name, field.name)
        number = self._next_auto.get(key)
        if number is None:
            digits = f"TRY_CAST(regexp_extract({quoted(field.name)}, '\\d+$') AS BIGINT)"
            row = connection.execute(f"SELECT max({digits}) FROM {quoted(sobject.name)}").fetchone()
            number = row[0] + 1 if row and row[0] is not None else 1
        self._next_auto[key] = number + 1
        return _formatted(field.number_format or "{00000000}", number)


def _formatted(number_format: str, number: int) -> str:
    before, _, rest = number_format.partition("{")
    zeros, _, after = rest.partition("}")
    return f"{before}{number:0{len(zeros)}d}{after}"
