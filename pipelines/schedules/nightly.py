"""The schedule of a sync: each night it asks for what is missing, so that it heals itself."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from assets.keys import object_keys
from assets.specs import ObjectSpec, SyncSpec
from pipelines.dead_runs import end_dead_runs
from pipelines.run_tags import ALL_ASSETS_JOB, SYNC, not_before_of, range_tags, runs_of
from pipelines.schedules.schedule_plan import (
    WINDOWS_BACK,
    RangeRun,
    WindowStatus,
    deferred_until,
    plan_runs,
    run_key,
)
from pipelines.schedules.window_status import window_keys, window_statuses
from resources.salesforce.errors import DeferredError, SalesforceError
from resources.salesforce.resource import SalesforceResource

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


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
        reason = _deferred(context, sync, org)
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
    return bool(instance.get_runs(dg.RunsFilter(tags=tags, statuses=_UNFINISHED), limit=1))


def _deferred(
    context: dg.ScheduleEvaluationContext, sync: SyncSpec, org: SalesforceResource
) -> str | None:
    """Why nothing may be asked of the org now, with numbers; None if it may."""
    now = datetime.now(UTC)
    waits = [datetime.fromisoformat(text) for text in not_before_of(context.instance, sync.org)]
    until = deferred_until(waits, now)
    if until:
        return f"{sync.org} is over its API budget; deferred until {until:%Y-%m-%d %H:%M} UTC."
    try:
        with org.connect() as client:
            client.read_limits()
            limits = client.limits
    except DeferredError as error:
        return str(error)
    except SalesforceError as error:
        # Runs say it better than a schedule can: they have logs, retries and failure hooks.
        context.log.warning(f"Couldn't ask {sync.org} for its limits: {error}")
        return None
    if limits.left is not None and limits.left <= limits.reserve:
        return (
            f"{sync.org} has {limits.left:,} of {limits.allowed:,} API requests left and "
            f"{limits.reserve:,} are reserved for others."
        )
    return None
