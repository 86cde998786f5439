"""updated and deleted [restforce] [rest guide]."""

import pytest

from tests.emulator.api import error_of

SPAN = {"start": "2026-03-01T00:00:30+00:00", "end": "2026-03-01T10:00:00Z"}


@pytest.fixture
def changed(api):
    """Ids of three accounts: changed before, within and after the span; the clock is after it."""
    api.org.set_clock("2026-03-01T12:00:00Z")
    return [
        api.org.change("Account", create=[{"Name": "x"}], modstamp=moment)[0]
        for moment in ("2026-02-28T23:59:59Z", "2026-03-01T00:00:00Z", "2026-03-01T10:00:00Z")
    ]


def test_updated_lists_what_changed_with_seconds_cut_to_the_minute(api, changed):
    answer = api.get("sobjects/Account/updated/", params=SPAN)

    assert answer.json() == {
        "ids": [changed[1]],
        "latestDateCovered": "2026-03-01T10:00:00.000+0000",
    }


def test_the_date_covered_lies_before_an_end_that_is_still_open(api, changed):
    answer = api.get(
        "sobjects/Account/updated", params=SPAN | {"end": "2026-03-01T13:00:00Z"}
    ).json()

    assert answer["ids"] == changed[1:]
    assert answer["latestDateCovered"] == "2026-03-01T11:59:00.000+0000"


def test_the_date_covered_lies_before_a_transaction_that_is_still_open(api, changed):
    api.org.change(
        "Account", create=[{"Name": "Late"}], modstamp="2026-03-01T08:30:20Z", commit_after_s=60
    )

    answer = api.get("sobjects/Account/updated", params=SPAN).json()

    assert answer == {"ids": [changed[1]], "latestDateCovered": "2026-03-01T08:30:00.000+0000"}


def test_deleted_lists_what_lies_in_the_recycle_bin(api, changed):
    api.org.change("Account", delete=changed[:1], modstamp="2026-03-01T09:00:00Z")
    api.org.change("Account", delete=changed[1:2], modstamp="2026-03-01T09:00:00Z")
    api.org.change("Account", purge=changed[1:2])

    answer = api.get("sobjects/Account/deleted/", params=SPAN).json()

    assert answer["deletedRecords"] == [
        {"id": changed[0], "deletedDate": "2026-03-01T09:00:00.000+0000"}
    ]
    assert answer["earliestDateAvailable"] == "2026-02-14T12:00:00.000+0000"


@pytest.mark.parametrize(
    "span",
    [
        {"end": "2026-03-01T00:00:59Z"},
        {"start": "2026-01-01T00:00:00Z"},
        {"start": "2026-03-01T00:00:00 00:00"},
    ],
)
def test_a_span_that_is_too_short_too_old_or_unreadable_is_refused(api, changed, span):
    answer = api.get("sobjects/Account/updated", params=SPAN | span)

    assert error_of(answer) == (400, "INVALID_REPLICATION_DATE")


def test_an_object_that_is_not_replicated_is_refused(api, changed):
    assert error_of(api.get("sobjects/OpportunityStage/updated", params=SPAN))[0] == 400
