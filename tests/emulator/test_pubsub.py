"""The Pub/Sub API: topics, schemas, subscriptions, their flow control and their ends."""

from pathlib import Path
from threading import Thread

import grpc
import pytest

from emulator.pubsub.error_codes import STATUSES
from emulator.pubsub.generated import pubsub_api_pb2 as wire
from tests.emulator.api import Api
from tests.emulator.event_stream import EventBus, Stream, error_of
from tests.emulator_process import running_org
from tests.tls import self_signed

ACCOUNTS = "/data/AccountChangeEvent"
EARLIEST, CUSTOM = wire.EARLIEST, wire.CUSTOM


@pytest.fixture
def bus(org, api):
    org.control("PUT", "cdc", {"objects": ["Account", "Contact", "Order__c"]})
    return EventBus(api)


def refused(call, *arguments, **options):
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **options)
    return error_of(caught.value)


# --- topics and schemas


def test_a_topic_tells_its_schema_and_what_may_be_done(org, bus):
    changes, events = bus.topic("/data/Order__ChangeEvent"), bus.topic("/event/Order_Event__e")

    assert (changes.can_publish, changes.can_subscribe) == (False, True)
    assert (events.can_publish, events.can_subscribe) == (True, True)
    assert changes.tenant_guid == org.org_id
    assert len(changes.schema_id) == 22
    assert bus.schema(changes.schema_id)["name"].endswith("Order__ChangeEvent")


@pytest.mark.parametrize(
    "topic",
    ["/data/Order__cChangeEvent", "/data/accountChangeEvent", "/data/None__ChangeEvent", "Account"],
)
def test_a_topic_that_is_misspelt_is_not_found(bus, topic):
    assert refused(bus.topic, topic) == ("NOT_FOUND", "topic.not.found")


def test_an_empty_topic_and_an_unknown_schema_are_refused(bus):
    assert refused(bus.topic, "") == ("INVALID_ARGUMENT", "topic.validation.empty")
    assert refused(bus.schema, "nothing") == ("INVALID_ARGUMENT", "schema.validation.failed")


def test_an_object_that_is_not_selected_cannot_be_subscribed_to(bus):
    topic = "/data/OpportunityChangeEvent"

    assert not bus.topic(topic).can_subscribe
    assert bus.subscribe(topic).error() == (
        "PERMISSION_DENIED",
        "subscription.topic.cannot.subscribe",
    )


def test_a_custom_channel_carries_its_members(org, bus):
    org.control("PUT", "cdc", {"objects": [], "channels": {"Sales__chn": ["Contact"]}})
    org.create("Account", {"Name": "Harbour"})
    org.create("Contact", {"LastName": "Holm"})

    (event,) = bus.events("/data/Sales__chn", 1)

    assert event["ChangeEventHeader"]["entityName"] == "Contact"
    assert not bus.topic("/data/ContactChangeEvent").can_subscribe


def test_rest_gives_the_schemas_too(api, bus):
    info = bus.topic(ACCOUNTS)

    by_name = api.get("sobjects/AccountChangeEvent/eventSchema?payloadFormat=COMPACT").json()
    by_id = api.get(f"event/eventSchema/{info.schema_id}?payloadFormat=COMPACT").json()

    assert by_name == by_id
    assert by_name["uuid"] == info.schema_id
    assert api.get("sobjects/Account/eventSchema").status_code == 404


# --- login


@pytest.mark.parametrize("key", ["accesstoken", "instanceurl", "tenantid"])
def test_each_of_the_three_metadata_keys_is_needed(bus, key):
    del bus.login[key]

    assert refused(bus.topic, ACCOUNTS) == ("UNAUTHENTICATED", "service.auth.headers.invalid")


@pytest.mark.parametrize(
    ("key", "value"),
    [("accesstoken", "00D!x"), ("instanceurl", "https://x.test"), ("tenantid", "00DTd0000000009")],
)
def test_a_wrong_login_is_refused(bus, key, value):
    bus.login[key] = value

    assert refused(bus.topic, ACCOUNTS) == ("UNAUTHENTICATED", "service.auth.error")


