"""SOQL's date literals as ranges of days, e.g. LAST_N_WEEKS:2 as [Sunday, Sunday)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

_UNITS = ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "FISCAL_QUARTER", "FISCAL_YEAR")
_DAYS = ("YESTERDAY", "TODAY", "TOMORROW")
_NINETY = ("LAST_90_DAYS", "NEXT_90_DAYS")
_RELATIVE = tuple(f"{which}_{u}" for which in ("LAST", "THIS", "NEXT") for u in _UNITS[1:])

LITERALS = frozenset((*_DAYS, *_NINETY, *_RELATIVE))
COUNTED_LITERALS = frozenset(
    form.format(unit) for unit in _UNITS for form in ("LAST_N_{}S", "NEXT_N_{}S", "N_{}S_AGO")
)

MONDAY, SUNDAY = 0, 6  # as date.weekday() counts
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12, "FISCAL_QUARTER": 3, "FISCAL_YEAR": 12}


@dataclass(frozen=True, slots=True)
class Calendar:
    """What a date literal depends on besides its name.

    Attributes:
        first_weekday: The week's first day by the user's locale; 6 = Sunday.
        fiscal_start_month: The org's setting; 1 makes fiscal periods the calendar's.
    """

    today: date
    first_weekday: int = SUNDAY
    fiscal_start_month: int = 1


@dataclass(frozen=True, slots=True)
class DayRange:
    """Days from `start` up to, not including, `end`; `until_now` cuts the last one short."""

    start: date
    end: date
    until_now: bool = False


def day_range(name: str, count: int | None, calendar: Calendar) -> DayRange:
    """The days that a literal means.

    Raises:
        OverflowError: The range leaves the years that a date can hold.
        ValueError: The same, seen by another part of the calendar.

    Source: [soql reference]. LAST_N_DAYS:n begins n days before today and includes today
    up to now; the other LAST_N units stop before the current unit and NEXT_N units start after it.
    """
    if name in _NINETY:
        name, count = name.replace("90", "N"), 90
    if name in _DAYS:
        unit, first, last = "DAY", _DAYS.index(name) - 1, _DAYS.index(name)
    else:
        unit, first, last = _unit_offsets(name, count or 0)
    until_now = unit == "DAY" and name.startswith("LAST_N")
    if until_now:
        last = 1
    return DayRange(
        _unit_start(unit, first, calendar), _unit_start(unit, last, calendar), until_now
    )


def _unit_offsets(name: str, count: int) -> tuple[str, int, int]:
    """The unit, and the range in units counted from the current one: [first, last)."""
    if name.endswith("_AGO"):
        return name[2:-5], -count, -count + 1
    which, _, unit = name.partition("_")
    if unit.startswith("N_"):
        unit = unit[2:-1]
        return (unit, -count, 0) if which == "LAST" else (unit, 1, count + 1)
    offset = ("LAST", "THIS", "NEXT").index(which) - 1
    return unit, offset, offset + 1


def _unit_start(unit: str, offset: int, calendar: Calendar) -> date:
    """The first day of the unit that is `offset` units after the current one."""
    today = calendar.today
    if unit == "DAY":
        return today + timedelta(days=offset)
    if unit == "WEEK":
        into_week = (today.weekday() - calendar.first_weekday) % 7
        return today + timedelta(days=7 * offset - into_week)
    months = _MONTHS[unit]
    first_month = calendar.fiscal_start_month - 1 if unit.startswith("FISCAL") else 0
    absolute = today.year * 12 + today.month - 1
    start = absolute - (absolute - first_month) % months + offset * months
    return date(start // 12, start % 12 + 1, 1)
