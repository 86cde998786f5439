"""What the sensor of the demo's events has done since a moment, as Dagster's instance tells it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import dagster as dg
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    InstigatorType,
    TickStatus,
)
from dagster._core.storage.tags import SENSOR_NAME_TAG

from pipelines.run_tags import UNFINISHED
from pipelines.runs import failure_of
from pipelines.sensors.run_requests import FOLLOWED

SENSOR = "crm_events_sensor"
#: Looks that ask for no run, after which nothing more is to be expected.
MOST_LOOKS_IN_VAIN = 2


@dataclass
class FollowedObject:
    """What the runs of one object's changes did together, by the names of their metadata."""

    object: str
    seconds: float = 0.0
    numbers: dict[str, int] = field(default_factory=dict)


class SensorDeeds:
    """Ticks of the sensor since a moment, and runs that they asked for."""

    def __init__(self, instance: dg.DagsterInstance, since: datetime) -> None:
        self._instance, self._since = instance, since

    @property
    def is_working(self) -> bool:
        """Whether a run is on its way."""
        return any(record.dagster_run.status in UNFINISHED for record in self._records())

    def problem(self) -> str | None:
        """Why what was changed will not arrive, as a sentence; None while it may."""
        ticks = self._ticks()
        for tick in ticks:
            if tick.status == TickStatus.FAILURE:
                text = tick.error.message.strip() if tick.error else "without a message"
                return f"{SENSOR} failed: {text}"
        for record in self._records():
            if record.dagster_run.status == dg.DagsterRunStatus.FAILURE:
                return f"A run that {SENSOR} asked for failed: {self._failure(record.dagster_run)}"
        in_vain = [tick for tick in ticks if tick.status == TickStatus.SKIPPED]
        if len(in_vain) >= MOST_LOOKS_IN_VAIN and not self.is_working:
            return f"{SENSOR} has looked, and says: {in_vain[0].skip_reason}"
        return None

    def last_words(self) -> str:
        """What the newest tick came to."""
        for tick in self._ticks():
            return f"its last look: {tick.skip_reason or tick.status.value.lower()}"
        return "it hasn't looked yet"

    def followed(self) -> list[FollowedObject]:
        """One per object of which a run was asked for, by name."""
        found: dict[str, FollowedObject] = {}
        for record in self._records():
            name = record.dagster_run.tags.get(FOLLOWED, "").rpartition("/")[2]
            if not name:  # an event's job
                continue
            one = found.setdefault(name, FollowedObject(name))
            if record.start_time and record.end_time:
                one.seconds += record.end_time - record.start_time
            for entry in self._instance.all_logs(
                record.dagster_run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
            ):
                if entry.asset_materialization:
                    _add_numbers(one, entry.asset_materialization)
        return sorted(found.values(), key=lambda one: one.object)

    def cancel_unfinished(self) -> None:
        """End runs that nobody works on any more, or they would hold the next ones up."""
        for record in self._records():
            if record.dagster_run.status in UNFINISHED:
                self._instance.report_run_canceled(record.dagster_run)

    def _ticks(self) -> list[InstigatorTick]:
        """Newest first."""
        found: list[InstigatorTick] = []
        for state in _states(self._instance):
            found += self._instance.get_ticks(
                state.instigator_origin_id, state.selector_id, after=self._since.timestamp()
            )
        return sorted(found, key=lambda tick: tick.timestamp, reverse=True)

    def _records(self) -> Sequence[dg.RunRecord]:
        """Oldest first."""
        return self._instance.get_run_records(
            dg.RunsFilter(tags={SENSOR_NAME_TAG: SENSOR}, created_after=self._since),
            order_by="create_timestamp",
            ascending=True,
        )

    def _failure(self, run: dg.DagsterRun) -> str:
        steps = self._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        texts = [failure_of(entry.dagster_event)[1] for entry in steps if entry.dagster_event]
        if not texts:
            whole = self._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
            texts = [entry.message for entry in whole]
        return f"{texts[0] if texts else 'without a message.'}\n  run {run.run_id}"


@contextmanager
def switched_on(instance: dg.DagsterInstance) -> Iterator[None]:
    """The sensor is on within the block, even if somebody has switched it off in the UI."""
    off = [one for one in _states(instance) if one.status == InstigatorStatus.STOPPED]
    for state in off:
        instance.update_instigator_state(state.with_status(InstigatorStatus.RUNNING))
    try:
        yield
    finally:
        ids = {state.instigator_origin_id for state in off}
        for state in _states(instance):
            if state.instigator_origin_id in ids:
                instance.update_instigator_state(state.with_status(InstigatorStatus.STOPPED))


def _states(instance: dg.DagsterInstance) -> list[InstigatorState]:
    states = instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    return [state for state in states if state.instigator_name == SENSOR]


def _add_numbers(one: FollowedObject, materialization: dg.AssetMaterialization) -> None:
    for name, value in materialization.metadata.items():
        if isinstance(value, dg.IntMetadataValue) and value.value is not None:
            short = name.split("/", 1)[-1]
            one.numbers[short] = one.numbers.get(short, 0) + value.value
