"""The sensor that follows changes, evaluated for real against a real org."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from assets.changes import changes_asset
from assets.changes_spec import ChangesSpec
from assets.specs import ObjectSpec
from pipelines.run_tags import UNFINISHED
from pipelines.sensors.events import Follows, events_sensor
from pipelines.sensors.retry_plan import EndedRun, not_before
from pipelines.sensors.run_requests import followed_tags
from pipelines.sensors.tick_drain import TICK_EVENTS, TICK_S, share
from resources.landing.inbox import Inbox
from tests.assets.conftest import SYNC, Harbour, metadata

ACCOUNT = ChangesSpec(SYNC, ObjectSpec("Account", ("Name",)))
CONTACT = ChangesSpec(SYNC, ObjectSpec("Contact", ("LastName",)))
SPECS = [ACCOUNT, CONTACT]


@pytest.fixture
def followed(harbour: Harbour) -> Harbour:
    harbour.org.control("PUT", "cdc", {"objects": ["Account", "Contact"]})
    return harbour


def tick(harbour: Harbour, *specs: ChangesSpec):
    """The run requests of one tick, or why there are none; and its cursor."""
    sensor = events_sensor("crm", Follows(specs or SPECS), 15)
    with dg.build_sensor_context(
        instance=harbour.instance,
        repository_def=definitions(harbour, *specs).get_repository_def(),
        resources={k: v for k, v in harbour.resources.items() if k != "mask_key"},
    ) as context:
        data = sensor.evaluate_tick(context)
    assert data.cursor is None
    return data.run_requests, data.skip_message


def definitions(harbour: Harbour, *more: ChangesSpec) -> dg.Definitions:
    specs = {spec.key: spec for spec in (*SPECS, *more)}
    assets = [changes_asset(spec) for spec in specs.values()]
    return dg.Definitions(assets=assets, resources=harbour.resources)


def job(harbour: Harbour) -> dg.JobDefinition:
    return definitions(harbour).resolve_implicit_global_asset_job_def()


def launch(harbour: Harbour, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    return job(harbour).execute_in_process(
        instance=harbour.instance,
        asset_selection=request.asset_selection,
        tags=request.tags,
        raise_on_error=False,
    )


def test_a_tick_asks_for_one_run_of_each_object_that_changed(followed: Harbour):
    [record_id] = followed.org.create("Account", {"Name": "Acme"})
    followed.org.change("Account", update=[{"Id": record_id, "Name": "Acme AG"}])

    [request], _ = tick(followed)
    launch(followed, request)
    rest = tick(followed)

    assert request.asset_selection == [ACCOUNT.key]
    assert followed.rows("account", "name") == [("Acme AG",)]
    assert rest == ([], "Nothing new in 2 channels")


def test_a_tick_that_was_broken_off_asks_for_the_same_run(followed: Harbour):
    followed.org.create("Account", {"Name": "Acme"})

    [first], _ = tick(followed)
    [second], _ = tick(followed)

    assert first.run_key == second.run_key


def test_no_run_is_asked_for_while_one_waits_and_one_run_applies_all_that_came(followed: Harbour):
    followed.org.create("Account", {"Name": "Acme"})
    [request], _ = tick(followed)
    waiting = followed.instance.create_run_for_job(
        job(followed),
        asset_selection=frozenset([ACCOUNT.key]),
        tags=dict(request.tags),
        status=dg.DagsterRunStatus.STARTED,
    )
    followed.org.create("Account", {"Name": "Bolt"})

    requests, reason = tick(followed)
    landed = launch(followed, request)

    assert (requests, waiting.status in UNFINISHED) == ([], True)
    assert reason == "Account waits: a run is on its way"
    assert metadata(landed, ACCOUNT.key)["salesforce/events"] == 2


def test_a_channel_in_error_says_what_to_do_and_holds_up_no_other(followed: Harbour):
    followed.org.control("PUT", "cdc", {"objects": ["Contact"]})
    quiet, reason = tick(followed)
    followed.org.create("Contact", {"LastName": "Meyer"})

    [request], _ = tick(followed)

    assert quiet == []
    assert reason.startswith("Subscribe of /data/AccountChangeEvent was refused")
    assert "Select the object in Setup under Change Data Capture" in reason
    assert request.asset_selection == [CONTACT.key]


def test_a_channel_that_a_listener_drains_is_left_to_it(followed: Harbour):
    inbox = Inbox(followed.resources["landing"].open(), followed.org.org_id)
    followed.org.create("Account", {"Name": "Acme"})

    with inbox.channel(ACCOUNT.channel).try_write():
        requests, reason = tick(followed, ACCOUNT)
    [request], _ = tick(followed, ACCOUNT)

    assert requests == []
    assert reason == f"{ACCOUNT.channel} is drained by another process"
    assert request.asset_selection == [ACCOUNT.key]


def test_a_run_that_failed_is_asked_for_again_after_a_while(followed: Harbour):
    followed.org.create("Account", {"Name": "Acme"})
    [request], _ = tick(followed, ACCOUNT)
    followed.org.faults.answer(500, "", times=99, path="*/sobjects/Account/describe")
    failed = launch(followed, request)
    followed.org.faults.clear()

    requests, reason = tick(followed, ACCOUNT)

    assert (failed.success, requests) == (False, [])
    assert reason.startswith("Account waits: its last run failed and says why; the next one begins")
    runs = followed.instance.get_runs(dg.RunsFilter(tags=followed_tags(ACCOUNT)))
    assert [run.status for run in runs] == [dg.DagsterRunStatus.FAILURE]


def test_an_org_that_refuses_the_login_skips_the_tick_with_the_reason(followed: Harbour):
    followed.org.faults.answer(400, {"error": "invalid_client"}, times=9, path="*/token")

    requests, reason = tick(followed)

    assert requests == []
    assert reason.startswith("salesforce: ")


def test_an_inbox_that_was_deleted_goes_on_where_the_warehouse_is(followed: Harbour):
    followed.org.create("Account", {"Name": "Acme"})
    [request], _ = tick(followed, ACCOUNT)
    launch(followed, request)
    store = followed.resources["landing"].open()
    store.delete_tree("inbox")
    followed.org.create("Account", {"Name": "Bolt"})

    [request], _ = tick(followed, ACCOUNT)
    told = metadata(launch(followed, request), ACCOUNT.key)

    assert told["salesforce/events"] == 1
    assert followed.rows("account", "name") == [("Acme",), ("Bolt",)]


NOW = datetime(2026, 9, 1, tzinfo=UTC)


def test_each_failure_doubles_the_wait_up_to_an_hour():
    failed, done = EndedRun(True, NOW), EndedRun(False, NOW)

    waits = [not_before([failed] * n + [done, failed]) for n in (0, 1, 2, 3, 12)]

    assert waits[0] is None
    assert [(at - NOW) / timedelta(seconds=1) for at in waits[1:]] == [30, 60, 120, 3600]


def test_a_tick_stays_within_its_bounds_however_many_channels_there_are():
    for channels in (1, 5, 8, 9, 40, 200):
        one = share(channels)
        rounds = -(-channels // 8)
        assert one.seconds * rounds <= TICK_S + 1e-9
        assert one.idle_s <= one.seconds
        assert one.events * channels <= TICK_EVENTS
