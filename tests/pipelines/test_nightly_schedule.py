"""The schedule that heals itself, with a real instance and a real org."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.keys import object_keys
from assets.specs import ObjectSpec
from pipelines.run_tags import SYNC as SYNC_TAG
from pipelines.schedules.nightly import nightly_schedule
from tests.assets.conftest import SYNC, Harbour, daily, days

ACCOUNT = ObjectSpec("Account", ("Name",), partitions=daily())
CONTACT = ObjectSpec("Contact", ("LastName",), partitions=daily())
PRODUCT = ObjectSpec("Product2", ("Name",))


def night(harbour: Harbour, *specs: ObjectSpec, at: datetime | None = None):
    """The run requests of one night, or the reason why there's none."""
    schedule = nightly_schedule(SYNC, specs, "0 2 * * *", "UTC")
    moment = at or datetime.now(UTC)
    # Closed at once: Dagster keeps the instance of an open context as that of the whole process.
    with dg.build_schedule_context(
        instance=harbour.instance,
        scheduled_execution_time=moment,
        resources={"org_salesforce": harbour.resources["org_salesforce"]},
    ) as context:
        data = schedule.evaluate_tick(context)
    return data.run_requests, data.skip_message


def ranges(requests: list[dg.RunRequest]) -> list[tuple[str, str]]:
    return [
        (
            request.tags["dagster/asset_partition_range_start"],
            request.tags["dagster/asset_partition_range_end"],
        )
        for request in requests
    ]


def done(harbour: Harbour, spec: ObjectSpec, *ago: int) -> None:
    for day in ago:
        harbour.instance.report_runless_asset_event(
            dg.AssetMaterialization(object_keys(SYNC, spec).table, partition=str(days(day)))
        )


def test_the_first_night_asks_for_everything_in_one_run(harbour: Harbour):
    [request], _ = night(harbour, ACCOUNT, CONTACT)

    assert ranges([request]) == [(str(days(5)), str(days(1)))]
    assert set(request.asset_selection) == {
        *object_keys(SYNC, ACCOUNT).stages,
        *object_keys(SYNC, CONTACT).stages,
    }


def test_a_night_asks_for_last_nights_window_and_for_a_hole(harbour: Harbour):
    done(harbour, ACCOUNT, 5, 4, 2)

    requests, _ = night(harbour, ACCOUNT)

    assert ranges(requests) == [(str(days(1)), str(days(1))), (str(days(3)), str(days(3)))]


def test_when_all_is_there_the_night_says_so(harbour: Harbour):
    done(harbour, ACCOUNT, 5, 4, 3, 2, 1)

    assert night(harbour, ACCOUNT) == ([], "Every window is there or on its way.")


def test_objects_without_windows_are_read_whole_every_night(harbour: Harbour):
    [request], _ = night(harbour, PRODUCT)

    assert set(request.asset_selection) == set(object_keys(SYNC, PRODUCT).stages)
    assert "dagster/asset_partition_range_start" not in request.tags


def test_a_window_that_may_still_get_commits_is_left_to_the_next_night(harbour: Harbour):
    done(harbour, ACCOUNT, 5, 4, 3, 2)
    midnight = datetime.combine(days(0), datetime.min.time(), UTC)

    early, _ = night(harbour, ACCOUNT, at=midnight + timedelta(minutes=10))
    later, _ = night(harbour, ACCOUNT, at=midnight + timedelta(minutes=15))

    assert early == []
    assert ranges(later) == [(str(days(1)), str(days(1)))]


def test_a_night_that_failed_is_healed_by_the_next_one(harbour: Harbour):
    done(harbour, ACCOUNT, 5, 4, 3, 2)
    [first], _ = night(harbour, ACCOUNT)
    broken = replace(ACCOUNT, where="Nonsense =")
    failed = harbour.run(broken, days(1), tags=dict(first.tags), raise_on_error=False)

    [second], _ = night(harbour, ACCOUNT)
    healed = harbour.run(ACCOUNT, days(1), tags=dict(second.tags))

    assert (failed.success, healed.success) == (False, True)
    assert first.run_key != second.run_key
    assert ranges([second]) == [(str(days(1)), str(days(1)))]
    assert night(harbour, ACCOUNT)[0] == []


def test_a_range_in_flight_is_not_asked_for_again(harbour: Harbour):
    done(harbour, ACCOUNT, 5, 4, 3, 2)
    [request], _ = night(harbour, ACCOUNT)
    key = object_keys(SYNC, ACCOUNT).table
    run = harbour.instance.create_run_for_job(
        dg.Definitions(
            assets=harbour_assets(), resources=harbour.resources
        ).resolve_implicit_global_asset_job_def(),
        asset_selection={key},
        tags=dict(request.tags),
        status=dg.DagsterRunStatus.STARTED,
    )

    requests, _ = night(harbour, ACCOUNT)

    assert run.tags[SYNC_TAG] == "crm"
    assert requests == []


def harbour_assets() -> list[dg.AssetsDefinition]:
    from assets.inbound import inbound_asset

    return [inbound_asset(SYNC, ACCOUNT)]


def test_over_budget_no_run_is_asked_for_and_numbers_say_why(harbour: Harbour):
    harbour.reserve = 14_000
    harbour.__post_init__()
    harbour.org.faults.add({"limits": {"DailyApiRequests": 100}}, times=100)

    requests, reason = night(harbour, ACCOUNT)

    assert requests == []
    assert "14,000" in reason
    assert "API requests left" in reason


def test_a_deferred_run_holds_the_next_nights_back_until_its_time(harbour: Harbour):
    harbour.reserve = 14_000
    harbour.__post_init__()
    harbour.org.faults.add({"limits": {"DailyApiRequests": 100}}, times=100)
    harbour.run(ACCOUNT, days(1), raise_on_error=False)
    harbour.org.faults.clear()

    requests, reason = night(harbour, ACCOUNT)

    assert requests == []
    assert "deferred until" in reason


def test_an_org_that_does_not_answer_leaves_it_to_the_runs(harbour: Harbour):
    harbour.org.faults.answer(401, [{"message": "no", "errorCode": "INVALID_SESSION_ID"}], times=99)

    requests, _ = night(harbour, ACCOUNT)

    assert len(requests) == 1
