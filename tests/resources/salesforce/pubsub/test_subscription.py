"""A channel is followed over as many streams as it takes; nothing is skipped."""

import threading
import time

import grpc
import pytest

from resources.salesforce.errors import TransientError
from resources.salesforce.pubsub import flow_plan
from resources.salesforce.pubsub.errors import (
    DeliveryLimitError,
    PubSubLoginError,
    PubSubUnavailableError,
    ReplayIdError,
    StreamSilentError,
    TopicAccessError,
    TopicNotFoundError,
)
from resources.salesforce.pubsub.generated import pubsub_api_pb2 as api
from tests.resources.salesforce.pubsub.conftest import ORG_ID
from tests.resources.salesforce.pubsub.scripted_server import refuse, replay_id

CHANNEL = "/data/AccountChangeEvent"
Status = grpc.StatusCode


def refusing(status, code=""):
    return lambda context: refuse(context, status, code)


def silent(context):
    """Say nothing until the client leaves."""
    left = threading.Event()
    if context.add_callback(left.set):
        left.wait(30)


def numbers(subscription, count, timeout_s=20):
    """Take until so many events came; their replay ids as numbers."""
    found, deadline = [], time.monotonic() + timeout_s
    while len(found) < count and time.monotonic() < deadline:
        delivery = subscription.take(1.0)
        found += [int.from_bytes(e.replay_id, "big") for e in delivery.events] if delivery else []
    return found


def test_events_come_in_order_with_what_identifies_them(script, pubsub):
    script.payloads = [b"one", b"two"]

    with pubsub.subscribe(CHANNEL, "earliest") as subscription:
        delivery = subscription.take(10)

    first, second = delivery.events
    assert (first.event_id, first.schema_id, first.payload) == ("event-1", "account-1", b"one")
    assert (second.replay_id, delivery.replay_id) == (replay_id(2), replay_id(2))


def test_the_tenant_has_18_characters_and_the_topic_is_named_once(script, pubsub):
    script.payloads = [b"x"] * 150

    with pubsub.subscribe(CHANNEL, "earliest") as subscription:
        numbers(subscription, 150)

    asked = script.streams[0]
    assert script.tenants[0]["tenantid"] == ORG_ID
    assert script.tenants[0]["accesstoken"] == "token-1"
    assert script.tenants[0]["instanceurl"] == "https://acme.my.salesforce.com"
    assert (asked[0].topic_name, asked[0].replay_preset) == (CHANNEL, api.EARLIEST)
    assert {request.topic_name for request in asked[1:]} == {""}


def test_a_server_that_owes_nothing_and_waits_is_asked_again():
    flow = flow_plan.Flow(outstanding=60)

    assert flow_plan.dry(flow, pending=0, quiet_s=1.0) == flow
    assert flow_plan.dry(flow, pending=9, quiet_s=99.0) == flow
    assert flow_plan.to_request(flow_plan.dry(flow, pending=0, quiet_s=6.0)) == 100


@pytest.mark.parametrize("message_events", [1, 7, 50, 100])
def test_a_stream_never_runs_dry_and_never_owes_more_than_100(script, pubsub, message_events):
    script.payloads, script.message_events = [b"x"] * 1_000, message_events

    with pubsub.subscribe(CHANNEL, "earliest") as subscription:
        found = numbers(subscription, 1_000)

    assert found == list(range(1, 1_001))
    assert script.highest_outstanding <= 100
    assert all(request.num_requested > 0 for request in script.streams[0])
    assert len(script.streams) == 1


def test_who_takes_nothing_is_not_flooded_and_goes_on_later(script, pubsub):
    script.payloads, script.message_events = [b"x" * 1_000_000] * 120, 20

    with pubsub.subscribe(CHANNEL, "earliest") as subscription:
        first = numbers(subscription, 1)
        deadline = time.monotonic() + 10
        while 0 not in script.lowest_pending and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        asked = sum(request.num_requested for request in script.streams[0])
        rest = numbers(subscription, 120 - len(first))

    assert asked <= 200
    assert first + rest == list(range(1, 121))


def test_a_sign_of_life_carries_the_position(script, pubsub):
    script.keepalive = replay_id(77)

    with pubsub.subscribe(CHANNEL) as subscription:
        delivery = subscription.take(10)
        assert (delivery.events, delivery.replay_id) == ((), replay_id(77))

    assert script.streams[0][0].replay_preset == api.LATEST


