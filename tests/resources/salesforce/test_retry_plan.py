"""Which failures are worth another attempt, and after how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.salesforce.errors import (
    BrokenBodyError,
    ConnectionLostError,
    NotFoundError,
    RequestLimitError,
    RowLockedError,
    UnavailableError,
)
from resources.salesforce.retry_plan import (
    GiveUp,
    InDoubt,
    RetryPolicy,
    Wait,
    after_failure,
    backoff_s,
)

POLICY = RetryPolicy(attempts=3, first_wait_s=1, longest_wait_s=10, longest_retry_after_s=100)
NEVER_SENT = ConnectionLostError("POST", "org", "/jobs", "refused", sent=False)
BROKE_OFF = ConnectionLostError("POST", "org", "/jobs", "reset", sent=True)
CUT = BrokenBodyError("/results", 10, "cut")
LOCKED = RowLockedError("PATCH", "/x", 400, "UNABLE_TO_LOCK_ROW")


def unavailable(status, code="", retry_after_s=None):
    return UnavailableError("POST", "/jobs", status, code, retry_after_s)


@pytest.mark.parametrize(
    ("error", "creates", "decision"),
    [
        (NEVER_SENT, False, Wait(1.0)),
        (BROKE_OFF, False, Wait(1.0)),
        (CUT, False, Wait(1.0)),
        (LOCKED, False, Wait(1.0)),
        (unavailable(503), False, Wait(1.0)),
        # What creates is repeated only if the org certainly did nothing.
        (NEVER_SENT, True, Wait(1.0)),
        (LOCKED, True, Wait(1.0)),
        (unavailable(429), True, Wait(1.0)),
        (unavailable(503, "SERVER_UNAVAILABLE"), True, Wait(1.0)),
        (BROKE_OFF, True, InDoubt()),
        (CUT, True, InDoubt()),
        (unavailable(502), True, InDoubt()),
        (unavailable(503), True, InDoubt()),
        (unavailable(504, "TIMEOUT"), True, InDoubt()),
        (unavailable(400, "Timeout"), True, InDoubt()),
        # Nothing else gets better by waiting some seconds.
        (NotFoundError("GET", "/x", 404, "NOT_FOUND", ""), False, GiveUp()),
        (RequestLimitError("org", "REQUEST_LIMIT_EXCEEDED", 1, 1), False, GiveUp()),
    ],
)
def test_each_failure_has_its_decision(error, creates, decision):
    assert after_failure(error, 1, creates, POLICY, chance=1.0) == decision


def test_the_last_attempt_is_the_last():
    assert isinstance(after_failure(CUT, 2, False, POLICY, 0.5), Wait)
    assert after_failure(CUT, 3, False, POLICY, 0.5) == GiveUp()


def test_retry_after_is_obeyed_unless_it_is_too_long_for_us():
    assert after_failure(unavailable(429, "", 42.0), 1, False, POLICY, 0.5) == Wait(42.0)
    assert after_failure(unavailable(429, "", 101.0), 1, False, POLICY, 0.5) == GiveUp()


@given(attempt=st.integers(1, 200), chance=st.floats(0, 1, exclude_max=True))
def test_waits_double_up_to_the_longest_and_half_of_each_is_chance(attempt, chance):
    full = min(10.0, 2.0 ** (attempt - 1))

    assert full / 2 <= backoff_s(attempt, POLICY, chance) <= full
