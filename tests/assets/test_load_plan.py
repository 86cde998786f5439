"""By which API rows are sent, which are sent again, and when a run is red."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.load_plan import (
    MOST_LOCK_ROUNDS,
    MOST_WAIT_S,
    choose_api,
    jobs_at_once,
    may_send_again,
    too_many_failed,
    wait_s,
)

SHARES = st.floats(min_value=0, max_value=1)
FEW = st.integers(min_value=0, max_value=1_000)


@pytest.mark.parametrize("operation", ["upsert", "update"])
def test_few_rows_go_by_collections(operation):
    assert choose_api(operation, 1_999, 2_000) == "collections"
    assert choose_api(operation, 2_000, 2_000) == "bulk"


@pytest.mark.parametrize("operation", ["insert", "delete", "hard_delete"])
def test_what_must_not_happen_twice_goes_by_bulk(operation):
    assert choose_api(operation, 1, 2_000) == "bulk"


def test_no_row_goes_by_collections_where_no_load_is_small():
    assert choose_api("upsert", 1, 0) == "bulk"


def test_rows_that_met_a_lock_are_sent_again_by_one_job_a_few_times():
    rounds = [n for n in range(100) if may_send_again(n)]

    assert rounds == list(range(MOST_LOCK_ROUNDS))
    assert jobs_at_once(0) > 1
    assert {jobs_at_once(n) for n in range(1, 10)} == {1}


@given(round_number=st.integers(0, 100), chance=SHARES)
def test_the_wait_before_a_round_grows_up_to_a_limit(round_number, chance):
    assert 0 < wait_s(round_number, chance) <= MOST_WAIT_S
    assert wait_s(round_number, chance) <= wait_s(round_number + 1, chance)


@given(accepted=FEW, not_accepted=FEW)
def test_any_row_that_was_not_accepted_turns_a_run_red_that_tolerates_none(accepted, not_accepted):
    rows = accepted + not_accepted

    assert too_many_failed(not_accepted, rows, 0.0) == (not_accepted > 0)
    assert not too_many_failed(not_accepted, rows, 1.0)


def test_a_share_that_is_exactly_allowed_is_no_failure():
    assert not too_many_failed(1, 100, 0.01)
    assert too_many_failed(2, 100, 0.01)


def test_nothing_to_send_is_no_failure():
    assert not too_many_failed(0, 0, 0.0)
