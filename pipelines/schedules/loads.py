"""The schedule of a load: sends what has changed, unless a run of it is on its way."""

from collections.abc import Iterator

import dagster as dg

from assets.load_spec import LoadSpec
from pipelines.dead_runs import end_dead_runs
from pipelines.run_tags import ALL_ASSETS_JOB, LOAD, UNFINISHED
from pipelines.schedules.org_budget import reason_to_wait
from resources.salesforce.resource import SalesforceResource


def load_schedule(spec: LoadSpec, cron: str, timezone: str) -> dg.ScheduleDefinition:
    """Asks for both stages of the load."""

    @dg.schedule(
        name=f"{spec.name}_load_schedule",
        cron_schedule=cron,
        execution_timezone=timezone,
        job_name=ALL_ASSETS_JOB,
        required_resource_keys={spec.org_resource},
        description=f"Sends what changed to {spec.object} of {spec.org}.",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def scheduled_load(
        context: dg.ScheduleEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        end_dead_runs(context.instance)
        org: SalesforceResource = getattr(context.resources, spec.org_resource)
        reason = reason_to_wait(context, spec.org, org)
        if reason is None and in_flight(context.instance, spec):
            reason = f"A run of {spec.name} is on its way."
        if reason:
            yield dg.SkipReason(reason)
            return
        yield dg.RunRequest(
            run_key=f"{spec.name}:{context.scheduled_execution_time.isoformat()}",
            asset_selection=[spec.outbound_key, spec.load_key],
            tags={LOAD: spec.name},
        )

    return scheduled_load


def in_flight(instance: dg.DagsterInstance, spec: LoadSpec) -> bool:
    """Whether a run of this load waits or works."""
    wanted = dg.RunsFilter(tags={LOAD: spec.name}, statuses=UNFINISHED)
    return bool(instance.get_runs(wanted, limit=1))
