"""Runs that apply what the inbox holds, executed in this process through Dagster.

A run that the daemon launches begins a process, and 5 to 10 s later: too late for freshness in
seconds. Executed here, it begins at once, and is the same run for the UI.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import lru_cache

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run_iterator

from pipelines.dead_runs import leased_run
from pipelines.listener import AppliedRun
from pipelines.project import Project
from pipelines.run_tags import ALL_ASSETS_JOB, LISTENER
from pipelines.runs import create_asset_run, failure_of, run_config
from pipelines.subscribed import Subscribed

#: Combinations of channels whose jobs are kept: making one takes as long as a run.
JOBS_KEPT = 32


class ChangeRuns:
    """Executes runs for channels that have a table, one at a time."""

    def __init__(
        self, instance: dg.DagsterInstance, project: Project, subscribed: Sequence[Subscribed]
    ) -> None:
        self._instance, self._project = instance, project
        self._tables = {one.channel: one.table for one in subscribed if one.table}
        # Dagster's own cache holds one job, and would load the project anew for each other one.
        self._job = lru_cache(JOBS_KEPT)(self._make_job)

    def run(self, channels: Sequence[str]) -> AppliedRun:
        """One run with a step per channel, in which none fails with another."""
        begun_s = time.monotonic()
        chosen = [self._tables[channel] for channel in channels]
        keys = [one.key for one in chosen]
        steps = {one.step: one.channel for one in chosen}
        job = self._job(frozenset(keys))
        errors: dict[str, str] = {}
        with leased_run(self._instance) as run_id:
            # Failed steps are run again by the listener, which doesn't hold the others up.
            config = run_config(1, retries=False)
            tags = {LISTENER: str(os.getpid())}
            run = create_asset_run(
                self._instance, self._project, keys, config, tags, run_id, definition=job
            )
            for event in execute_run_iterator(InMemoryJob(job), run, self._instance):
                if event.event_type == dg.DagsterEventType.STEP_FAILURE:
                    errors[steps[event.step_key or ""]] = failure_of(event)[1]
                elif event.event_type == dg.DagsterEventType.RUN_FAILURE and not errors:
                    failed = event.job_failure_data.error
                    text = failed.message.strip() if failed else event.message or ""
                    errors = dict.fromkeys(channels, text)
        return AppliedRun(run_id, time.monotonic() - begun_s, errors)

    def _make_job(self, keys: frozenset[dg.AssetKey]) -> dg.JobDefinition:
        whole = self._project.repository.get_job(ALL_ASSETS_JOB)
        return whole.get_subset(asset_selection=keys)
