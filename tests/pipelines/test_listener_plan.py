"""When the listener tries again, and when it applies."""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.listener_plan import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    RECOVERED_S,
    apply_in_s,
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
    assert apply_in_s(100.0, None, 5.0) == 0
    assert apply_in_s(100.0, 90.0, 5.0) == 0


def test_changes_that_keep_coming_share_runs():
    assert apply_in_s(100.0, 98.0, 5.0) == 3
