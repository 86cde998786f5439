"""Platform events become rows of a table, each once, and what is lost is said."""

import json
from datetime import UTC, datetime
from io import BytesIO

import fastavro
import pyarrow as pa
import pytest

from assets.drain import Until
from assets.event_spec import EventTable
from resources.landing.inbox import Inbox
from tests.assets.conftest import Harbour, metadata
from tests.assets.platform_events import EventFollower, Publisher


@pytest.fixture
def publisher(harbour: Harbour):
    return Publisher(harbour.org)


@pytest.fixture
def follower(harbour: Harbour):
    return EventFollower(harbour)


def test_events_become_typed_rows_in_the_order_of_publishing(
    harbour: Harbour, publisher: Publisher, follower: EventFollower
):
    before = datetime.fromisoformat(harbour.org.now())
    published = [publisher.publish("8", "CREATED", "{}"), publisher.publish("9", "PAID")]

    told = follower.follow()

    assert follower.rows("event_uuid", "order_id_c", "action_c", "payload_c") == [
        (published[0], "8", "CREATED", "{}"),
        (published[1], "9", "PAID", None),
    ]
    [(created, created_by, run_id)] = harbour.query(
        "SELECT min(created_date), min(created_by_id), min(_run_id) FROM salesforce.order_events"
    )
    assert abs((created - before).total_seconds()) < 60
    assert created_by.startswith("005")
    assert run_id == harbour.instance.get_runs()[0].run_id
    assert (told["salesforce/events"], told["tidegate/events_appended"]) == (2, 2)
    assert (told["dagster/row_count"], told["dagster/table_name"]) == (2, "salesforce.order_events")
    assert told["salesforce/breaks"] == told["tidegate/dead_events"] == 0
    assert "salesforce/events_lost_for_good" not in told


def test_columns_and_their_lineage_are_shown(publisher: Publisher, follower: EventFollower):
    publisher.publish("8")

    told = follower.follow()

    columns = {column.name: column for column in told["dagster/column_schema"].columns}
    [dep] = told["dagster/column_lineage"].deps_by_column["order_id_c"]
    assert columns["created_date"].type == "timestamp[ms, tz=UTC]"
    assert columns["event_uuid"].constraints.unique
    assert (dep.asset_key.path, dep.column_name) == (
        ["org", "salesforce", "Order_Event__e"],
        "Order_Id__c",
    )


def test_what_was_appended_is_not_appended_again(publisher: Publisher, follower: EventFollower):
    publisher.publish("8")
    follower.follow()

    told = follower.follow()

    assert told["salesforce/events"] == 0
    assert follower.rows("order_id_c") == [("8",)]


def test_an_event_that_is_delivered_twice_is_one_row(
    harbour: Harbour, publisher: Publisher, follower: EventFollower
):
    harbour.org.faults.add({"event": "duplicate"}, method="Subscribe")
    publisher.publish("8")

    told = follower.follow()

    assert follower.rows("order_id_c") == [("8",)]
    assert (told["tidegate/events_appended"], told["tidegate/events_repeated"]) == (1, 1)


def test_a_dropped_stream_loses_nothing(
    harbour: Harbour, publisher: Publisher, follower: EventFollower
):
    harbour.org.faults.add({"event": "drop"}, times=2, method="Subscribe")
    for number in range(5):
        publisher.publish(str(number))

    report = follower.drain(Until(events=5, seconds=60))
    follower.apply()

    assert report.reopened == 2
    assert [order for (order,) in follower.rows("order_id_c")] == ["0", "1", "2", "3", "4"]


def test_a_refused_position_says_what_time_may_be_lost_and_repeats_nothing(
    harbour: Harbour, publisher: Publisher, follower: EventFollower
):
    publisher.publish("8")
    follower.follow()
    publisher.publish("9")
    harbour.org.faults.add({"event": "expire_replay"}, method="Subscribe")

    told = follower.follow()

    assert follower.rows("order_id_c") == [("8",), ("9",)]
    assert (told["salesforce/breaks"], told["tidegate/events_repeated"]) == (1, 1)
    [lost] = told["salesforce/events_lost_for_good"]
    assert lost.startswith("published after 20")
    assert " UTC and before 20" in lost
    assert "subscription.fetch.replayid.corrupted" in lost


def test_names_are_those_of_the_api_where_the_table_says_so(harbour: Harbour, publisher: Publisher):
    follower = EventFollower(harbour, table=EventTable("order_events", naming="api"))
    publisher.publish("8")

    follower.follow()

    assert follower.rows('"Order_Id__c"', "event_uuid IS NULL") == [("8", False)]


