"""Decides how a dry run asks the org, and what sending a row would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from assets.load_spec import Operation
from resources.salesforce.load_columns import CLEAR, LEAVE

Api = Literal["rest", "bulk"]
Effect = Literal["creates", "updates", "deletes", "same_in_org", "not_in_org"]

# Submitting a query job, asking for its state a few times, its first result page, deleting it.
BULK_CALLS = 6
ROWS_PER_BULK_PAGE = 250_000
# Room for quotes, a comma, and what a URL makes of them.
BYTES_AROUND_KEY = 9


@dataclass(frozen=True)
class Change:
    """One field of a record, as it is in the org and as it would be; None for nothing."""

    field: str
    old: str | None
    new: str | None


def keys_per_query(room_bytes: int, longest_key_bytes: int) -> int:
    """How many keys fit into the URL of one query; at least one."""
    return max(1, room_bytes // (longest_key_bytes + BYTES_AROUND_KEY))


def cheaper_api(rows: int, per_query: int, records_in_org: int | None = None) -> Api:
    """By which API fewer calls find ``rows`` rows: many short queries, or one job for all records.

    Args:
        records_in_org: How many records such a job would read, if that is known.
    """
    pages = ceil((records_in_org or 0) / ROWS_PER_BULK_PAGE)
    bulk_calls = BULK_CALLS + max(0, pages - 1)
    return "rest" if ceil(rows / per_query) <= bulk_calls else "bulk"


def effect(
    operation: Operation, cells: Mapping[str, str], there: Mapping[str, str] | None
) -> tuple[Effect, list[Change]]:
    """What sending a row would do.

    Args:
        cells: The row's cells, without the one that finds the record.
        there: The record's values in the same form, ``#N/A`` for nothing; None: no such record.
    """
    if operation in ("delete", "hard_delete"):
        return ("deletes" if there is not None else "not_in_org"), []
    if there is None:
        changes = [Change(name, None, value) for name, value in cells.items() if _sets(value)]
        return ("not_in_org", []) if operation == "update" else ("creates", changes)
    changes = [
        Change(name, _value(there[name]), _value(value))
        for name, value in cells.items()
        if value != LEAVE and _value(value) != _value(there[name])
    ]
    return ("updates" if changes else "same_in_org"), changes


def sorted_choices(text: str) -> str:
    """A multi-select picklist's values in one order: the org keeps them in its own."""
    return ";".join(sorted(text.split(";")))


def key_range(keys: Sequence[str], per_query: int) -> list[Sequence[str]]:
    """The keys in groups for one query each."""
    return [keys[first : first + per_query] for first in range(0, len(keys), per_query)]


def _sets(value: str) -> bool:
    return value not in (LEAVE, CLEAR)


def _value(cell: str) -> str | None:
    return None if cell in (LEAVE, CLEAR) else cell
