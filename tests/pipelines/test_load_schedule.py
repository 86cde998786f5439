"""The schedule of a load, with a real instance and a real org."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.outbound import outbound_asset
from pipelines.run_tags import LOAD
from pipelines.schedules.loads import load_schedule
from tests.assets.conftest import Harbour
from tests.assets.loads import load_spec

SPEC = load_spec()


def tick(harbour: Harbour):
    """The run requests of one tick, or the reason why there's none."""
    # Closed at once: Dagster keeps the instance of an open context as that of the whole process.
    with dg.build_schedule_context(
        instance=harbour.instance,
        scheduled_execution_time=datetime.now(UTC),
        resources={"org_salesforce": harbour.resources["org_salesforce"]},
    ) as context:
        data = load_schedule(SPEC, "0 3 * * *", "UTC").evaluate_tick(context)
    return data.run_requests, data.skip_message


def run_in_state(harbour: Harbour, status: dg.DagsterRunStatus, tags: dict[str, str]) -> None:
    job = dg.Definitions(
        assets=[outbound_asset(SPEC)], resources=harbour.resources
    ).get_implicit_global_asset_job_def()
    harbour.instance.create_run_for_job(job_def=job, status=status, tags=tags)


def test_a_tick_asks_for_both_stages(harbour: Harbour):
    [request], _ = tick(harbour)

    assert set(request.asset_selection) == {SPEC.outbound_key, SPEC.load_key}
    assert request.tags[LOAD] == "orders"


def test_a_load_on_its_way_is_not_asked_for_again(harbour: Harbour):
    run_in_state(harbour, dg.DagsterRunStatus.STARTED, {LOAD: "orders"})

    requests, reason = tick(harbour)

    assert not requests
    assert reason == "A run of orders is on its way."


def test_another_load_on_its_way_is_no_reason_to_wait(harbour: Harbour):
    run_in_state(harbour, dg.DagsterRunStatus.STARTED, {LOAD: "another"})

    requests, _ = tick(harbour)

    assert len(requests) == 1


def test_a_deferred_run_of_the_org_holds_the_load_back(harbour: Harbour):
    until = datetime.now(UTC) + timedelta(hours=2)
    tags = {"tidegate/org": "salesforce", "tidegate/not_before": until.isoformat()}
    run_in_state(harbour, dg.DagsterRunStatus.FAILURE, tags)

    requests, reason = tick(harbour)

    assert not requests
    assert "over its API budget" in reason
