"""Topics, schemas and published events."""

import json
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO

import fastavro
import grpc
import pandas as pd
import pyarrow as pa
import pytest

from resources.salesforce.errors import SettingsError
from resources.salesforce.pubsub.connection import split_endpoint
from resources.salesforce.pubsub.errors import (
    EventFieldsError,
    SchemaUnavailableError,
    TopicAccessError,
    TopicNotFoundError,
)
from tests.resources.salesforce.pubsub.events import ORDER_EVENT
from tests.resources.salesforce.pubsub.scripted_server import refuse

TOPIC = "/event/Order_Event__e"
Status = grpc.StatusCode


def refusing(status, code=""):
    return lambda context: refuse(context, status, code)


@pytest.fixture
def orders(script):
    """A server of one platform event."""
    script.schemas = {"order-1": ORDER_EVENT}
    return script


def sent(script):
    """All published events, decoded."""
    schema = fastavro.parse_schema(json.loads(ORDER_EVENT))
    return [
        fastavro.schemaless_reader(BytesIO(event.payload), schema, None)
        for request in script.published
        for event in request.events
    ]


def test_a_schema_is_fetched_once(script, pubsub):
    schemas = {pubsub.schema_json("account-1") for _ in range(3)}

    assert len(schemas) == 1
    assert len(script.tenants) == 1


def test_a_schema_that_cannot_be_had_has_its_own_error(pubsub):
    with pytest.raises(SchemaUnavailableError) as caught:
        pubsub.schema_json("lost")

    assert caught.value.about == "lost"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_topic_that_does_not_exist_has_its_own_error(pubsub):
    with pytest.raises(TopicNotFoundError, match="/data/NoneChangeEvent"):
        pubsub.topic("/data/NoneChangeEvent")


def test_calls_are_made_again_after_passing_failures_and_ended_tokens(script, pubsub):
    script.call_faults = [
        refusing(Status.UNAVAILABLE, "topic.api.unavailable"),
        refusing(Status.UNAUTHENTICATED, "service.auth.error"),
    ]

    assert pubsub.topic("/data/AccountChangeEvent").schema_id == "account-1"
    assert script.tenants[-1]["accesstoken"] == "token-2"


def test_rows_are_published_with_a_result_each(orders, pubsub):
    orders.refused_keys = {1}
    rows = pa.table(
        {
            "Order__c": ["A-1", None, "A-3"],
            "Amount__c": pa.array([Decimal("1.50"), None, Decimal("3.00")], pa.decimal128(10, 2)),
            "Due__c": [datetime(2026, 9, 1, 2, tzinfo=UTC), None, None],
        }
    )

    results = pubsub.publish(TOPIC, rows).to_pylist()

    first, second, third = sent(orders)
    assert [result["outcome"] for result in results] == ["queued", "refused", "queued"]
    assert (results[1]["row"], results[1]["error"]) == (1, "PUBLISH: no")
    assert len({result["event_id"] for result in results}) == 3
    assert (first["Order__c"], first["Amount__c"], first["Due__c"]) == (
        "A-1",
        1.5,
        1_788_228_000_000,
    )
    assert (second["Order__c"], third["Amount__c"]) == (None, 3.0)
    assert first["CreatedById"] == "005000000000001AAA"


def test_frames_of_pandas_are_published_too(orders, pubsub):
    frame = pd.DataFrame(
        {"Order__c": ["A-1", None], "Due__c": [pd.Timestamp("2026-09-01"), pd.NaT]}
    )

    results = pubsub.publish(TOPIC, frame)

    assert results["outcome"].to_pylist() == ["queued", "queued"]
    assert [event["Due__c"] for event in sent(orders)] == [1_788_220_800_000, None]
    assert [event["Order__c"] for event in sent(orders)] == ["A-1", None]


def test_requests_hold_at_most_200_events_and_3_megabytes(orders, pubsub):
    small = pa.table({"Order__c": [str(n) for n in range(450)]})
    large = pa.table({"Order__c": ["x" * 900_000] * 7})

    pubsub.publish(TOPIC, small)
    sizes = [len(request.events) for request in orders.published]
    orders.published.clear()
    pubsub.publish(TOPIC, large)

    assert sizes == [200, 200, 50]
    assert [len(request.events) for request in orders.published] == [3, 3, 1]


