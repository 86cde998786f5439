"""All bulk jobs of the org, of both kinds, and the workers that run them."""

from __future__ import annotations

import logging
import queue
import shutil
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from emulator.bulk.job import OPEN, RUNNING, Job
from emulator.bulk.parent_locks import ParentLocks
from emulator.ids import make_id

if TYPE_CHECKING:
    from emulator.org import Org

log = logging.getLogger(__name__)

JOB_PREFIX = "750"
WORKERS = 2
# Finished jobs are kept for seven days [limits].
KEPT = timedelta(days=7)
STALL_POLL_S = 0.05
# A job that is ended finishes the batch or page that it is at.
SETTLING_S = 60
# The server cuts an upload into batches of this many rows [bulk guide].
BATCH_ROWS = 10_000

Kind = TypeVar("Kind", bound=Job)


class Jobs:
    """Every job that isn't forgotten. Workers take those that are complete from a queue."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.parent_locks = ParentLocks()
        self._folder = org.temporary_folder / "jobs"
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._made = 0
        self._set_defaults()
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._workers = [
            threading.Thread(target=self._work, name=f"bulk-{n}", daemon=True)
            for n in range(WORKERS)
        ]
        for worker in self._workers:
            worker.start()

    def _set_defaults(self) -> None:
        # A set may hold fewer rows than maxRecords [bulk guide]: a control can say how many.
        self.most_page_rows: int | None = None
        self.batch_rows = BATCH_ROWS

    def create(self, make: Callable[[str], Kind]) -> Kind:
        """Take a job in; `make` gets its id. One that isn't open starts."""
        with self._lock:
            self._made += 1
            job = make(make_id(JOB_PREFIX, self._made))
            self._jobs[job.id] = job
        if job.state != OPEN:
            self.start(job)
        return job

    def start(self, job: Job) -> None:
        """Let a job run as soon as a worker is free."""
        if job.fate == "stall":
            # Its own thread: a stalled job must not keep a worker from the others.
            threading.Thread(target=self._run_safely, args=(job,), daemon=True).start()
        else:
            self._queue.put(job)

    def find(self, job_id: str) -> Job | None:
        """The job of that id, in 15 or 18 characters."""
        with self._lock:
            found = self._jobs.get(job_id)
            if found is None and len(job_id) == 15:
                found = next((j for k, j in self._jobs.items() if k[:15] == job_id), None)
            return found

    def all(self) -> list[Job]:
        """The jobs that are kept; older ones are removed here."""
        now = self.org.clock.now()
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            if job.state not in RUNNING and job.changed + KEPT <= now:
                self.remove(job)
        with self._lock:
            return list(self._jobs.values())

    def move(self, job: Job, state: str, *, only_from: frozenset[str] = RUNNING) -> bool:
        """Change a job's state, unless it has left the states that allow it."""
        with self._lock:
            if job.state not in only_from:
                return False
            job.state = state
            job.changed = self.org.clock.now().replace(microsecond=0)
        if job.is_over:
            job.ended.set()
        return True

    def remove(self, job: Job) -> None:
        """Forget a job and its files."""
        with self._lock:
            self._jobs.pop(job.id, None)
        shutil.rmtree(self.folder_of(job), ignore_errors=True)

    def clear(self) -> None:
        """Abort and forget all jobs; ids begin again."""
        for job in self.all():
            self.move(job, "Aborted", only_from=RUNNING | {OPEN})
            # What it is writing must not come after what follows here.
            job.idle.wait(SETTLING_S)
            self.remove(job)
        with self._lock:
            self._made = 0
            self._set_defaults()

    def close(self) -> None:
        """Abort what runs, and end the workers."""
        self.clear()
        for _ in self._workers:
            self._queue.put(None)
        for worker in self._workers:
            worker.join(timeout=5)

    def folder_of(self, job: Job) -> Path:
        """Where the job's files lie."""
        return self._folder / job.id

    def stall(self, job: Job) -> None:
        """Wait until the faults are cleared, or the job is ended."""
        before = self.org.faults.clearings
        while self.org.faults.clearings == before and not job.ended.wait(STALL_POLL_S):
            continue

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            self._run_safely(job)

    def _run_safely(self, job: Job) -> None:
        job.idle.clear()
        try:
            if self.move(job, "InProgress", only_from=frozenset({"UploadComplete"})):
                job.run(self)
        except Exception as error:
            # A worker must live on; an aborted job's files may vanish under it.
            job.error = f"Unknown : {type(error).__name__}"
            if self.move(job, "Failed"):
                log.exception("job %s failed", job.id)
        finally:
            job.idle.set()