def test_the_tenant_may_have_fifteen_characters(bus):
    bus.login["tenantid"] = bus.login["tenantid"][:15]

    assert bus.topic(ACCOUNTS).topic_name == ACCOUNTS


def test_a_stream_ends_with_its_session(org, api, bus):
    stream = bus.subscribe(ACCOUNTS, replay_preset=EARLIEST)
    org.create("Account", {"Name": "A"})
    stream.take(1)

    api.call("POST", "/services/oauth2/revoke", data={"token": bus.login["accesstoken"]})

    assert stream.error() == ("UNAUTHENTICATED", "service.auth.error")


# --- where a subscription starts


def test_latest_brings_what_comes_after_the_subscription(org, bus):
    org.create("Account", {"Name": "before"})
    stream = bus.subscribe(ACCOUNTS, replay_preset=EARLIEST)
    stream.take(1)
    latest = bus.subscribe(ACCOUNTS)
    org.control("PUT", "events", {"keepalive_s": 0})
    assert not latest.next().events
    org.create("Account", {"Name": "after"})

    (message,) = latest.take(1)

    assert bus.decode(message)["Name"] == "after"


def test_custom_starts_behind_the_replay_id(org, bus):
    org.create("Account", {"Name": "A"}, {"Name": "B"}, {"Name": "C"})
    messages = bus.subscribe(ACCOUNTS, replay_preset=EARLIEST).take(3)
    assert all(len(message.replay_id) == 8 for message in messages)
    assert sorted(m.replay_id for m in messages) == [m.replay_id for m in messages]

    behind = bus.subscribe(ACCOUNTS, replay_preset=CUSTOM, replay_id=messages[0].replay_id).take(2)

    assert [message.event.id for message in behind] == [m.event.id for m in messages[1:]]


def test_custom_needs_a_replay_id_that_the_org_gave(org, bus):
    corrupted = ("INVALID_ARGUMENT", "subscription.fetch.replayid.corrupted")

    missing = bus.subscribe(ACCOUNTS, replay_preset=CUSTOM).error()
    malformed = bus.subscribe(ACCOUNTS, replay_preset=CUSTOM, replay_id=b"abc").error()
    unknown = bus.subscribe(ACCOUNTS, replay_preset=CUSTOM, replay_id=b"\x7f" + bytes(7)).error()

    assert missing == ("INVALID_ARGUMENT", "subscription.fetch.replayid.validation.failed")
    assert malformed == unknown == corrupted


def test_events_are_kept_for_72_hours_of_the_clock(org, bus):
    org.create("Account", {"Name": "old"})
    (old,) = bus.subscribe(ACCOUNTS, replay_preset=EARLIEST).take(1)
    org.advance(71 * 3600)
    org.create("Account", {"Name": "young"})
    assert len(bus.events(ACCOUNTS, 2)) == 2
    org.advance(2 * 3600)

    assert bus.events(ACCOUNTS, 1)[0]["Name"] == "young"
    assert bus.subscribe(ACCOUNTS, replay_preset=CUSTOM, replay_id=old.replay_id).error() == (
        "INVALID_ARGUMENT",
        "subscription.fetch.replayid.corrupted",
    )


def test_a_replay_id_expires_after_the_clock_was_set_back_too(org, bus):
    org.set_clock("2026-03-01T00:00:00Z")
    org.create("Account", {"Name": "A"})
    (message,) = bus.subscribe(ACCOUNTS, replay_preset=EARLIEST).take(1)
    org.advance(73 * 3600)
    org.create("Account", {"Name": "B"})

    stream = bus.subscribe(ACCOUNTS, replay_preset=CUSTOM, replay_id=message.replay_id)

    assert stream.error() == ("INVALID_ARGUMENT", "subscription.fetch.replayid.corrupted")


