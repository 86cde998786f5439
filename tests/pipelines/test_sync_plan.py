"""Which windows a `sync` command runs."""

from datetime import UTC, date, datetime, timedelta

import pytest

from pipelines.sync_plan import NoSuchWindowError, WindowKey, dated_runs, key_range

DAY = timedelta(days=1)


def windows(length: timedelta, count: int) -> list[WindowKey]:
    start = datetime(2026, 9, 1, tzinfo=UTC)
    return [
        WindowKey(f"{start + n * length:%m-%d %H}", start + n * length, start + (n + 1) * length)
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("first", "last", "keys"),
    [
        (None, None, ("09-01 00", "09-05 00")),
        (date(2026, 9, 2), None, ("09-02 00", "09-05 00")),
        (None, date(2026, 9, 3), ("09-01 00", "09-03 00")),
        (date(2026, 9, 2), date(2026, 9, 2), ("09-02 00", "09-02 00")),
        (date(2020, 1, 1), date(2020, 1, 1), ("09-01 00", "09-01 00")),
    ],
)
def test_days_mean_the_windows_that_hold_them(first, last, keys):
    found = key_range(windows(DAY, 5), first, last)

    assert (found.first, found.last) == keys


def test_a_day_of_hours_means_all_of_them():
    found = key_range(windows(DAY / 24, 72), date(2026, 9, 2), date(2026, 9, 2))

    assert (found.first, found.last) == ("09-02 00", "09-02 23")


def test_a_day_within_a_week_means_that_week():
    found = key_range(windows(7 * DAY, 3), date(2026, 9, 10), date(2026, 9, 10))

    assert (found.first, found.last) == ("09-08 00", "09-08 00")


@pytest.mark.parametrize(
    ("first", "last", "problem"),
    [
        (None, date(2026, 9, 6), "No window that is over holds 2026-09-06; the last one is 09-05"),
        (date(2026, 9, 6), None, "No window that is over holds 2026-09-06"),
        (date(2026, 9, 3), date(2026, 9, 2), "--to 2026-09-02 lies before --from 2026-09-03"),
    ],
)
def test_days_without_a_window_are_refused(first, last, problem):
    with pytest.raises(NoSuchWindowError, match=problem):
        key_range(windows(DAY, 5), first, last)


def test_objects_with_the_same_range_share_a_run():
    asked = {("day", "Account"): windows(DAY, 5), ("day", "Contact"): windows(DAY, 5)}

    assert [run.objects for run in dated_runs(asked, None, None)] == [("Account", "Contact")]
