"""Decides which windows a `sync` command runs. Pure: statuses and dates in, runs out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from pipelines.schedules.schedule_plan import KeyRange, RangeRun, WindowStatus, plan_runs

# Without dates a command asks for every hole, however many ranges they make.
ALL_RANGES = 10_000


class NoSuchWindowError(ValueError):
    """A date for which there is no window (yet)."""


@dataclass(frozen=True)
class WindowKey:
    """A window that is over; times in UTC."""

    key: str
    start: datetime
    end: datetime


def key_range(windows: Sequence[WindowKey], first: date | None, last: date | None) -> KeyRange:
    """From the window that holds the start of ``first`` through the one that holds ``last``'s end.

    A day before the first window means the first window, which is open to the past.

    Raises:
        NoSuchWindowError: No window that is over holds the day, or the days are swapped.
    """
    if not windows:
        raise NoSuchWindowError("No window is over yet.")
    if first and last and last < first:
        raise NoSuchWindowError(f"--to {last} lies before --from {first}.")
    begin = _holding(windows, _midnight(first), first) if first else 0
    end = len(windows) - 1
    if last:
        end = _holding(windows, _midnight(last + timedelta(days=1)) - timedelta.resolution, last)
    return KeyRange(first=windows[begin].key, last=windows[end].key)


def _holding(windows: Sequence[WindowKey], moment: datetime, day: date) -> int:
    if moment >= windows[-1].end:
        raise NoSuchWindowError(
            f"No window that is over holds {day}; the last one is {windows[-1].key}."
        )
    begun = [index for index, window in enumerate(windows) if window.start <= moment]
    return begun[-1] if begun else 0


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def dated_runs(
    windows: Mapping[tuple[str, str], Sequence[WindowKey]], first: date | None, last: date | None
) -> list[RangeRun]:
    """One run per range; objects with the same range share it."""
    by_range: dict[tuple[str, KeyRange], list[str]] = {}
    for (every, name), keys in windows.items():
        by_range.setdefault((every, key_range(keys, first, last)), []).append(name)
    return [RangeRun(every, one, tuple(names)) for (every, one), names in by_range.items()]


def missing_runs(
    statuses: Mapping[tuple[str, str], Sequence[WindowStatus]],
) -> list[RangeRun]:
    """Every window that is missing or failed, oldest ranges first."""
    return list(reversed(plan_runs(statuses, ALL_RANGES)))
