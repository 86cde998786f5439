"""The names that the statements of one merge share."""

from __future__ import annotations

from dataclasses import dataclass

from resources.warehouse.adapter import MODSTAMP, TableSpec
from resources.warehouse.dialect import TIMESTAMPTZ, quoted, text

STAGE = quoted("temp", "stage")
REPEATED = quoted("temp", "repeated")
STANDING = quoted("temp", "standing")
ABSENT = quoted("temp", "absent")
TIES = quoted("temp", "ties")
SAME = quoted("temp", "same")
VERDICTS = quoted("temp", "verdicts")
DOUBTS = quoted("temp", "doubts")
ANSWERS = quoted("temp", "answers")


@dataclass(frozen=True, slots=True)
class MergeNames:
    """A table, and the state tables that belong to it; all names quoted and in full."""

    spec: TableSpec
    table: str
    tombstones: str
    snapshots: str

    @property
    def key(self) -> str:
        """The key column."""
        return quoted(self.spec.key)

    @property
    def own(self) -> list[str]:
        """The sync's own columns."""
        return [quoted(column.name) for column in self.spec.columns]

    @property
    def schema_name(self) -> str:
        """The table's schema as a literal."""
        return text(self.spec.schema)

    @property
    def table_name(self) -> str:
        """The table's name as a literal."""
        return text(self.spec.name)

    @property
    def this_table(self) -> str:
        """A condition on state tables."""
        return f"schema_name = {self.schema_name} AND table_name = {self.table_name}"

    @property
    def notes(self) -> str:
        """Tombstones of this table."""
        return f"(SELECT * FROM {self.tombstones} WHERE {self.this_table})"


def stamp(alias: str) -> str:
    """S of an image or row; null counts as the smallest."""
    return f"coalesce({alias}.{MODSTAMP}, '-infinity'::{TIMESTAMPTZ})"
