"""Which windows a night asks for."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.schedules.schedule_plan import (
    KeyRange,
    WindowStatus,
    deferred_until,
    holes,
    plan_runs,
    run_key,
)

STATUSES = {"d": "done", "m": "missing", "f": "failed", "i": "in_flight"}


def windows(text: str) -> list[WindowStatus]:
    """`dmf` is three windows, 01 to 03."""
    return [WindowStatus(f"{n:02}", STATUSES[letter]) for n, letter in enumerate(text, 1)]


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("ddd", []),
        ("mmm", [("01", "03")]),
        ("dmfd", [("02", "03")]),
        ("mdm", [("01", "01"), ("03", "03")]),
        ("mim", [("01", "01"), ("03", "03")]),
        ("ii", []),
    ],
)
def test_neighbouring_holes_are_one_range(text: str, ranges: list[tuple[str, str]]):
    assert [(one.first, one.last) for one in holes(windows(text))] == ranges


@given(st.text(alphabet="dmfi", max_size=40))
def test_every_hole_is_in_exactly_one_range_and_nothing_else_is(text: str):
    keys = [window.key for window in windows(text)]

    covered = [
        key
        for one in holes(windows(text))
        for key in keys[keys.index(one.first) : keys.index(one.last) + 1]
    ]

    assert covered == [w.key for w in windows(text) if w.status in ("missing", "failed")]


def test_objects_with_the_same_range_share_a_run():
    runs = plan_runs({("day", "Account"): windows("dm"), ("day", "Contact"): windows("dm")})

    assert [run.objects for run in runs] == [("Account", "Contact")]


def test_windows_of_different_length_never_share_a_run():
    runs = plan_runs({("day", "Account"): windows("dm"), ("week", "Lead"): windows("dm")})

    assert sorted(run.objects for run in runs) == [("Account",), ("Lead",)]


def test_at_most_five_ranges_are_asked_for_and_the_newest_first():
    runs = plan_runs({("day", "Account"): windows("mdmdmdmdmdmdm")})

    assert [run.range.first for run in runs] == ["13", "11", "09", "07", "05"]


def test_each_attempt_has_its_own_run_key():
    [run] = plan_runs({("day", "Account"): windows("m")})

    assert run_key("crm", run, 1) != run_key("crm", run, 2)
    assert str(run.range) == "01"
    assert str(KeyRange(first="01", last="02")) == "01...02"


def test_the_latest_deferral_counts_and_past_ones_do_not():
    now = datetime(2026, 9, 1, 2, tzinfo=UTC)

    assert deferred_until([now - timedelta(hours=1)], now) is None
    later = [now + timedelta(hours=1), now + timedelta(hours=3)]
    assert deferred_until(later, now) == now + timedelta(hours=3)