def test_positions_of_keepalives_outlive_the_events_before_them(org, bus):
    org.create("Account", {"Name": "old"})
    org.advance(50 * 3600)
    stream = bus.subscribe(ACCOUNTS)
    org.control("PUT", "events", {"keepalive_s": 0})
    position = stream.next().latest_replay_id
    stream.close()
    org.advance(40 * 3600)
    org.create("Account", {"Name": "new"})

    (event,) = bus.events(ACCOUNTS, 1, replay_preset=CUSTOM, replay_id=position)

    assert event["Name"] == "new"


def test_a_reset_makes_all_replay_ids_so_far_invalid(org, api, bus):
    org.create("Account", {"Name": "A"})
    (message,) = bus.subscribe(ACCOUNTS, replay_preset=EARLIEST).take(1)

    org.reset()
    org.control("PUT", "cdc", {"objects": ["Account"]})
    after = EventBus(type(api)(org))

    assert after.subscribe(ACCOUNTS, replay_preset=CUSTOM, replay_id=message.replay_id).error() == (
        "INVALID_ARGUMENT",
        "subscription.fetch.replayid.corrupted",
    )


# --- flow control


def test_no_more_events_come_than_were_asked_for(org, bus):
    org.create("Account", *({"Name": f"A{n}"} for n in range(5)))
    stream = bus.subscribe(ACCOUNTS, ask=2, replay_preset=EARLIEST)

    first = stream.next()
    stream.ask(3)
    second = stream.next()

    assert (len(first.events), first.pending_num_requested) == (2, 0)
    assert (len(second.events), second.pending_num_requested) == (3, 0)
    assert second.latest_replay_id == second.events[-1].replay_id


def test_the_outstanding_total_is_capped_at_a_hundred(org, bus):
    org.create("Account", *({"Name": f"A{n}"} for n in range(150)))
    stream = bus.subscribe(ACCOUNTS, ask=5000, replay_preset=EARLIEST)

    assert len(stream.next().events) == 100


def test_asking_for_nothing_or_for_another_topic_ends_the_stream(bus):
    nothing = bus.subscribe(ACCOUNTS, ask=0)
    other = bus.subscribe(ACCOUNTS)
    other.ask(1, topic_name="/data/ContactChangeEvent")

    assert nothing.error() == (
        "INVALID_ARGUMENT",
        "subscription.fetch.requested.events.invalid",
    )
    assert other.error() == ("INVALID_ARGUMENT", "subscription.fetch.topic.mismatch")


def test_an_empty_response_comes_within_270_seconds(org, bus):
    org.create("Account", {"Name": "A"})
    stream = bus.subscribe(ACCOUNTS, replay_preset=EARLIEST)
    (message,) = stream.take(1)
    org.advance(271)

    response = stream.next()

    assert not response.events
    assert response.pending_num_requested > 0
    assert response.latest_replay_id >= message.replay_id


def test_a_client_that_asks_for_no_more_is_cut_off_after_a_minute(org, bus):
    org.create("Account", {"Name": "A"})
    stream = bus.subscribe(ACCOUNTS, ask=1, replay_preset=EARLIEST)
    assert len(stream.next().events) == 1
    org.advance(61)

    assert stream.error() == ("OK", None)


# --- faults


def test_a_dropped_stream_goes_on_where_it_was(org, bus):
    org.create("Account", {"Name": "A"})
    (first,) = bus.subscribe(ACCOUNTS, replay_preset=EARLIEST).take(1)
    org.faults.add({"event": "drop"}, object="Account")
    org.create("Account", {"Name": "B"})
    start = {"replay_preset": CUSTOM, "replay_id": first.replay_id}

    assert bus.subscribe(ACCOUNTS, **start).error() == ("UNAVAILABLE", "service.unavailable")
    assert bus.events(ACCOUNTS, 1, **start)[0]["Name"] == "B"


