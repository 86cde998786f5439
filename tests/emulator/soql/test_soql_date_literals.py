"""Date literals as ranges of days, on a Friday."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.soql.date_literals import (
    COUNTED_LITERALS,
    LITERALS,
    Calendar,
    day_range,
)

FRIDAY = date(2026, 5, 15)

RANGES = [
    ("YESTERDAY", None, "2026-05-14", "2026-05-15"),
    ("TODAY", None, "2026-05-15", "2026-05-16"),
    ("TOMORROW", None, "2026-05-16", "2026-05-17"),
    ("LAST_WEEK", None, "2026-05-03", "2026-05-10"),
    ("THIS_WEEK", None, "2026-05-10", "2026-05-17"),
    ("NEXT_WEEK", None, "2026-05-17", "2026-05-24"),
    ("LAST_MONTH", None, "2026-04-01", "2026-05-01"),
    ("THIS_MONTH", None, "2026-05-01", "2026-06-01"),
    ("NEXT_MONTH", None, "2026-06-01", "2026-07-01"),
    ("LAST_QUARTER", None, "2026-01-01", "2026-04-01"),
    ("THIS_QUARTER", None, "2026-04-01", "2026-07-01"),
    ("NEXT_QUARTER", None, "2026-07-01", "2026-10-01"),
    ("LAST_YEAR", None, "2025-01-01", "2026-01-01"),
    ("THIS_YEAR", None, "2026-01-01", "2027-01-01"),
    ("NEXT_YEAR", None, "2027-01-01", "2028-01-01"),
    ("THIS_FISCAL_QUARTER", None, "2026-04-01", "2026-07-01"),
    ("LAST_FISCAL_YEAR", None, "2025-01-01", "2026-01-01"),
    # n + 1 calendar days, today included
    ("LAST_N_DAYS", 1, "2026-05-14", "2026-05-16"),
    ("LAST_N_DAYS", 0, "2026-05-15", "2026-05-16"),
    ("LAST_90_DAYS", None, "2026-02-14", "2026-05-16"),
    ("NEXT_N_DAYS", 2, "2026-05-16", "2026-05-18"),
    ("NEXT_90_DAYS", None, "2026-05-16", "2026-08-14"),
    ("N_DAYS_AGO", 3, "2026-05-12", "2026-05-13"),
    # Other units leave the current one out.
    ("LAST_N_WEEKS", 2, "2026-04-26", "2026-05-10"),
    ("NEXT_N_WEEKS", 2, "2026-05-17", "2026-05-31"),
    ("N_WEEKS_AGO", 2, "2026-04-26", "2026-05-03"),
    ("LAST_N_MONTHS", 5, "2025-12-01", "2026-05-01"),
    ("NEXT_N_MONTHS", 8, "2026-06-01", "2027-02-01"),
    ("N_MONTHS_AGO", 5, "2025-12-01", "2026-01-01"),
    ("LAST_N_QUARTERS", 2, "2025-10-01", "2026-04-01"),
    ("NEXT_N_QUARTERS", 1, "2026-07-01", "2026-10-01"),
    ("N_QUARTERS_AGO", 2, "2025-10-01", "2026-01-01"),
    ("LAST_N_YEARS", 2, "2024-01-01", "2026-01-01"),
    ("NEXT_N_YEARS", 2, "2027-01-01", "2029-01-01"),
    ("N_YEARS_AGO", 2, "2024-01-01", "2025-01-01"),
    ("N_FISCAL_QUARTERS_AGO", 1, "2026-01-01", "2026-04-01"),
    ("LAST_N_FISCAL_YEARS", 1, "2025-01-01", "2026-01-01"),
]


@pytest.mark.parametrize(("name", "count", "start", "end"), RANGES)
def test_a_literal_is_a_range_of_days(name, count, start, end):
    days = day_range(name, count, Calendar(FRIDAY))

    assert (days.start, days.end) == (date.fromisoformat(start), date.fromisoformat(end))


def test_the_week_begins_on_the_day_of_the_users_locale():
    days = day_range("THIS_WEEK", None, Calendar(FRIDAY, first_weekday=0))

    assert days.start == date(2026, 5, 11)


def test_fiscal_periods_follow_the_fiscal_year():
    april = Calendar(FRIDAY, fiscal_start_month=4)
    february = Calendar(FRIDAY, fiscal_start_month=2)

    assert day_range("THIS_FISCAL_YEAR", None, april).start == date(2026, 4, 1)
    assert day_range("LAST_FISCAL_QUARTER", None, april).start == date(2026, 1, 1)
    assert day_range("THIS_FISCAL_QUARTER", None, february).start == date(2026, 5, 1)
    assert day_range("THIS_QUARTER", None, february).start == date(2026, 4, 1)


days = st.dates(date(1900, 1, 1), date(3000, 1, 1))


@given(st.sampled_from(sorted(LITERALS)), days, st.integers(0, 6), st.integers(1, 12))
def test_last_this_and_next_follow_each_other_without_a_gap(name, today, weekday, month):
    calendar = Calendar(today, weekday, month)
    found = day_range(name, None, calendar)
    assert found.start < found.end
    if name.startswith("THIS_"):
        last = day_range(name.replace("THIS", "LAST"), None, calendar)
        following = day_range(name.replace("THIS", "NEXT"), None, calendar)
        assert last.end == found.start <= today < found.end == following.start


@given(st.sampled_from(sorted(COUNTED_LITERALS)), days, st.integers(1, 50))
def test_a_counted_literal_is_made_of_its_single_units(name, today, count):
    calendar = Calendar(today)
    found = day_range(name, count, calendar)
    if name.endswith("_AGO"):
        last_n = f"LAST_{name[:-4]}"
        assert day_range(last_n, count, calendar).start == found.start
        return
    shorter = day_range(name, count - 1, calendar)
    if name.startswith("LAST"):
        assert found.end == shorter.end
        assert found.start < shorter.start
    else:
        assert found.start == shorter.start
        assert found.end > shorter.end


def test_last_n_days_runs_up_to_this_second(soql):
    compiled = soql.compile("SELECT Id FROM Account WHERE CreatedDate = LAST_N_DAYS:1")

    assert compiled.params == [datetime(2026, 5, 14, 7), datetime(2026, 5, 15, 12, 0, 1)]


def test_the_day_changes_at_the_users_midnight(soql):
    evening = datetime(2026, 5, 15, 23, tzinfo=UTC)
    in_tokyo = soql.with_context(now=evening, time_zone=ZoneInfo("Asia/Tokyo"))

    compiled = in_tokyo.compile("SELECT Id FROM Account WHERE CreatedDate = TODAY")

    assert compiled.params == [datetime(2026, 5, 15, 15), datetime(2026, 5, 16, 15)]


def test_a_day_that_springs_forward_has_23_hours(soql):
    spring = soql.with_context(now=datetime(2026, 3, 8, 20, tzinfo=UTC))

    start, end = spring.compile("SELECT Id FROM Account WHERE CreatedDate = TODAY").params

    assert end - start == timedelta(hours=23)


def test_a_date_field_takes_the_days_themselves(soql):
    compiled = soql.compile("SELECT Id FROM Contact WHERE Birthdate = THIS_MONTH")

    assert compiled.params == [date(2026, 5, 1), date(2026, 6, 1)]
