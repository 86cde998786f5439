"""Which run an event starts, and what its tags hold."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from dagster._utils.tags import is_valid_tag_key
from hypothesis import given
from hypothesis import strategies as st

from pipelines.event_starts_plan import LONGEST_VALUE, run_id_of, run_tags
from pipelines.sensors.retry_plan import LONGEST_WAIT_S, wait_after

ORG = "00D000000000001AAA"
NOW = datetime(2026, 9, 1, tzinfo=UTC)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,79}", fullmatch=True)
VALUES = st.one_of(
    *(st.none(), st.text(max_size=600), st.booleans(), st.integers(), st.floats(), st.binary()),
    *(st.datetimes(timezones=st.just(UTC)), st.dates(), st.lists(st.text(max_size=300))),
)


@given(st.dictionaries(NAMES, VALUES, max_size=30))
def test_tags_stay_within_what_dagster_and_its_databases_take(fields):
    tags = run_tags("salesforce", "Order_Event__e", "a-uuid", fields)

    assert all(is_valid_tag_key(key) for key in tags)
    # PostgreSQL's index of tags takes 2,700 bytes.
    assert all(len(value) <= LONGEST_VALUE for value in tags.values())
    assert max(len(value.encode()) for value in tags.values()) < 2_000


def test_tags_say_what_the_event_says():
    fields = {
        "Order_Id__c": "8",
        "Express__c": True,
        "Amount__c": 1.5,
        "At__c": NOW,
        "Note__c": None,
    }

    tags = run_tags("salesforce", "Order_Event__e", "a-uuid", fields)

    assert {k: v for k, v in tags.items() if k.startswith("tidegate.event/")} == {
        "tidegate.event/Order_Id__c": "8",
        "tidegate.event/Express__c": "true",
        "tidegate.event/Amount__c": "1.5",
        "tidegate.event/At__c": "2026-09-01T00:00:00.000+00:00",
    }


def test_an_event_has_one_run_and_no_other_event_has_it():
    events = [
        (org, event, uuid) for org in ("a", "b") for event in ("c", "d") for uuid in ("e", "f")
    ]

    ids = [run_id_of(*event) for event in events]

    assert ids == [run_id_of(*event) for event in events]
    assert len(set(ids)) == len(events)
    assert all(str(UUID(one)) == one for one in ids)


def test_an_event_that_cannot_be_read_is_tried_later_each_time_up_to_an_hour():
    waits = [wait_after(failures) / timedelta(seconds=1) for failures in (*range(1, 10), 10_000)]

    assert waits[:3] == [30, 60, 120]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_S
