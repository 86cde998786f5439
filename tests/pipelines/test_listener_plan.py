"""When the listener tries again, and when it applies."""

import math

from hypothesis import given
from hypothesis import strategies as st

from pipelines.listener_plan import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    RECOVERED_S,
    due,
    failures_in_a_row,
    wait_s,
)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_waits_grow_and_stay_below_an_end(failures, chance):
    assert FIRST_WAIT_S / 2 <= wait_s(failures, chance) <= LONGEST_WAIT_S
    assert wait_s(failures, chance) <= wait_s(failures + 1, chance)


def test_a_channel_that_was_followed_for_a_minute_begins_to_count_anew():
    assert failures_in_a_row(7, RECOVERED_S) == 1
    assert failures_in_a_row(7, RECOVERED_S - 1) == 8


def test_a_change_after_a_pause_is_applied_at_once():
    assert due({"/data/A": 0.0}, 100.0)[0] == ["/data/A"]


def test_changes_that_keep_coming_share_runs():
    assert due({"/data/A": 103.0, "/data/B": 104.0}, 100.0) == ([], 3.0)


def test_all_channels_that_are_due_share_a_run():
    assert due({"/data/B": 99.0, "/data/C": 101.0, "/data/A": 100.0}, 100.0)[0] == [
        "/data/A",
        "/data/B",
    ]


def test_nothing_is_due_while_nothing_has_landed():
    assert due({}, 100.0) == ([], math.inf)
