"""Decides which windows a night asks for: those missing or failed, grouped into ranges.

Pure: statuses in, ranges out. One run per range reads all its windows in one query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Status = Literal["done", "missing", "failed", "in_flight"]

# How far back a night looks for holes, and how much it asks for at most.
WINDOWS_BACK = 30
MOST_RANGES = 5


@dataclass(frozen=True)
class WindowStatus:
    """One window of one object: its partition key and what became of it."""

    key: str
    status: Status


@dataclass(frozen=True, order=True)
class KeyRange:
    """Neighbouring windows, both ends included."""

    last: str
    first: str

    def __str__(self) -> str:
        return f"{self.first}...{self.last}" if self.first != self.last else self.first


@dataclass(frozen=True)
class RangeRun:
    """One run to ask for: some objects with windows of the same length, one range."""

    every: str
    range: KeyRange
    objects: tuple[str, ...]


def holes(windows: Sequence[WindowStatus]) -> list[KeyRange]:
    """Neighbouring windows that need a run, oldest first; a window in flight parts them."""
    found: list[KeyRange] = []
    first: str | None = None
    last: str | None = None
    for window in windows:
        if window.status in ("missing", "failed"):
            first, last = first or window.key, window.key
        elif first is not None and last is not None:
            found.append(KeyRange(first=first, last=last))
            first = last = None
    if first is not None and last is not None:
        found.append(KeyRange(first=first, last=last))
    return found


def plan_runs(
    windows: Mapping[tuple[str, str], Sequence[WindowStatus]], most: int = MOST_RANGES
) -> list[RangeRun]:
    """At most ``most`` runs, newest ranges first; objects with the same range share a run.

    Newest first, so that a window which fails every night can't keep last night from running.

    Args:
        windows: Statuses by length of window (`day`) and object; keys of other lengths don't mix.
        most: Runs at once.
    """
    by_range: dict[tuple[KeyRange, str], list[str]] = {}
    for (every, name), statuses in windows.items():
        for one in holes(statuses):
            by_range.setdefault((one, every), []).append(name)
    ordered = sorted(by_range, reverse=True)[:most]
    return [RangeRun(every, one, tuple(by_range[one, every])) for one, every in ordered]


def deferred_until(not_before: Sequence[datetime], now: datetime) -> datetime | None:
    """When the org's budget allows runs again, if it doesn't now."""
    later = [moment for moment in not_before if moment > now]
    return max(later) if later else None


def run_key(sync: str, run: RangeRun, attempt: int) -> str:
    """Dagster starts one run per key; the attempt lets a failed range be asked for again."""
    return f"{sync}:{run.range}:{','.join(run.objects)}:{attempt}"
