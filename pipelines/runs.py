"""Creates a run in Dagster's instance and works on it in this process.

The run is the same as one that the UI starts: it has its code location, so that it can be run
again from there. Only who works on it differs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
from dagster._core.execution.api import execute_run_iterator

from assets.failures import STATUS
from assets.keys import object_keys, step_name
from assets.specs import ObjectSpec
from assets.stage_metadata import RUN_NUMBERS
from pipelines.executor import DEFAULT_STEPS_AT_ONCE, RETRIES, STEPS_AT_ONCE
from pipelines.project import Project, Sync
from pipelines.run_tags import SYNC, range_tags
from pipelines.schedules.schedule_plan import KeyRange

OnEvent = Callable[[dg.DagsterEvent], None]


@dataclass(frozen=True)
class Order:
    """A run to be made: some objects of a sync, one range of windows or everything."""

    sync: Sync
    objects: tuple[ObjectSpec, ...]
    range: KeyRange | None

    @property
    def keys(self) -> list[dg.AssetKey]:
        """All stages of all its objects."""
        return [key for spec in self.objects for key in object_keys(self.sync.spec, spec).stages]

    @property
    def tags(self) -> dict[str, str]:
        """What makes it find its windows, and us find it."""
        if self.range is None:
            return {SYNC: self.sync.spec.name}
        return range_tags(self.sync.spec.name, self.range)


@dataclass
class ObjectOutcome:
    """What one object's step did."""

    object: str
    status: str = "not run"
    seconds: float = 0.0
    error: str | None = None
    numbers: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RunOutcome:
    """What one run did."""

    run_id: str
    range: str | None
    objects: tuple[ObjectOutcome, ...]

    @property
    def statuses(self) -> set[str]:
        return {one.status for one in self.objects}


def create_run(
    instance: dg.DagsterInstance, project: Project, order: Order, run_id: str
) -> dg.DagsterRun:
    """A run that Dagster knows and nobody works on yet."""
    config = run_config(len(order.objects))
    return create_asset_run(instance, project, order.keys, config, order.tags, run_id)


def create_asset_run(
    instance: dg.DagsterInstance,
    project: Project,
    keys: Sequence[dg.AssetKey],
    config: Mapping[str, object],
    tags: Mapping[str, str],
    run_id: str,
    definition: dg.JobDefinition | None = None,
) -> dg.DagsterRun:
    """A run of some assets, which the UI can repeat.

    ``definition`` is the job of these assets, where the caller has kept it.
    """
    job = project.job(keys)
    return instance.create_run_for_job(
        job_def=definition or job.get_definition(),
        run_id=run_id,
        run_config=config,
        tags=tags,
        asset_selection=frozenset(keys),
        remote_job_origin=project.job_origin(),
        job_code_origin=job.get_python_origin(),
    )


def run_config(steps: int, *, retries: bool = True) -> dict[str, object]:
    """One step runs right here, several in processes of their own; logs go to the instance.

    Without ``retries`` a step that asks to be tried again has failed.
    """
    execution = {STEPS_AT_ONCE: min(steps, DEFAULT_STEPS_AT_ONCE), RETRIES: retries}
    return {
        "execution": {"config": execution},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }


def work_on(
    instance: dg.DagsterInstance,
    project: Project,
    order: Order,
    run: dg.DagsterRun,
    on_event: OnEvent,
) -> RunOutcome:
    """Execute a run to its end; failures are in the outcome, not raised."""
    follower = _Follower(order)
    for event in execute_run_iterator(project.job(order.keys), run, instance):
        follower.see(event)
        on_event(event)
    return RunOutcome(run.run_id, str(order.range) if order.range else None, follower.outcomes())


class _Follower:
    """Puts the events of a run together to an outcome per object."""

    def __init__(self, order: Order) -> None:
        self._object_of_step = {
            step_name(order.sync.spec, spec): spec.name for spec in order.objects
        }
        self._tables = {object_keys(order.sync.spec, spec).table for spec in order.objects}
        self._outcomes = {spec.name: ObjectOutcome(spec.name) for spec in order.objects}
        self._begun: dict[str, float] = {}

    def see(self, event: dg.DagsterEvent) -> None:
        if event.event_type == dg.DagsterEventType.RUN_FAILURE:
            self._fail_the_rest(event)
        outcome = self._outcomes.get(self._object_of_step.get(event.step_key or "", ""))
        if outcome is None:
            return
        if event.event_type == dg.DagsterEventType.STEP_START:
            self._begun.setdefault(outcome.object, time.monotonic())
        elif event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            self._take_numbers(outcome, event)
        elif event.event_type == dg.DagsterEventType.STEP_SUCCESS:
            self._end(outcome, "done")
        elif event.event_type == dg.DagsterEventType.STEP_FAILURE:
            status, outcome.error = failure_of(event)
            self._end(outcome, status)

    def outcomes(self) -> tuple[ObjectOutcome, ...]:
        return tuple(self._outcomes.values())

    def _take_numbers(self, outcome: ObjectOutcome, event: dg.DagsterEvent) -> None:
        materialization = event.step_materialization_data.materialization
        if materialization.asset_key not in self._tables:
            return
        run_numbers = materialization.metadata.get(RUN_NUMBERS)
        if isinstance(run_numbers, dg.JsonMetadataValue) and isinstance(run_numbers.value, dict):
            outcome.numbers = {name: int(value) for name, value in run_numbers.value.items()}

    def _end(self, outcome: ObjectOutcome, status: str) -> None:
        outcome.status = status
        outcome.seconds = time.monotonic() - self._begun.get(outcome.object, time.monotonic())

    def _fail_the_rest(self, event: dg.DagsterEvent) -> None:
        error = event.job_failure_data.error
        for outcome in self._outcomes.values():
            if outcome.status == "not run":
                outcome.status = "failed"
                outcome.error = error.message.strip() if error else event.message


def failure_of(event: dg.DagsterEvent) -> tuple[str, str]:
    """Whether a step is deferred or failed, and its text for people."""
    data = event.step_failure_data
    ours = data.user_failure_data
    if ours is not None:
        status = ours.metadata.get(STATUS)
        deferred = status is not None and status.value == "deferred"
        return ("deferred" if deferred else "failed"), ours.description or ""
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause  # Dagster's own error says only which step it was
    return "failed", error.message.strip() if error else (event.message or "")
