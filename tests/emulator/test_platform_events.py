"""Platform events: published by REST and by Pub/Sub, subscribed to, managed subscriptions."""

import uuid

import grpc
import pytest

from emulator.pubsub.generated import pubsub_api_pb2 as wire
from tests.emulator.api import error_of as rest_error_of
from tests.emulator.event_stream import EventBus, Stream, error_of

TOPIC = "/event/Order_Event__e"


@pytest.fixture
def bus(api):
    return EventBus(api)


def left(api, name):
    return api.get("limits").json()[name]["Remaining"]


def test_an_event_published_by_rest_succeeds_with_an_entry_among_the_errors(api, bus):
    before = left(api, "HourlyPublishedPlatformEvents")

    answer = api.post("sobjects/Order_Event__e", {"Order_Id__c": "8", "Action__c": "CREATED"})

    assert answer.status_code == 201
    body = answer.json()
    assert body["success"] is True
    (queued,) = body["errors"]
    assert queued["statusCode"] == "OPERATION_ENQUEUED"
    assert left(api, "HourlyPublishedPlatformEvents") == before - 1
    (message,) = bus.subscribe(TOPIC, replay_preset=wire.EARLIEST).take(1)
    event = bus.decode(message)
    assert message.event.id == queued["message"] == str(uuid.UUID(queued["message"]))
    assert (event["Order_Id__c"], event["Action__c"], event["Payload__c"]) == ("8", "CREATED", None)
    assert event["CreatedDate"] > 1_000_000_000_000


def test_a_wrong_field_is_refused_and_nothing_is_published(api, bus):
    refused = api.post("sobjects/Order_Event__e", {"Nothing__c": "8"})
    api.post("sobjects/Order_Event__e", {"Order_Id__c": "9"})

    assert rest_error_of(refused) == (400, "INVALID_FIELD")
    assert bus.events(TOPIC, 1)[0]["Order_Id__c"] == "9"


def test_no_more_events_are_published_than_the_hour_allows(org, api):
    org.faults.add({"limits": {"HourlyPublishedPlatformEvents": 1}})

    assert api.post("sobjects/Order_Event__e", {"Order_Id__c": "1"}).status_code == 201
    refused = api.post("sobjects/Order_Event__e", {"Order_Id__c": "2"})

    assert rest_error_of(refused) == (400, "LIMIT_EXCEEDED")


def event_of(bus, number):
    return bus.encode(
        TOPIC,
        CreatedDate=1,
        CreatedById="005Td0000000001IAA",
        Order_Id__c=str(number),
        Action__c=None,
        Payload__c=None,
    )


def test_events_published_by_pubsub_get_a_result_each_and_arrive(bus):
    good, strange = event_of(bus, 1), event_of(bus, 2)
    good.id = "mine"
    strange.schema_id = "unknown"

    answer = bus.publish(TOPIC, good, strange)

    first, second = answer.results
    assert first.correlation_key == "mine"
    assert not first.HasField("error")
    assert second.error.code == wire.PUBLISH
    (message,) = bus.subscribe(TOPIC, replay_preset=wire.EARLIEST).take(1)
    assert message.replay_id == first.replay_id
    assert message.event.payload == good.payload


def test_an_event_beyond_a_megabyte_has_an_error_of_its_own(bus):
    big = event_of(bus, 1)
    big.payload += bytes(1_000_001)

    (result,) = bus.publish(TOPIC, big).results

    assert result.error.code == wire.PUBLISH


@pytest.mark.parametrize(
    ("topic", "count", "expected"),
    [
        ("", 1, ("INVALID_ARGUMENT", "publish.topic.validation.empty")),
        (TOPIC, 0, ("INVALID_ARGUMENT", "publish.event.count.invalid")),
        ("/event/None__e", 1, ("NOT_FOUND", "topic.not.found")),
        ("/data/AccountChangeEvent", 1, ("PERMISSION_DENIED", "topic.meta.permission")),
    ],
)
def test_a_wrong_publish_request_is_refused(bus, topic, count, expected):
    with pytest.raises(grpc.RpcError) as caught:
        bus.publish(topic, *[event_of(bus, 1)] * count)

    assert error_of(caught.value) == expected