def test_the_position_waits_for_an_event_that_cannot_be_read_and_what_came_before_is_there(
    harbour: Harbour, publisher: Publisher, follower: EventFollower
):
    publisher.publish("8")
    follower.drain()
    follower.land({"replay_id": b"\x7f", "event_id": "bad", "payload": b"\xff" * 9})

    failed = follower.apply(raise_on_error=False)

    [event] = [e for e in failed.all_events if e.is_step_failure]
    description = event.step_failure_data.user_failure_data.description
    assert "waits for 1 event(s) that can't be read (try 1 of 5)" in description
    assert follower.rows("order_id_c") == [("8",)]
    assert harbour.query("SELECT replay_id FROM _tidegate.positions") != [(b"\x7f",)]


def test_the_last_try_sets_it_aside_with_its_bytes_and_what_follows_is_appended(
    harbour: Harbour, publisher: Publisher
):
    follower = EventFollower(harbour, dead_after_tries=2)
    publisher.publish("8")
    follower.drain()
    payload = follower.channel.read(follower.channel.last_segment()).to_pylist()[0]["payload"]
    follower.land(
        {"replay_id": b"\x7e", "event_id": "bad", "payload": b"\xff" * 9},
        {"replay_id": b"\x7f", "event_id": "good", "payload": payload},
    )
    follower.apply(raise_on_error=False)

    told = metadata(follower.apply(), follower.spec.key)

    assert [uuid for (uuid,) in follower.rows("event_uuid")][1:] == ["good"]
    assert told["tidegate/dead_events"] == 1
    assert harbour.query("SELECT event_id, payload FROM _tidegate.dead_events") == [
        ("bad", b"\xff" * 9)
    ]


def test_a_field_that_became_a_number_fits_its_column_of_texts(
    harbour: Harbour, publisher: Publisher, follower: EventFollower
):
    publisher.publish("8")
    follower.follow()
    inbox = Inbox(harbour.resources["landing"].open(), harbour.org.org_id)
    kept = follower.channel.read(follower.channel.last_segment()).to_pylist()[0]
    schema = json.loads(inbox.schema(kept["schema_id"]))
    by_name = {field["name"]: field for field in schema["fields"]}
    by_name["Order_Id__c"].update(type="double")
    by_name["Order_Id__c"].pop("default", None)
    record = fastavro.schemaless_reader(
        BytesIO(kept["payload"]), json.loads(inbox.schema(kept["schema_id"])), None
    )
    payload = BytesIO()
    fastavro.schemaless_writer(payload, schema, {**record, "Order_Id__c": 9.5})
    inbox.keep_schema("changed", json.dumps(schema))
    follower.land(
        {
            "replay_id": b"\x7f",
            "event_id": "number",
            "schema_id": "changed",
            "payload": payload.getvalue(),
        }
    )

    follower.apply()

    assert follower.rows("order_id_c") == [("8",), ("9.5",)]


def test_a_warehouse_restored_from_a_backup_gets_what_it_lacks(
    harbour: Harbour, publisher: Publisher, follower: EventFollower
):
    publisher.publish("8")
    follower.follow()
    file = harbour.folder / "warehouse.duckdb"
    backup = file.read_bytes()
    publisher.publish("9")
    follower.follow()
    file.write_bytes(backup)
    publisher.publish("10")

    told = follower.follow()

    assert follower.rows("order_id_c") == [("8",), ("9",), ("10",)]
    assert told["salesforce/breaks"] == 1


def test_a_break_before_any_event_says_so(
    harbour: Harbour, publisher: Publisher, follower: EventFollower
):
    with follower.channel.try_write() as writer:
        writer.mark_break("nobody looked")
    publisher.publish("8")

    told = follower.follow()

    [lost] = told["salesforce/events_lost_for_good"]
    created = told["salesforce/last_event"][:19].replace("T", " ")
    assert lost == f"published before the first and before {created} UTC (nobody looked)"
    assert datetime.fromisoformat(told["salesforce/last_event"]).tzinfo == UTC


def test_a_burst_that_is_published_by_the_pubsub_api_is_appended_once(
    harbour: Harbour, follower: EventFollower
):
    rows = pa.table(
        {
            "Order_Id__c": [str(number) for number in range(2_500)],
            "Action__c": ["CREATED", "PAID"] * 1_250,
        }
    )
    org = harbour.resources["org_salesforce"]
    with org.connect() as client, org.events(client) as pubsub:
        results = pubsub.publish("Order_Event__e", rows)

    follower.drain(Until(events=rows.num_rows, seconds=60))
    told = metadata(follower.apply(), follower.spec.key)
    again = follower.follow()

    uuids = sorted(results.column("event_id").to_pylist())
    assert sorted(uuid for (uuid,) in follower.rows("event_uuid")) == uuids
    assert (told["tidegate/events_appended"], again["salesforce/events"]) == (2_500, 0)
    # Nothing is asked about events: logging in is no API call.
    assert told["salesforce/api_calls"] == 0