@pytest.mark.slow
def test_a_silent_stream_stays_open_and_says_nothing(org, bus):
    org.faults.add({"event": "silence"}, path=ACCOUNTS)
    org.control("PUT", "events", {"keepalive_s": 0})
    stream = Stream(
        bus,
        wire.FetchRequest(topic_name=ACCOUNTS, num_requested=10, replay_preset=EARLIEST),
        seconds=1.5,
    )
    org.create("Account", {"Name": "A"})

    assert stream.error()[0] == "DEADLINE_EXCEEDED"
    assert bus.events(ACCOUNTS, 1)[0]["Name"] == "A"


def test_a_duplicate_has_the_same_uuid_and_another_replay_id(org, bus):
    org.faults.add({"event": "duplicate"}, method="Subscribe")
    org.create("Account", {"Name": "A"})
    org.create("Account", {"Name": "B"})
    stream = bus.subscribe(ACCOUNTS, replay_preset=EARLIEST)

    one, copy, *_ = stream.take(4)

    assert one.event == copy.event
    assert one.replay_id < copy.replay_id
    behind = bus.subscribe(ACCOUNTS, replay_preset=CUSTOM, replay_id=copy.replay_id).take(1)
    assert bus.decode(behind[0])["Name"] == "B"


def test_a_replay_id_can_be_made_to_expire(org, bus):
    org.create("Account", {"Name": "A"})
    (message,) = bus.subscribe(ACCOUNTS, replay_preset=EARLIEST).take(1)
    org.faults.add({"event": "expire_replay"}, object="Account")
    start = {"replay_preset": CUSTOM, "replay_id": message.replay_id}

    assert bus.subscribe(ACCOUNTS, **start).error() == (
        "INVALID_ARGUMENT",
        "subscription.fetch.replayid.corrupted",
    )
    org.create("Account", {"Name": "B"})
    assert bus.events(ACCOUNTS, 1, **start)[0]["Name"] == "B"


# --- allowances and bursts


def test_delivered_events_are_counted_and_run_out(org, api, bus):
    before = api.get("limits").json()["DailyDeliveredPlatformEvents"]["Remaining"]
    org.create("Account", {"Name": "A"}, {"Name": "B"})
    bus.events(ACCOUNTS, 2)
    assert api.get("limits").json()["DailyDeliveredPlatformEvents"]["Remaining"] == before - 2

    org.faults.add({"limits": {"DailyDeliveredPlatformEvents": 1}})
    api.get("limits")

    assert bus.subscribe(ACCOUNTS, replay_preset=EARLIEST).error() == (
        "RESOURCE_EXHAUSTED",
        "subscription.limit.exceeded",
    )


def test_a_burst_tells_of_real_rows_under_rising_numbers_and_is_not_counted(org, api, bus):
    ids = org.create("Account", {"Name": "A"}, {"Name": "B"})
    before = api.get("limits").json()["DailyDeliveredPlatformEvents"]["Remaining"]
    stream = bus.subscribe(ACCOUNTS)
    org.control("PUT", "events", {"keepalive_s": 0})
    position = stream.next().latest_replay_id
    org.control("POST", "events/burst", {"object": "Account", "count": 500})

    start = {"replay_preset": CUSTOM, "replay_id": position}
    messages = bus.subscribe(ACCOUNTS, **start).take(500)

    events = [bus.decode(message) for message in messages]
    heads = [event["ChangeEventHeader"] for event in events]
    assert {head["recordIds"][0] for head in heads} == set(ids)
    assert {event["Name"] for event in events} == {"A", "B"}
    numbers = [head["commitNumber"] for head in heads]
    assert numbers == sorted(set(numbers))
    assert len({message.event.id for message in messages}) == 500
    assert api.get("limits").json()["DailyDeliveredPlatformEvents"]["Remaining"] == before
    middle = {"replay_preset": CUSTOM, "replay_id": messages[300].replay_id}
    assert bus.subscribe(ACCOUNTS, **middle).take(1)[0] == messages[301]
    org.create("Account", {"Name": "behind"})
    last = {"replay_preset": CUSTOM, "replay_id": messages[-1].replay_id}
    assert bus.events(ACCOUNTS, 1, **last)[0]["Name"] == "behind"