def test_an_event_that_is_too_long_is_refused_without_being_sent(orders, pubsub):
    results = pubsub.publish(TOPIC, pa.table({"Order__c": ["x" * 1_000_001, "short"]})).to_pylist()

    assert [result["outcome"] for result in results] == ["refused", "queued"]
    assert "of at most 1,000,000" in results[0]["error"]


def test_rows_that_are_no_events_are_refused_as_a_whole_and_unquoted(orders, pubsub):
    with pytest.raises(EventFieldsError, match=r"Order__c, Amount__c, Due__c, and not: Ordr__c"):
        pubsub.publish(TOPIC, pa.table({"Ordr__c": ["x"]}))
    with pytest.raises(EventFieldsError) as caught:
        pubsub.publish(TOPIC, pa.table({"Order__c": ["x", "y"], "Amount__c": [None, "secret"]}))

    assert str(caught.value) == (
        "/event/Order_Event__e: row 1 (the first is 0) has no value, or none of the field's type, "
        "in: Amount__c. Nothing was published."
    )
    assert orders.published == []


def test_a_field_that_an_event_must_have_is_named_when_a_row_lacks_it(orders, pubsub):
    schema = json.loads(ORDER_EVENT)
    schema["fields"].append({"name": "Must__c", "type": "string", "doc": "Data:Text"})
    orders.schemas = {"order-1": json.dumps(schema)}

    with pytest.raises(EventFieldsError, match=r"row 1 .* in: Must__c\. Nothing was published"):
        pubsub.publish(TOPIC, pa.table({"Must__c": ["x", None]}))

    assert orders.published == []


def test_a_platform_event_is_published_by_its_name_and_progress_is_told(orders, pubsub):
    told = []

    results = pubsub.publish(
        "Order_Event__e", pa.table({"Order__c": ["x"] * 450}), on_sent=told.append
    )

    assert {request.topic_name for request in orders.published} == {TOPIC}
    assert results["outcome"].to_pylist() == ["queued"] * 450
    assert told == [0, 200, 400, 450]


def test_a_lost_answer_leaves_doubt_and_what_follows_is_unsent(orders, pubsub):
    # GetTopic and GetSchema come before.
    orders.call_faults = [None, None, None, refusing(Status.UNAVAILABLE)]
    rows = pa.table({"Order__c": [str(n) for n in range(450)]})

    outcomes = pubsub.publish(TOPIC, rows)["outcome"].to_pylist()

    assert outcomes == ["queued"] * 200 + ["in_doubt"] * 200 + ["unsent"] * 50


def test_a_refusal_of_the_first_request_is_an_error(orders, pubsub):
    orders.call_faults = [None, None, refusing(Status.PERMISSION_DENIED, "topic.meta.permission")]

    with pytest.raises(TopicAccessError):
        pubsub.publish(TOPIC, pa.table({"Order__c": ["x"]}))


@pytest.mark.parametrize(
    ("endpoint", "target", "encrypted"),
    [
        ("api.pubsub.salesforce.com:7443", "api.pubsub.salesforce.com:7443", True),
        ("https://127.0.0.1:8041", "127.0.0.1:8041", True),
        ("127.0.0.1:8041", "127.0.0.1:8041", False),
        ("http://localhost:8041", "localhost:8041", False),
    ],
)
def test_connections_are_encrypted_unless_to_this_machine(endpoint, target, encrypted):
    assert split_endpoint(endpoint) == (target, encrypted)


@pytest.mark.parametrize("endpoint", ["", "host", "host:x", "http://example.com:80", "ftp://a:1"])
def test_an_endpoint_that_cannot_be_used_is_refused(endpoint):
    with pytest.raises(SettingsError, match="pubsub"):
        split_endpoint(endpoint)


def test_days_are_published_as_midnight_in_utc(orders, pubsub):
    pubsub.publish(TOPIC, pa.table({"Due__c": [date(2026, 9, 1)]}))

    assert sent(orders)[0]["Due__c"] == 1_788_220_800_000
