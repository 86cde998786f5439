"""Runs a load through Dagster in this process, and tells what became of its rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import dagster as dg
from dagster._core.execution.api import execute_run_iterator

from assets.load_spec import LoadSpec
from assets.outbound_run import Replay
from pipelines.dead_runs import leased_run
from pipelines.load_progress import LoadProgress
from pipelines.project import Project
from pipelines.run_messages import messages_of, pool_wait
from pipelines.run_tags import LOAD
from pipelines.runs import create_asset_run, failure_of, run_config

_OURS = "tidegate/"
ERROR_CODES = "tidegate/error_codes"


@dataclass
class LoadOutcome:
    """What one run of a load did.

    ``numbers`` are those that its assets told, without their prefix; ``error_codes`` counts rows
    that weren't accepted.
    """

    load: str
    run_id: str
    status: str = "not run"
    seconds: float = 0.0
    error: str | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    error_codes: dict[str, int] = field(default_factory=dict)


def run_load(
    instance: dg.DagsterInstance,
    project: Project,
    spec: LoadSpec,
    replay: Replay | None,
    progress: LoadProgress,
    *,
    sources: Sequence[dg.AssetKey] = (),
) -> LoadOutcome:
    """Both stages of a load, to their end; failures are in the outcome, not raised.

    ``sources`` are assets to materialize before, in the same run.
    """
    keys = [*sources, spec.outbound_key, spec.load_key]
    begun = time.monotonic()
    with leased_run(instance) as run_id:
        run = create_asset_run(
            instance, project, keys, _config(spec, replay), {LOAD: spec.name}, run_id
        )
        follower = _Follower(spec, LoadOutcome(spec.name, run_id), progress)
        with progress, messages_of(instance, run_id, progress.say, progress.now):
            for event in execute_run_iterator(project.job(keys), run, instance):
                follower.see(event)
    outcome = follower.outcome
    outcome.seconds = time.monotonic() - begun
    return outcome


def _config(spec: LoadSpec, replay: Replay | None) -> dict[str, object]:
    config = run_config(1)
    if replay is not None:
        asked = {"replay": replay.kept, "as_sent": replay.as_sent}
        config["ops"] = {spec.outbound_step: {"config": asked}}
    return config


class _Follower:
    """Puts the events of a run together to one outcome."""

    def __init__(self, spec: LoadSpec, outcome: LoadOutcome, progress: LoadProgress) -> None:
        self._stages = {spec.outbound_step: "outbound", spec.load_step: "load"}
        self.outcome, self._progress = outcome, progress

    def see(self, event: dg.DagsterEvent) -> None:
        outcome, stage = self.outcome, self._stages.get(event.step_key or "")
        if waits := pool_wait(event):
            self._progress.say(waits)
        elif event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            self._take_numbers(event.step_materialization_data.materialization.metadata)
        elif event.event_type == dg.DagsterEventType.STEP_START and stage:
            self._progress.now(f"{stage}: begun")
        elif event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY and stage:
            self._progress.say(f"{stage}: again")
        elif event.event_type == dg.DagsterEventType.STEP_SUCCESS and stage:
            self._progress.say(f"{stage}: done, {self._said(stage)}")
        elif event.event_type == dg.DagsterEventType.STEP_FAILURE:
            outcome.status, outcome.error = failure_of(event)
            data = event.step_failure_data.user_failure_data
            self._take_numbers(data.metadata if data else {})
            self._progress.say(f"{stage}: {outcome.status}")
        elif event.event_type == dg.DagsterEventType.RUN_SUCCESS:
            outcome.status = "done"
        elif event.event_type == dg.DagsterEventType.RUN_FAILURE and outcome.status == "not run":
            error = event.job_failure_data.error
            outcome.status = "failed"
            outcome.error = error.message.strip() if error else event.message

    def _said(self, stage: str) -> str:
        numbers = self.outcome.numbers
        if stage == "outbound":
            return f"{numbers.get('to_send', 0):,} rows to send"
        return f"{numbers.get('accepted', 0):,} rows accepted"

    def _take_numbers(self, metadata: object) -> None:
        assert isinstance(metadata, dict)
        for name, value in metadata.items():
            if name == ERROR_CODES and isinstance(value, dg.JsonMetadataValue):
                assert isinstance(value.value, dict)
                self.outcome.error_codes = {code: int(n) for code, n in value.value.items()}
            elif isinstance(value, dg.IntMetadataValue) and value.value is not None:
                self._count(name, value.value)

    def _count(self, name: str, number: int) -> None:
        numbers = self.outcome.numbers
        if name == "salesforce/api_calls":
            numbers["api_calls"] = numbers.get("api_calls", 0) + number
        elif name.startswith(_OURS):
            numbers[name.removeprefix(_OURS)] = number
