"""The org's clock is told by Date headers, which are cut to whole seconds."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from resources.salesforce.org_clock import OrgClock, ReadInterval, parse_date

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def test_a_read_lies_between_sending_and_the_end_of_the_dated_second():
    interval = OrgClock().observe(at(100), sent_s=5.0, received_s=7.5)

    assert interval == ReadInterval(at(97.5), at(101))


@given(
    offset=st.floats(0, 1e6),
    calls=st.lists(
        st.tuples(st.floats(0.01, 100), st.floats(0, 3), st.floats(0, 3)), min_size=1, max_size=20
    ),
)
def test_the_clock_is_never_ahead_and_reads_hold_the_true_moment(offset, calls):
    machine = 0.0
    clock = OrgClock(lambda: machine)
    for pause, there, back in calls:
        sent = machine + pause
        answered = sent + there
        machine = answered + back
        true = at(answered + offset)

        interval = clock.observe(true.replace(microsecond=0), sent, machine)

        assert interval.lo <= true + timedelta(microseconds=5)
        assert true < interval.hi
        assert clock.now() <= at(machine + offset) + timedelta(microseconds=5)


def test_a_clock_that_was_set_is_believed():
    machine = 10.0
    clock = OrgClock(lambda: machine)
    clock.observe(at(1000), 9.9, 10.0)
    clock.observe(at(500), 9.9, 10.0)
    assert clock.now() == at(500)

    clock.observe(at(90000), 9.9, 10.0)
    assert clock.now() == at(90000)


def test_intervals_join_to_the_smallest_that_holds_both():
    one, two = ReadInterval(at(1), at(3)), ReadInterval(at(2), at(9))

    assert one.hull(two) == ReadInterval(at(1), at(9))


def test_dates_are_read_as_utc_and_nonsense_as_none():
    assert parse_date("Wed, 06 May 2026 07:25:37 GMT") == datetime(
        2026, 5, 6, 7, 25, 37, tzinfo=UTC
    )
    assert parse_date("yesterday") is None
    assert parse_date(None) is None
