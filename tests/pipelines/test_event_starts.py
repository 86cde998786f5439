"""Platform events start jobs through the sensor, evaluated for real against a real org."""

from dataclasses import replace

import dagster as dg
import pytest

from assets.event_spec import EventSpec, EventTable, JobStart, with_table
from assets.event_table import event_table_asset
from pipelines.sensors.events import Follows, events_sensor
from tests.assets.conftest import Harbour
from tests.assets.platform_events import EventFollower, Publisher

CREATED = JobStart("erp", when="Action__c = 'CREATED'")
STARTS = EventSpec("salesforce", "Order_Event__e", start=CREATED)


@dg.op
def work() -> None:
    """What an event starts."""


@dg.op(config_schema={"needed": str})
def asks() -> None:
    """What can't be started without being told something."""


@dg.job
def erp() -> None:
    work()


@dg.job
def configured() -> None:
    asks()


JOBS = dg.Definitions(jobs=[erp, configured])


@pytest.fixture
def publisher(harbour: Harbour):
    return Publisher(harbour.org)


def tick(harbour: Harbour, spec: EventSpec = STARTS):
    """The run requests of one tick, and why there are none."""
    sensor = events_sensor("live", Follows(events=[spec]), 15)
    table = with_table(spec)
    assets = [event_table_asset(table)] if table else []
    tables = dg.Definitions(assets=assets, resources=harbour.resources)
    with dg.build_sensor_context(
        instance=harbour.instance,
        repository_def=dg.Definitions.merge(JOBS, tables).get_repository_def(),
        resources={k: v for k, v in harbour.resources.items() if k != "mask_key"},
    ) as context:
        data = sensor.evaluate_tick(context)
    assert data.cursor is None
    return data.run_requests, data.skip_message


def starting(**changes) -> EventSpec:
    return replace(STARTS, start=replace(CREATED, **changes))


def runs(harbour: Harbour, job: str = "erp") -> list[dg.DagsterRun]:
    return harbour.instance.get_runs(dg.RunsFilter(job_name=job))


def end(harbour: Harbour, run: dg.DagsterRun) -> None:
    harbour.instance.report_run_failed(run, "ended by the test")


def test_each_event_that_matches_starts_one_run_that_says_what_it_says(
    harbour: Harbour, publisher: Publisher
):
    uuid = publisher.publish("8", "CREATED", "{}")
    publisher.publish("9", "PAID")

    requests, reason = tick(harbour)

    [run] = runs(harbour)
    assert (requests, reason) == ([], "Order_Event__e: started 1 run(s) of erp")
    assert run.status == dg.DagsterRunStatus.QUEUED
    assert run.tags["tidegate/event"] == "salesforce/Order_Event__e"
    assert run.tags["tidegate/event_uuid"] == run.tags["dagster/run_key"] == uuid
    assert run.tags["tidegate.event/Order_Id__c"] == "8"
    assert run.tags["tidegate.event/Payload__c"] == "{}"
    assert run.tags["tidegate.event/CreatedDate"].startswith("20")
    assert run.tags["dagster/sensor_name"] == "live_sensor"


def test_what_was_started_is_not_started_again(harbour: Harbour, publisher: Publisher):
    publisher.publish("8")
    tick(harbour)

    assert tick(harbour) == ([], "Nothing new in 1 channels")
    assert len(runs(harbour)) == 1


def test_an_event_that_is_delivered_again_starts_nothing(harbour: Harbour, publisher: Publisher):
    harbour.org.faults.add({"event": "duplicate"}, method="Subscribe")
    publisher.publish("8")
    tick(harbour)
    harbour.org.faults.add({"event": "expire_replay"}, method="Subscribe")

    _, reason = tick(harbour)

    assert "events may be lost for good, and start no erp" in reason
    assert len(runs(harbour)) == 1


def test_a_landing_store_that_was_deleted_starts_nothing_twice(
    harbour: Harbour, publisher: Publisher
):
    publisher.publish("8")
    tick(harbour)
    harbour.resources["landing"].open().delete_tree("inbox")
    publisher.publish("9")

    tick(harbour)

    assert sorted(run.tags["tidegate.event/Order_Id__c"] for run in runs(harbour)) == ["8", "9"]


@pytest.mark.slow
def test_more_events_than_runs_may_wait_start_runs_as_others_end(
    harbour: Harbour, publisher: Publisher
):
    spec = starting(at_once=2)
    for number in range(5):
        publisher.publish(str(number))

    _, first = tick(harbour, spec)
    _, second = tick(harbour, spec)
    counts = [len(runs(harbour))]
    for _ in range(2):
        for run in runs(harbour):
            if not run.is_finished:
                end(harbour, run)
        tick(harbour, spec)
        counts.append(len(runs(harbour)))

    waits = "Order_Event__e: 3 event(s) or more wait: 2 of its runs wait or work"
    assert first == f"Order_Event__e: started 2 run(s) of erp. {waits}"
    assert second == waits
    assert counts == [2, 4, 5]
    assert {run.tags["tidegate.event/Order_Id__c"] for run in runs(harbour)} == set("01234")


