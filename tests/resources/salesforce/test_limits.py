"""The allowance is what the org says, and the reserve is never touched."""

import json
import threading
from datetime import UTC, datetime

import pytest

from resources.salesforce.errors import DeferredError
from resources.salesforce.limits import OrgLimits, parse_limit_info, parse_limits

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def call(limits, header):
    limits.begin_call(NOW)
    limits.end_call(header)


@pytest.mark.parametrize(
    ("header", "usage"),
    [
        ("api-usage=905/15000", (905, 15000)),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=sample)", (25, 5000)),
        ("per-app-api-usage=17/250(appName=sample); api-usage=25/5000", (25, 5000)),
        ("per-app-api-usage=17/250(appName=sample)", None),
        ("", None),
        (None, None),
    ],
)
def test_the_header_is_read_with_and_without_figures_per_app(header, usage):
    assert parse_limit_info(header) == usage


def test_limits_are_unknown_before_the_first_answer():
    limits = OrgLimits("acme", reserve=100)

    limits.begin_call(NOW)

    assert (limits.left, limits.known) == (None, False)


def test_the_call_that_would_touch_the_reserve_is_not_made():
    limits = OrgLimits("acme", reserve=100)
    call(limits, "api-usage=898/1000")
    call(limits, "api-usage=899/1000")
    call(limits, "api-usage=900/1000")

    with pytest.raises(DeferredError) as caught:
        limits.begin_call(NOW)

    assert limits.left == 100
    assert (caught.value.left, caught.value.reserve, caught.value.allowed) == (100, 100, 1000)
    assert caught.value.resets == datetime(2026, 3, 4, 6, tzinfo=UTC)


def test_calls_under_way_count_before_they_are_answered():
    limits = OrgLimits("acme", reserve=100)
    call(limits, "api-usage=898/1000")
    limits.begin_call(NOW)
    limits.begin_call(NOW)

    with pytest.raises(DeferredError):
        limits.begin_call(NOW)


def test_answers_that_overtake_each_other_dont_lower_the_count():
    limits = OrgLimits("acme", reserve=0)
    call(limits, "api-usage=10/1000")
    limits.begin_call(NOW)
    limits.begin_call(NOW)
    limits.end_call("api-usage=12/1000")
    limits.end_call("api-usage=11/1000")

    assert limits.used == 12


def test_calls_that_never_left_are_given_back_and_lost_answers_are_not():
    limits = OrgLimits("acme", reserve=0)
    call(limits, "api-usage=10/1000")
    limits.begin_call(NOW)
    limits.end_call(None, sent=False)
    assert limits.used == 10

    call(limits, None)

    assert limits.used == 11


def test_calls_under_way_count_beside_those_of_others():
    limits = OrgLimits("acme", reserve=100)
    call(limits, "api-usage=10/1000")
    limits.begin_call(NOW)
    limits.begin_call(NOW)
    limits.end_call("api-usage=899/1000")

    with pytest.raises(DeferredError):
        limits.begin_call(NOW)


def test_before_the_numbers_are_known_one_call_finds_out_for_all_threads():
    limits = OrgLimits("acme", reserve=100)
    deferred = []

    def begin():
        try:
            limits.begin_call(NOW)
        except DeferredError as error:
            deferred.append(error.left)

    limits.begin_call(NOW)
    threads = [threading.Thread(target=begin, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    threads[0].join(0.1)
    assert all(thread.is_alive() for thread in threads)

    limits.end_call("api-usage=900/1000")

    for thread in threads:
        thread.join(5)
    assert deferred == [100] * 4


def test_calls_of_others_are_seen():
    limits = OrgLimits("acme", reserve=0)
    call(limits, "api-usage=10/1000")
    call(limits, "api-usage=500/1000")

    assert limits.left == 500


def test_calls_that_leave_the_rolling_window_come_back():
    limits = OrgLimits("acme", reserve=0)
    call(limits, "api-usage=900/1000")
    call(limits, "api-usage=700/1000")

    assert limits.used == 700


def test_nested_and_per_app_entries_of_limits_are_left_out():
    body = json.loads(
        '{"DailyApiRequests":{"Max":15000,"Remaining":14976,"Ant Migration Tool":'
        '{"Max":0,"Remaining":0}},"PermissionSets":{"Max":1500,"Remaining":1499,"CreateCustom":'
        '{"Max":1000,"Remaining":999}}}'
    )

    found = parse_limits(body)

    assert {name: (entry.allowed, entry.left) for name, entry in found.items()} == {
        "DailyApiRequests": (15000, 14976),
        "PermissionSets": (1500, 1499),
    }


@pytest.mark.parametrize(("left", "used"), [(14000, 1000), (14990, 905)])
def test_of_header_and_limits_the_larger_use_counts(left, used):
    limits = OrgLimits("acme", reserve=0)
    call(limits, "api-usage=905/15000")

    limits.learn(parse_limits({"DailyApiRequests": {"Max": 15000, "Remaining": left}}))

    assert limits.used == used
