"""Jobs that an event may start, once all of the project's are known."""

from __future__ import annotations

from collections.abc import Callable, Collection

import dagster as dg

from assets.spelling import nearest
from pipelines.jobs import job_to_start


class StartableJobs:
    """The project's jobs.

    Args:
        names: Of all that have one.
        loads: Names of the loads, whose jobs they stand for.
        job: Finds one by its name.
    """

    def __init__(
        self,
        names: Collection[str],
        loads: Collection[str],
        job: Callable[[str], dg.JobDefinition],
    ) -> None:
        self._names, self._loads, self._job = names, loads, job

    def problem(self, name: str) -> tuple[str, str | None] | None:
        """What is wrong with starting that one, and what was probably meant; None: nothing."""
        job = job_to_start(name, self._loads)
        if job not in self._names:
            known = sorted({*self._names, *self._loads})
            problem = f"there is no load or job {name}; there are {', '.join(known) or 'none'}"
            return problem, nearest(name, known)
        if self._job(job).partitions_def is not None:
            problem = f"{name} has windows, and an event doesn't say which one to run"
            return f"{problem}; its schedule does", None
        return None
