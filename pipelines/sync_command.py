"""`python -m pipelines sync`: the windows that were asked for, or those that are missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import dagster as dg
from rich.console import Console

from assets.partitions import partitions_definition
from assets.specs import ObjectSpec
from pipelines.dead_runs import leased_run
from pipelines.progress import progress_for
from pipelines.project import Project, Sync, UsageError
from pipelines.run_messages import messages_of
from pipelines.runs import Order, RunOutcome, create_run, work_on
from pipelines.schedules.schedule_plan import RangeRun
from pipelines.schedules.window_status import window_keys, window_statuses
from pipelines.sync_plan import NoSuchWindowError, WindowKey, dated_runs, missing_runs


def orders(
    instance: dg.DagsterInstance,
    project: Project,
    syncs: Sequence[Sync],
    *,
    first: date | None = None,
    last: date | None = None,
    full: bool = False,
) -> list[Order]:
    """The runs that a command makes, in order.

    Raises:
        UsageError: There is no such window.
        SalesforceError: The org can't be asked for its time.
    """
    found: list[Order] = []
    for sync in syncs:
        by_name = {spec.name: spec for spec in sync.objects}
        for run in _range_runs(instance, project, sync, first, last, full):
            found.append(Order(sync, tuple(by_name[name] for name in run.objects), run.range))
        whole = tuple(spec for spec in sync.objects if spec.partitions is None)
        if whole:
            found.append(Order(sync, whole, None))
    return found


def run_orders(
    instance: dg.DagsterInstance, project: Project, found: Sequence[Order], console: Console
) -> list[RunOutcome]:
    """Each order as a run of Dagster, one after the other."""
    outcomes = []
    for order in found:
        with leased_run(instance) as run_id, progress_for(order, console) as progress:
            run = create_run(instance, project, order, run_id)
            with messages_of(instance, run_id, progress.say):
                outcomes.append(work_on(instance, project, order, run, progress.see))
    return outcomes


def _range_runs(
    instance: dg.DagsterInstance,
    project: Project,
    sync: Sync,
    first: date | None,
    last: date | None,
    full: bool,
) -> list[RangeRun]:
    windowed = [spec for spec in sync.objects if spec.partitions]
    if not windowed:
        return []
    if first or last or full:
        try:
            return dated_runs({_group(spec): _windows(spec) for spec in windowed}, first, last)
        except NoSuchWindowError as error:
            raise UsageError(str(error)) from None
    now = org_now(project, sync)
    return missing_runs(
        {
            _group(spec): window_statuses(instance, sync.spec, spec, window_keys(spec, now))
            for spec in windowed
        }
    )


def org_now(project: Project, sync: Sync) -> datetime:
    """The org's time or ours, whichever is earlier: a window must be over on both clocks."""
    with project.connect(sync.spec.org) as client:
        client.read_limits()
        return min(client.org_now(), datetime.now(UTC))


def _group(spec: ObjectSpec) -> tuple[str, str]:
    assert spec.partitions is not None
    return spec.partitions.every, spec.name


def _windows(spec: ObjectSpec) -> list[WindowKey]:
    """All windows that are over by our clock."""
    assert spec.partitions is not None
    definition = partitions_definition(spec.partitions)
    windows = []
    for key in definition.get_partition_keys():
        window = definition.time_window_for_partition_key(key)
        windows.append(WindowKey(key, window.start, window.end))
    return windows