def test_a_burst_keeps_to_its_rate(org, bus):
    org.create("Account", {"Name": "A"})
    (first,) = bus.subscribe(ACCOUNTS, replay_preset=EARLIEST).take(1)
    org.control("POST", "events/burst", {"object": "Account", "count": 50, "rate": 100})

    stream = bus.subscribe(ACCOUNTS, replay_preset=CUSTOM, replay_id=first.replay_id)

    early = len(stream.next().events)
    assert early < 50
    assert len(stream.take(50 - early)) == 50 - early


# --- TLS


def test_both_ports_serve_tls_when_there_is_a_certificate(tmp_path):
    certificate, key = self_signed(tmp_path)
    options = ["--seed", "empty", "--cdc", "Account", "--tls-cert", certificate, "--tls-key", key]
    with running_org(*options, ca_file=certificate) as org:
        trusted = grpc.ssl_channel_credentials(Path(certificate).read_bytes())
        bus = EventBus(Api(org), grpc.secure_channel(org.ready["pubsub"], trusted))
        org.create("Account", {"Name": "Harbour"})

        assert org.url.startswith("https://")
        assert bus.events(ACCOUNTS, 1)[0]["Name"] == "Harbour"


def test_a_keepalive_is_never_ahead_of_events_that_come_after_it(org, bus):
    org.control("PUT", "events", {"keepalive_s": 0.001})
    stream = bus.subscribe(ACCOUNTS)
    told = [stream.next()]
    assert not told[0].events
    changing = Thread(target=lambda: [org.create("Account", {"Name": "A"}) for _ in range(25)])
    changing.start()

    while sum(len(response.events) for response in told) < 25:
        told.append(stream.next())
        if told[-1].events:
            stream.ask(len(told[-1].events))
    changing.join()

    ahead, latest = 0, b""
    for response in told:
        if response.events:
            ahead += response.events[0].replay_id <= latest
        else:
            latest = response.latest_replay_id
    assert ahead == 0


def test_every_documented_error_can_be_had_by_a_fault(org, bus):
    for code, status in STATUSES.items():
        org.faults.add({"event": "refuse", "code": code}, method="GetTopic", path=ACCOUNTS)
        assert refused(bus.topic, ACCOUNTS) == (status, code)
    assert bus.topic(ACCOUNTS).can_subscribe


@pytest.mark.parametrize("method", ["GetSchema", "Publish", "Subscribe"])
def test_each_call_can_be_refused_by_a_fault(org, bus, method):
    topic = "/event/Order_Event__e"
    schema_id = bus.topic(topic).schema_id
    event = bus.encode(topic, CreatedDate=1, CreatedById="005Td0000000001IAA")
    code = "service.protection.triggered"
    org.faults.add({"event": "refuse", "code": code}, method=method)
    call = {
        "GetSchema": lambda: bus.stub.GetSchema(
            wire.SchemaRequest(schema_id=schema_id), metadata=bus.metadata, timeout=20
        ),
        "Publish": lambda: bus.publish(topic, event),
        "Subscribe": lambda: bus.subscribe(topic).next(),
    }[method]

    assert refused(call) == ("RESOURCE_EXHAUSTED", code)


def test_a_stream_can_be_refused_when_it_has_something_to_send(org, bus):
    code = "service.auth.refresh.invalid"
    stream = bus.subscribe(ACCOUNTS, replay_preset=wire.EARLIEST)
    org.create("Account", {"Name": "Harbour"})
    assert len(stream.take(1)) == 1
    org.faults.add({"event": "refuse", "code": code}, method="Subscribe", path=ACCOUNTS)

    org.create("Account", {"Name": "Quay"})

    assert stream.error() == ("UNAUTHENTICATED", code)