def test_runs_whose_history_was_deleted_are_not_made_again(harbour: Harbour, publisher: Publisher):
    spec = starting(at_once=1)
    publisher.publish("8")
    publisher.publish("9")
    tick(harbour, spec)
    [run] = runs(harbour)
    harbour.instance.delete_run(run.run_id)

    tick(harbour, spec)

    [other] = runs(harbour)
    assert other.tags["tidegate.event/Order_Id__c"] == "9"


def test_a_field_that_the_event_lacks_is_named_and_nothing_advances(
    harbour: Harbour, publisher: Publisher
):
    publisher.publish("8")

    _, reason = tick(harbour, starting(when="Actoin__c = 'CREATED'"))
    tick(harbour)

    assert reason == (
        "Order_Event__e starts nothing: The condition `Actoin__c = 'CREATED'` can't be used: "
        "Order_Event__e has no field Actoin__c; did you mean Action__c. Correct it."
    )
    assert len(runs(harbour)) == 1


def test_a_condition_that_values_dont_fit_is_named_and_nothing_advances(
    harbour: Harbour, publisher: Publisher
):
    publisher.publish("8")

    _, reason = tick(harbour, starting(when="CAST(Action__c AS INTEGER) > 5"))
    tick(harbour)

    assert "a value isn't what it must be (ConversionException)" in reason
    assert len(runs(harbour)) == 1


def test_a_job_that_needs_a_configuration_is_named_and_nothing_advances(
    harbour: Harbour, publisher: Publisher
):
    publisher.publish("8")

    _, reason = tick(harbour, starting(job="configured"))
    tick(harbour)

    assert "Order_Event__e starts nothing: No run of configured can be made" in reason
    assert (len(runs(harbour, "configured")), len(runs(harbour))) == (0, 1)


def test_long_values_are_cut_and_named(harbour: Harbour, publisher: Publisher):
    publisher.publish("8", payload="x" * 5_000)

    tick(harbour)

    [run] = runs(harbour)
    assert run.tags["tidegate.event/Payload__c"] == "x" * 255 + "…"
    assert run.tags["tidegate/event_cut"] == "Payload__c"


def test_an_event_may_have_a_table_too(harbour: Harbour, publisher: Publisher):
    spec = replace(STARTS, table=EventTable("order_events"))
    publisher.publish("8")

    [request], _ = tick(harbour, spec)
    follower = EventFollower(harbour, spec)
    follower.apply()

    assert request.asset_selection == [follower.spec.key]
    assert follower.rows("order_id_c") == [("8",)]
    assert len(runs(harbour)) == 1


def test_a_channel_that_a_listener_drains_is_left_to_it(harbour: Harbour, publisher: Publisher):
    publisher.publish("8")
    follower = EventFollower(harbour, replace(STARTS, table=EventTable("order_events")))
    follower.drain()

    with follower.channel.try_write():
        _, reason = tick(harbour)

    assert reason == "/event/Order_Event__e is drained by another process"
    assert runs(harbour) == []


def test_an_event_that_cannot_be_read_is_set_aside_after_its_last_try(
    harbour: Harbour, publisher: Publisher
):
    spec = replace(STARTS, dead_after_tries=1)
    publisher.publish("8")
    tick(harbour, spec)
    follower = EventFollower(harbour, replace(spec, table=EventTable("order_events")))
    payload = follower.channel.read(follower.channel.last_segment()).to_pylist()[0]["payload"]
    follower.land(
        {"replay_id": b"\x7e", "event_id": "bad", "payload": b"\xff" * 9},
        {"replay_id": b"\x7f", "event_id": "good", "payload": payload},
    )

    tick(harbour, spec)

    assert {run.tags["tidegate/event_uuid"] for run in runs(harbour)} >= {"good"}
    assert harbour.query("SELECT event_id, run_id FROM _tidegate.dead_events") == [
        ("bad", "live_sensor")
    ]


def test_an_event_that_cannot_be_read_holds_its_channel_up_for_a_while(
    harbour: Harbour, publisher: Publisher
):
    publisher.publish("8")
    follower = EventFollower(harbour, replace(STARTS, table=EventTable("order_events")))
    follower.drain()
    follower.land({"replay_id": b"\x7e", "event_id": "bad", "payload": b"\xff" * 9})

    _, first = tick(harbour)
    _, second = tick(harbour)

    assert "waits for 1 event(s) that can't be read (try 1 of 5)" in first
    assert "Order_Event__e: an event can't be read, next try at" in second
    assert len(runs(harbour)) == 1


def test_events_of_before_the_org_forgets_start_nothing(harbour: Harbour, publisher: Publisher):
    publisher.publish("8")
    follower = EventFollower(harbour, replace(STARTS, table=EventTable("order_events")))
    follower.drain()
    harbour.org.advance(73 * 3600)
    publisher.publish("9")

    tick(harbour)

    [run] = runs(harbour)
    assert run.tags["tidegate.event/Order_Id__c"] == "9"
