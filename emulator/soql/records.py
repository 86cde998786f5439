"""Rows from DuckDB to REST records: names in the schema's spelling, parents and children nested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as default
from typing import Any

from emulator.schema.model import Field

Row = Sequence[Any]
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value that DuckDB has formatted already."""

    field: Field
    index: int
    alias: str | None = None

    @property
    def name(self) -> str:
        return self.alias or self.field.name

    def value(self, row: Row, base_path: str) -> Any:
        return row[self.index]


@dataclass(frozen=True, slots=True)
class Content:
    """A base64 field: the path to fetch it from, instead of its content [rest guide]."""

    field: Field
    index: int
    type_name: str
    id_index: int

    @property
    def name(self) -> str:
        return self.field.name

    def value(self, row: Row, base_path: str) -> Any:
        if not row[self.index]:
            return None
        return f"{base_path}/sobjects/{self.type_name}/{row[self.id_index]}/{self.name}"


@dataclass(frozen=True, slots=True)
class Compound:
    """An address or location: its parts, or null when all of them are."""

    field: Field
    parts: tuple[tuple[str, int], ...]

    @property
    def name(self) -> str:
        return self.field.name

    def value(self, row: Row, base_path: str) -> Any:
        parts = {key: row[index] for key, index in self.parts}
        return parts if any(part is not None for part in parts.values()) else None


@dataclass(frozen=True, slots=True)
class Parent:
    """A parent's fields, or null when the reference is empty."""

    name: str
    shape: RowShape

    def value(self, row: Row, base_path: str) -> Any:
        return None if row[self.shape.id_index] is None else self.shape.record(row, base_path)


@dataclass(frozen=True, slots=True)
class Typed:
    """What TYPEOF selects: the shape of the branch whose object the parent is of, or null."""

    name: str
    branches: tuple[RowShape, ...]
    otherwise: RowShape | None

    def value(self, row: Row, base_path: str) -> Any:
        shapes = self.branches if self.otherwise is None else (*self.branches, self.otherwise)
        found = next((shape for shape in shapes if row[shape.id_index] is not None), None)
        return None if found is None else found.record(row, base_path)


@dataclass(frozen=True, slots=True)
class Children:
    """A subquery's rows, a list of structs in one column; null when there are none."""

    name: str
    index: int
    shape: RowShape

    def value(self, row: Row, base_path: str) -> Any:
        children = row[self.index]
        if not children:
            return None
        records = [self.shape.record(tuple(child.values()), base_path) for child in children]
        return {"totalSize": len(records), "done": True, "records": records}


@dataclass(slots=True)
class RowShape:
    """Where the parts of a record stand in a row.

    Attributes:
        type_index: The column that holds the type, where rows of several types mix.
    """

    type_name: str
    id_index: int
    type_index: int | None = None
    slots: list[Slot] = default(default_factory=list)

    def record(self, row: Row, base_path: str) -> Record:
        """The record of a row; `base_path` is e.g. ``/services/data/v66.0``."""
        type_name = self.type_name if self.type_index is None else row[self.type_index]
        url = f"{base_path}/sobjects/{type_name}/{row[self.id_index]}"
        record: Record = {"attributes": {"type": type_name, "url": url}}
        for slot in self.slots:
            record[slot.name] = slot.value(row, base_path)
        return record


Slot = Scalar | Content | Compound | Parent | Typed | Children


def aggregate_record(names: Sequence[str], row: Row) -> Record:
    """A row of an aggregate query, which has no URL."""
    return {"attributes": {"type": "AggregateResult"}, **dict(zip(names, row, strict=True))}
