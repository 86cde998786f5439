"""What must happen to a table before images of a sync fit into it. Pure decisions."""

from __future__ import annotations

import re
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

DECIMAL = re.compile(r"DECIMAL\((?P<precision>\d+),(?P<scale>\d+)\)")
MOST_DIGITS = 38
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
    """Create the table, add columns, give decimals more room, or refuse because types changed.

    ``columns`` are the wanted ones with the types that they have afterwards. Columns of the table
    that the sync no longer has are left alone; rows written from now on have null there.
    """

    create: bool
    add: tuple[tuple[str, str], ...]
    widen: tuple[tuple[str, str], ...]
    changed: tuple[tuple[str, str, str], ...]
    columns: Mapping[str, str]


def wanted_columns(spec: TableSpec) -> dict[str, str]:
    """Column names and types of the table as the sync wants it, in order.

    Raises:
        TypeError: A column's Arrow type has no type in the warehouse.
    """
    own = {column.name: sql_type(column.arrow_type) for column in spec.columns}
    return {**own, **BOOKKEEPING_TYPES}


def plan_schema(existing: Mapping[str, str], wanted: Mapping[str, str]) -> SchemaPlan:
    """Compare a table with what a sync wants; names compare without case, as DuckDB's do."""
    have = {name.lower(): kind for name, kind in existing.items()}
    both = {name: (have.get(name.lower(), kind), kind) for name, kind in wanted.items()}
    columns = {name: common_type(*kinds) for name, kinds in both.items()}
    return SchemaPlan(
        create=not existing,
        add=tuple((name, kind) for name, kind in wanted.items() if name.lower() not in have)
        if existing
        else (),
        widen=tuple(
            (name, kind) for name, kind in columns.items() if kind not in (None, both[name][0])
        ),
        changed=tuple((name, *both[name]) for name, kind in columns.items() if kind is None),
        columns={name: kind for name, kind in columns.items() if kind is not None},
    )


def common_type(have: str, want: str) -> str | None:
    """The type that holds every value of both; None if there is none.

    Only decimals differ without harm: the org may describe more digits than before, or hold more
    than it describes, and rows read since then have fewer again.
    """
    if have == want:
        return have
    ours, theirs = DECIMAL.fullmatch(have), DECIMAL.fullmatch(want)
    if ours is None or theirs is None:
        return None
    scale = max(int(ours["scale"]), int(theirs["scale"]))
    whole = max(int(kind["precision"]) - int(kind["scale"]) for kind in (ours, theirs))
    return f"DECIMAL({whole + scale},{scale})" if whole + scale <= MOST_DIGITS else None
