"""How soon a run that failed is asked for again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 3_600.0


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that is over."""

    failed: bool
    ended_at: datetime


def failures_in_a_row(newest_first: Sequence[EndedRun]) -> int:
    """Runs that failed since the last one that didn't."""
    for number, run in enumerate(newest_first):
        if not run.failed:
            return number
    return len(newest_first)


def not_before(newest_first: Sequence[EndedRun]) -> datetime | None:
    """When the next run may begin: twice as long after each failure; None: at once."""
    failures = failures_in_a_row(newest_first)
    if not failures:
        return None
    return newest_first[0].ended_at + wait_after(failures)


def wait_after(failures: int) -> timedelta:
    """How long after so many failures in a row, one at least."""
    # Beyond some, the power would be no float.
    return timedelta(seconds=min(FIRST_WAIT_S * 2.0 ** min(failures - 1, 16), LONGEST_WAIT_S))
