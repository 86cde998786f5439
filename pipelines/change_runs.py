"""Runs that apply what the inbox holds, executed in this process through Dagster.

A run that the daemon launches begins a process, and 5 to 10 s later: too late for freshness in
seconds. Executed here, it begins at once, and is the same run for the UI.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run_iterator

from pipelines.dead_runs import leased_run
from pipelines.listener import AppliedRun
from pipelines.project import Project
from pipelines.run_tags import ALL_ASSETS_JOB, LISTENER
from pipelines.runs import create_asset_run, failure_of, run_config


class ChangeRuns:
    """Executes runs of single assets; threads may share it."""

    def __init__(self, instance: dg.DagsterInstance, project: Project) -> None:
        self._instance, self._project = instance, project
        self._jobs: dict[dg.AssetKey, dg.JobDefinition] = {}
        self._lock = threading.Lock()

    def run(self, key: dg.AssetKey, tags: Mapping[str, str]) -> AppliedRun:
        """Materialize an asset; failures are in the answer, not raised."""
        told = {**tags, LISTENER: str(os.getpid())}
        begun_s, error = time.monotonic(), None
        job = self._job(key)
        with leased_run(self._instance) as run_id:
            run = create_asset_run(
                self._instance, self._project, [key], run_config(1), told, run_id, job
            )
            done = False
            for event in execute_run_iterator(InMemoryJob(job), run, self._instance):
                if event.event_type == dg.DagsterEventType.STEP_FAILURE:
                    _, error = failure_of(event)
                elif event.event_type == dg.DagsterEventType.RUN_FAILURE and error is None:
                    failed = event.job_failure_data.error
                    error = failed.message.strip() if failed else event.message
                done = done or event.event_type == dg.DagsterEventType.RUN_SUCCESS
        return AppliedRun(run_id, done, time.monotonic() - begun_s, None if done else error)

    def _job(self, key: dg.AssetKey) -> dg.JobDefinition:
        """Kept, since Dagster's own cache holds one job and would load the project each time."""
        with self._lock:
            if key not in self._jobs:
                whole = self._project.repository.get_job(ALL_ASSETS_JOB)
                self._jobs[key] = whole.get_subset(asset_selection=frozenset([key]))
            return self._jobs[key]