def test_a_publish_stream_answers_each_request_until_it_is_idle(org, bus):
    request = wire.PublishRequest(topic_name=TOPIC, events=[event_of(bus, 1)])
    stream = Stream(bus, request, call=bus.stub.PublishStream)
    assert len(stream.next().results) == 1
    stream.requests.put(wire.PublishRequest(events=[event_of(bus, 2)] * 2))
    assert len(stream.next().results) == 2

    org.advance(71)

    assert stream.error() == ("UNAVAILABLE", "publish.stream.sweeper.timeout")
    assert [one["Order_Id__c"] for one in bus.events(TOPIC, 3)] == ["1", "2", "2"]


def test_another_topic_in_a_publish_stream_ends_it(bus):
    stream = Stream(
        bus,
        wire.PublishRequest(topic_name=TOPIC, events=[event_of(bus, 1)]),
        wire.PublishRequest(topic_name="/event/Other__e", events=[event_of(bus, 1)]),
        call=bus.stub.PublishStream,
    )

    assert stream.error() == ("INVALID_ARGUMENT", "publish.topic.mismatch")


# --- managed subscriptions


def managed(bus, ask=10, **more):
    request = wire.ManagedFetchRequest(num_requested=ask, **more)
    return Stream(bus, request, call=bus.stub.ManagedSubscribe)


@pytest.fixture
def orders(org, bus):
    org.control("PUT", "events", {"managed_subscriptions": {"Orders": TOPIC}, "keepalive_s": 0})
    stream = managed(bus, developer_name="Orders")
    assert not stream.next().events
    org.control("PUT", "events", {"keepalive_s": 270})
    return stream


def next_events(stream):
    while not (response := stream.next()).events:
        pass
    return response.events


def commit(stream, replay_id, name="c1"):
    request = wire.CommitReplayRequest(commit_request_id=name, replay_id=replay_id)
    stream.requests.put(wire.ManagedFetchRequest(commit_replay_id_request=request))
    while not (response := stream.next()).HasField("commit_response"):
        pass
    return response.commit_response


def test_a_managed_subscription_goes_on_behind_what_was_committed(api, bus, orders):
    for number in (1, 2):
        api.post("sobjects/Order_Event__e", {"Order_Id__c": str(number)})
    came = list(next_events(orders))
    while len(came) < 2:
        came += next_events(orders)

    answer = commit(orders, came[0].replay_id)
    orders.close()

    assert answer.commit_request_id == "c1"
    assert answer.replay_id == came[0].replay_id
    assert not answer.HasField("error")
    assert bus.decode(events_after_reopening(bus)[0])["Order_Id__c"] == "2"


def events_after_reopening(bus):
    """What comes first, as soon as the org has noticed that the other client is gone."""
    while True:
        try:
            return next_events(managed(bus, developer_name="Orders"))
        except grpc.RpcError as error:
            if error_of(error)[1] != "managed.subscription.already.active":
                raise


def test_a_commit_that_fails_is_told_and_the_stream_goes_on(api, bus, orders):
    answer = commit(orders, b"abc")
    api.post("sobjects/Order_Event__e", {"Order_Id__c": "1"})

    assert answer.error.code == wire.COMMIT
    assert bus.decode(next_events(orders)[0])["Order_Id__c"] == "1"


def test_a_managed_subscription_has_one_client_and_must_exist(bus, orders):
    assert managed(bus, developer_name="Orders").error() == (
        "ALREADY_EXISTS",
        "managed.subscription.already.active",
    )
    assert managed(bus, developer_name="None").error() == (
        "NOT_FOUND",
        "managed.subscription.developer.name.not.found",
    )
    assert managed(bus).error() == (
        "INVALID_ARGUMENT",
        "managed.subscription.id.or.developer.name.empty",
    )
    assert orders.call.is_active()
