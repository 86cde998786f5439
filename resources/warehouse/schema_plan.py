"""What must happen to a table before images of a sync fit into it. Pure decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from resources.warehouse.adapter import (
    DELETED,
    MODSTAMP,
    READ_FROM,
    READ_TO,
    RUN_ID,
    SYNCED_AT,
    TableSpec,
)
from resources.warehouse.dialect import TIMESTAMPTZ, sql_type

BOOKKEEPING_TYPES = {
    MODSTAMP: TIMESTAMPTZ,
    READ_FROM: TIMESTAMPTZ,
    READ_TO: TIMESTAMPTZ,
    DELETED: "BOOLEAN",
    SYNCED_AT: TIMESTAMPTZ,
    RUN_ID: "VARCHAR",
}


@dataclass(frozen=True, slots=True)
class SchemaPlan:
    """Create the table, add columns, or refuse because types changed.

    Columns of the table that the sync no longer has are left alone; rows written from now on
    have null there.
    """

    create: bool
    add: tuple[tuple[str, str], ...]
    changed: tuple[tuple[str, str, str], ...]


def wanted_columns(spec: TableSpec) -> dict[str, str]:
    """Column names and types of the table as the sync wants it, in order.

    Raises:
        TypeError: A column's Arrow type has no type in the warehouse.
    """
    own = {column.name: sql_type(column.arrow_type) for column in spec.columns}
    return {**own, **BOOKKEEPING_TYPES}


def plan_schema(existing: Mapping[str, str], wanted: Mapping[str, str]) -> SchemaPlan:
    """Compare a table with what a sync wants; names compare without case, as DuckDB's do."""
    if not existing:
        return SchemaPlan(create=True, add=(), changed=())
    have = {name.lower(): kind for name, kind in existing.items()}
    add = tuple((name, kind) for name, kind in wanted.items() if name.lower() not in have)
    changed = tuple(
        (name, have[name.lower()], kind)
        for name, kind in wanted.items()
        if have.get(name.lower(), kind) != kind
    )
    return SchemaPlan(create=False, add=add, changed=changed)