def test_a_broken_stream_goes_on_behind_the_last_delivery(script, pubsub):
    script.payloads = [b"x"] * 35
    script.faults = [
        None,
        refusing(Status.UNAVAILABLE, "service.unavailable"),
        refusing(Status.INTERNAL),
        None,
    ]
    script.end_after = 20

    with pubsub.subscribe(CHANNEL, "earliest") as subscription:
        assert numbers(subscription, 35) == list(range(1, 36))
        assert subscription.reopened == 3

    assert [stream[0].replay_id for stream in script.streams] == [b"", *[replay_id(20)] * 3]


def test_failures_in_a_row_end_in_an_error_that_says_how_many(script, pubsub):
    script.faults = [refusing(Status.UNAVAILABLE)] * 4

    with (
        pubsub.subscribe(CHANNEL, "earliest") as subscription,
        pytest.raises(PubSubUnavailableError) as caught,
    ):
        subscription.take(20)

    assert isinstance(caught.value, TransientError)
    assert caught.value.attempts == 4
    assert "Tried 4 times" in str(caught.value)


def test_a_silent_stream_is_noticed_and_opened_anew(script, connect):
    script.payloads = [b"x"]
    script.faults = [silent, silent]

    with connect(silence_timeout_s=0.1).subscribe(CHANNEL, "earliest") as subscription:
        assert numbers(subscription, 1) == [1]
        assert subscription.silences == 2


def test_a_channel_that_stays_silent_is_an_error(script, connect):
    script.faults = [silent] * 4

    with (
        connect(silence_timeout_s=0.05).subscribe(CHANNEL, "earliest") as subscription,
        pytest.raises(StreamSilentError, match="Nothing came from /data/Account"),
    ):
        subscription.take(20)


def test_an_ended_token_is_renewed_and_the_stream_goes_on(script, pubsub):
    script.payloads = [b"x"]
    script.faults = [refusing(Status.UNAUTHENTICATED, "service.auth.error")]

    with pubsub.subscribe(CHANNEL, "earliest") as subscription:
        assert numbers(subscription, 1) == [1]

    assert [tenant["accesstoken"] for tenant in script.tenants] == ["token-1", "token-2"]


def test_a_new_token_that_is_refused_too_is_an_error(script, pubsub):
    script.faults = [refusing(Status.UNAUTHENTICATED, "service.auth.error")] * 2

    with (
        pubsub.subscribe(CHANNEL, "earliest") as subscription,
        pytest.raises(PubSubLoginError),
    ):
        subscription.take(20)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (Status.NOT_FOUND, "topic.not.found", TopicNotFoundError),
        (Status.NOT_FOUND, "", TopicNotFoundError),
        (Status.PERMISSION_DENIED, "topic.meta.permission", TopicAccessError),
        (Status.INVALID_ARGUMENT, "subscription.fetch.replayid.corrupted", ReplayIdError),
        (Status.INVALID_ARGUMENT, "subscription.fetch.replayid.validation.failed", ReplayIdError),
        (Status.RESOURCE_EXHAUSTED, "subscription.limit.exceeded", DeliveryLimitError),
    ],
)
def test_refusals_have_names_and_are_not_repeated(script, pubsub, status, code, kind):
    script.faults = [refusing(status, code)]

    with pubsub.subscribe(CHANNEL, replay_id(5)) as subscription, pytest.raises(kind) as caught:
        subscription.take(20)

    assert (caught.value.about, caught.value.code) == (CHANNEL, code)
    assert script.streams[0][0].replay_preset == api.CUSTOM
    assert len(script.streams) == 1


def test_closing_ends_a_take_that_waits(pubsub):
    subscription = pubsub.subscribe(CHANNEL, "earliest")
    taken = []
    taker = threading.Thread(target=lambda: taken.append(subscription.take(60)))
    taker.start()

    subscription.close()
    taker.join(timeout=10)

    assert taken == [None]


def test_a_take_in_vain_ends_in_time(pubsub):
    with pubsub.subscribe(CHANNEL, "earliest") as subscription:
        begun_s = time.monotonic()
        assert subscription.take(0.1) is None
        assert 0.1 <= time.monotonic() - begun_s < 5
