"""Decides by which API rows are sent, which of them are sent again, and when a run is red."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from assets.load_spec import Operation

Api = Literal["collections", "bulk"]

# A lost Collections answer to an upsert or update can be had again by sending the same rows. An
# insert would create them twice, and a second delete answers that there's nothing to delete.
REPEATABLE: Collection[Operation] = frozenset({"upsert", "update"})

MOST_LOCK_ROUNDS = 4
FIRST_WAIT_S = 1.0
MOST_WAIT_S = 60.0

# Each job makes batches of 10,000 rows, and the org works on several of them anyway.
JOBS_AT_ONCE = 4


def choose_api(operation: Operation, rows: int, small_load_rows: int) -> Api:
    """Few rows by Collections, 200 a call; many, and whatever mustn't happen twice, by Bulk."""
    if operation in REPEATABLE and rows < small_load_rows:
        return "collections"
    return "bulk"


def jobs_at_once(round_number: int) -> int:
    """How many jobs may run side by side; one when rows have just been in each other's way."""
    return JOBS_AT_ONCE if round_number == 0 else 1


def may_send_again(round_number: int) -> bool:
    """Whether rows that met a lock in this round (0 is the first) get another one."""
    return round_number < MOST_LOCK_ROUNDS


def wait_s(round_number: int, chance: float) -> float:
    """How long to wait before this round; ``chance`` (0 to 1) keeps two loads out of step."""
    longest = min(FIRST_WAIT_S * 2.0**round_number, MOST_WAIT_S)
    return longest * (0.5 + chance / 2)


def too_many_failed(not_accepted: int, rows: int, fail_above: float) -> bool:
    """Whether the share of rows that weren't accepted turns the run red."""
    return not_accepted > fail_above * rows
