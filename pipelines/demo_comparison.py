"""Compares tables with the org, row by row and field by field, by code of its own.

Nothing of what loaded the tables is used here: names, masks, selections and types are worked out
anew from ``defs.yaml`` and the org's own rows, so that a mistake there can't hide here.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import duckdb
import yaml

OrgRow = Mapping[str, Any]

# What the demo's transform adds: an order earns 18 % of its amount.
ADDED: dict[str, dict[str, Callable[[OrgRow], Any]]] = {
    "Order__c": {
        "margin": lambda row: (
            None if row["Amount__c"] is None else Decimal(row["Amount__c"]) * Decimal("0.18")
        )
    }
}


@dataclass(frozen=True)
class Difference:
    """One cell, or one row, that isn't as the org has it."""

    object: str
    record: str
    column: str
    in_org: Any
    in_table: Any

    def __str__(self) -> str:
        return (
            f"{self.object} {self.record} {self.column}: "
            f"the org has {self.in_org!r}, the table {self.in_table!r}"
        )


@dataclass(frozen=True)
class Comparison:
    """What was compared, and what differs."""

    object: str
    rows: int
    cells: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Selection:
    """What ``defs.yaml`` asks for of one object."""

    object: str
    fields: tuple[str, ...]
    exclude: tuple[str, ...]
    mask: tuple[str, ...]
    where: str | None

    def chosen(self, names: Iterable[str]) -> list[str]:
        """The fields that the table shall have."""
        return [
            name
            for name in names
            if name == "Id" or (_any(name, self.fields) and not _any(name, self.exclude))
        ]


def selections(defs_yaml: Path) -> list[Selection]:
    """The objects of a sync's ``defs.yaml``."""
    document = yaml.safe_load(defs_yaml.read_text())
    return [
        Selection(
            object=name,
            fields=_texts(settings.get("fields", "*")),
            exclude=_texts(settings.get("exclude", [])),
            mask=_texts(settings.get("mask", [])),
            where=settings.get("where"),
        )
        for name, settings in document["attributes"]["objects"].items()
    ]


def compare(
    selection: Selection,
    org_rows: Sequence[OrgRow],
    matching: set[str] | None,
    warehouse: duckdb.DuckDBPyConnection,
    mask_key: str,
    schema: str = "salesforce",
) -> Comparison:
    """Compare one table.

    Args:
        selection: What the table shall hold.
        org_rows: All rows of the org, deleted ones too.
        matching: Ids for which ``where`` holds; None if there is no ``where``.
        warehouse: Open for reading.
        mask_key: The key of the masks.
        schema: Where the table lies.
    """
    table = f'"{schema}"."{column_name(selection.object)}"'
    types = {name: kind for name, kind, *_ in warehouse.execute(f"DESCRIBE {table}").fetchall()}
    cursor = warehouse.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in cursor.description or []]
    found = {
        row["id"]: row for row in (dict(zip(names, r, strict=True)) for r in cursor.fetchall())
    }
    wanted = {
        row["Id"]: _wanted(selection, row, mask_key)
        for row in org_rows
        if matching is None or row["Id"] in matching
    }

    differences: list[Difference] = []
    for record in sorted(wanted.keys() | found.keys()):
        if record not in found:
            differences.append(Difference(selection.object, record, "(row)", "a row", None))
        elif record not in wanted:
            differences.append(Difference(selection.object, record, "(row)", None, "a row"))
        else:
            differences += _cells(selection.object, record, wanted[record], found[record], types)
    columns = len(next(iter(wanted.values()), {}))
    return Comparison(selection.object, len(wanted), len(wanted) * columns, tuple(differences))


def column_name(api_name: str) -> str:
    """snake_case, written here a second time."""
    words: list[str] = []
    for before, letter in zip(" " + api_name, api_name, strict=False):
        breaks = letter.isupper() and (before.islower() or before.isdigit())
        breaks = breaks or (letter.isdigit() and before.isalpha())
        words.append(("_" if breaks else "") + letter.lower())
    return "_".join(part for part in "".join(words).split("_") if part)


def _wanted(selection: Selection, row: OrgRow, mask_key: str) -> dict[str, Any]:
    wanted: dict[str, Any] = {"_deleted": bool(row.get("IsDeleted", False))}
    for name in selection.chosen(row):
        value = row[name]
        if _any(name, selection.mask) and value is not None:
            value = hmac.new(mask_key.encode(), str(value).encode(), hashlib.sha256).hexdigest()
        wanted[column_name(name)] = value
    for column, work_out in ADDED.get(selection.object, {}).items():
        wanted[column] = work_out(row)
    return wanted


def _cells(
    object_name: str,
    record: str,
    wanted: Mapping[str, Any],
    found: Mapping[str, Any],
    types: Mapping[str, str],
) -> list[Difference]:
    differences = []
    for column, value in wanted.items():
        if column not in found:
            differences.append(Difference(object_name, record, column, value, "no such column"))
        elif not _same(value, found[column], types[column]):
            differences.append(Difference(object_name, record, column, value, found[column]))
    return differences


def _same(in_org: Any, in_table: Any, kind: str) -> bool:
    """Whether a cell shows what the org's JSON says, in a type that fits it."""
    if in_org is None or in_table is None:
        return in_org is None and in_table is None
    if isinstance(in_org, bool):
        return kind == "BOOLEAN" and in_org is in_table
    if isinstance(in_org, int | Decimal):
        return not isinstance(in_table, str | bool) and Decimal(in_org) == Decimal(in_table)
    if kind.startswith("TIMESTAMP"):
        return isinstance(in_table, datetime) and _moment(in_org) == in_table
    if kind == "DATE":
        return isinstance(in_table, date) and date.fromisoformat(in_org) == in_table
    if kind.endswith("[]"):
        return bool(in_org.split(";") == in_table)
    looks_like_time = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", in_org)
    return bool(kind == "VARCHAR" and not looks_like_time and in_org == in_table)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def _any(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def _texts(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
