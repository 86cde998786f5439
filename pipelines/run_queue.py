"""Puts runs into Dagster's queue, from which its daemon launches them; each run id once.

Dagster submits a run request of a sensor after the sensor has returned, which nobody else can wait
for. Who must know that a run exists, as what follows events does, creates it itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg
from dagster._core.errors import DagsterRunAlreadyExists
from dagster._core.execution.api import create_execution_plan
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.remote_origin import CodeLocationOrigin
from dagster._core.run_coordinator import QueuedRunCoordinator

from pipelines.code_location import job_code, remote_job
from pipelines.run_tags import UNFINISHED


class JobStartError(Exception):
    """A run of a job can't be made."""

    def __init__(self, job: str, problem: str) -> None:
        super().__init__(job, problem)
        self.job, self.problem = job, problem

    def __str__(self) -> str:
        return f"No run of {self.job} can be made: {self.problem}"


class RunQueue:
    """The queue of one instance, for jobs of one repository."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        repository: dg.RepositoryDefinition,
        location: CodeLocationOrigin,
    ) -> None:
        self._instance, self._repository, self._location = instance, repository, location
        self._plans: dict[str, ExecutionPlan] = {}

    def unfinished(self, tags: Mapping[str, str]) -> int:
        """How many runs with these tags wait or work."""
        return self._instance.get_runs_count(dg.RunsFilter(tags=dict(tags), statuses=UNFINISHED))

    def put(self, job: str, run_id: str, tags: Mapping[str, str]) -> bool:
        """Make sure that a run is in the queue, or has left it; whether it is new.

        Only one process at a time may put a run; a kill at any moment is made good by the next
        call.

        Raises:
            JobStartError: There is no such job, it needs a configuration, or there is no queue.
        """
        run, is_new = self._instance.get_run_by_id(run_id), False
        if run is None:
            run, is_new = self._create(job, run_id, tags)
        if run.status == dg.DagsterRunStatus.NOT_STARTED:
            # What Dagster's coordinator does with a run that is submitted.
            self._instance.report_dagster_event(dg.DagsterEvent.job_enqueue(run), run_id=run_id)
        return is_new

    def _create(self, job: str, run_id: str, tags: Mapping[str, str]) -> tuple[dg.DagsterRun, bool]:
        coordinator = self._instance.run_coordinator
        if not isinstance(coordinator, QueuedRunCoordinator):
            problem = (
                f"Dagster's runs go to a {type(coordinator).__name__}, not to its queue. Take "
                "`run_coordinator` out of dagster.yaml."
            )
            raise JobStartError(job, problem)
        try:
            definition = self._repository.get_job(job)
            if job not in self._plans:
                self._plans[job] = create_execution_plan(definition)
            run = self._instance.create_run_for_job(
                job_def=definition,
                execution_plan=self._plans[job],
                run_id=run_id,
                tags={**definition.run_tags, **tags},
                remote_job_origin=remote_job(self._location, self._repository.name, job),
                job_code_origin=job_code(job),
            )
        except DagsterRunAlreadyExists:
            known = self._instance.get_run_by_id(run_id)
            assert known is not None
            return known, False
        except dg.DagsterError as error:
            raise JobStartError(job, str(error).strip()) from error
        return run, True
