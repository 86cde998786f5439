"""The schedule of a sync: each night it asks for what is missing, so that it heals itself."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import dagster as dg

from assets.keys import object_keys
from assets.specs import ObjectSpec, SyncSpec
from pipelines.dead_runs import end_dead_runs
from pipelines.run_tags import ALL_ASSETS_JOB, SYNC, UNFINISHED, range_tags, runs_of
from pipelines.schedules.org_budget import reason_to_wait
from pipelines.schedules.schedule_plan import (
    WINDOWS_BACK,
    RangeRun,
    WindowStatus,
    plan_runs,
    run_key,
)
from pipelines.schedules.window_status import window_keys, window_statuses
from resources.salesforce.resource import SalesforceResource


def nightly_schedule(
    sync: SyncSpec, specs: Sequence[ObjectSpec], cron: str, timezone: str
) -> dg.ScheduleDefinition:
    """Asks for the missing and failed windows of the last thirty, and for whole reads."""

    @dg.schedule(
        name=f"{sync.name}_schedule",
        cron_schedule=cron,
        execution_timezone=timezone,
        job_name=ALL_ASSETS_JOB,
        required_resource_keys={sync.org_resource},
        description=f"Runs what {sync.name} is missing: windows that failed or never ran, too.",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        end_dead_runs(context.instance)
        org: SalesforceResource = getattr(context.resources, sync.org_resource)
        reason = reason_to_wait(context, sync.org, org)
        if reason:
            yield dg.SkipReason(reason)
            return
        yield from requests(context.instance, sync, specs, context.scheduled_execution_time)

    return nightly


def requests(
    instance: dg.DagsterInstance, sync: SyncSpec, specs: Sequence[ObjectSpec], now: datetime
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """The runs that are due at ``now``."""
    by_name = {spec.name: spec for spec in specs}
    windows: dict[tuple[str, str], list[WindowStatus]] = {
        (spec.partitions.every, spec.name): window_statuses(
            instance, sync, spec, window_keys(spec, now, WINDOWS_BACK)
        )
        for spec in specs
        if spec.partitions
    }
    runs = plan_runs(windows)
    for run in runs:
        yield _range_request(instance, sync, [by_name[name] for name in run.objects], run)
    whole = [spec for spec in specs if spec.partitions is None]
    if whole and not _snapshot_in_flight(instance, sync):
        yield _snapshot_request(sync, whole, now)
    elif not runs:
        yield dg.SkipReason("Every window is there or on its way.")


def _range_request(
    instance: dg.DagsterInstance, sync: SyncSpec, specs: Sequence[ObjectSpec], run: RangeRun
) -> dg.RunRequest:
    tags = range_tags(sync.name, run.range)
    attempt = len(runs_of(instance, tags)) + 1
    return dg.RunRequest(
        run_key=run_key(sync.name, run, attempt),
        asset_selection=[key for spec in specs for key in object_keys(sync, spec).stages],
        tags=tags,
    )


def _snapshot_request(sync: SyncSpec, specs: Sequence[ObjectSpec], now: datetime) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{sync.name}:whole:{now.isoformat()}",
        asset_selection=[key for spec in specs for key in object_keys(sync, spec).stages],
        tags={SYNC: sync.name, "tidegate/whole": "true"},
    )


def _snapshot_in_flight(instance: dg.DagsterInstance, sync: SyncSpec) -> bool:
    tags = {SYNC: sync.name, "tidegate/whole": "true"}
    return bool(instance.get_runs(dg.RunsFilter(tags=tags, statuses=UNFINISHED), limit=1))
