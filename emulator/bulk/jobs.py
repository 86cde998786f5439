"""Query jobs: what each knows, and the workers that run them one after the other."""

from __future__ import annotations

import logging
import queue
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.bulk.spool import CsvFormat, Spool, write_spool
from emulator.ids import make_id
from emulator.limits import QUERY_STORAGE_MB
from emulator.soql import BulkQuery
from emulator.timestamps import rest_datetime

if TYPE_CHECKING:
    from emulator.org import Org

log = logging.getLogger(__name__)

JOB_PREFIX = "750"
WORKERS = 2
# Finished jobs are kept for seven days (bulk2.md, "Limits").
KEPT = timedelta(days=7)
RUNNING = frozenset({"UploadComplete", "InProgress"})
STALL_POLL_S = 0.05


@dataclass
class Job:
    """One query job.

    Attributes:
        version: API version that made it; results are only given to the same one.
        fate: What a fault makes of it: ``fail``, ``abort`` or ``stall``.
    """

    id: str
    operation: str
    object_name: str
    user_id: str
    created: datetime
    version: float
    csv: CsvFormat
    query: BulkQuery
    fate: str | None = None
    state: str = "UploadComplete"
    changed: datetime = field(init=False)
    records: int = 0
    processing_ms: int = 0
    error: str | None = None
    spool: Spool | None = None
    ended: threading.Event = field(default_factory=threading.Event, repr=False)

    def __post_init__(self) -> None:
        self.changed = self.created

    def as_json(self, detail: str) -> dict[str, Any]:
        """The job as answers show it.

        Args:
            detail: ``short`` (after a change of state) ends at apiVersion; ``created`` has no
                jobType and no counters; ``info`` has all (bulk2.md).
        """
        body: dict[str, Any] = {
            "id": self.id,
            "operation": self.operation,
            "object": self.object_name,
            "createdById": self.user_id,
            "createdDate": rest_datetime(self.created),
            "systemModstamp": rest_datetime(self.changed),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": self.version,
        }
        if detail == "short":
            return body
        if detail == "info":
            body["jobType"] = "V2Query"
        body |= {"lineEnding": self.csv.line_ending, "columnDelimiter": self.csv.delimiter}
        if detail == "info":
            body |= {
                "numberRecordsProcessed": self.records,
                "retries": 0,
                "totalProcessingTime": self.processing_ms,
                "isPkChunkingSupported": True,
            }
            body |= {"errorMessage": self.error} if self.error else {}
        return body


class Jobs:
    """All jobs of the org. Workers take them from a queue and spool their results."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._folder = org.temporary_folder / "jobs"
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._made = 0
        # "A set may hold fewer rows than maxRecords" (bulk2.md): a control can say how many.
        self.most_page_rows: int | None = None
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._workers = [
            threading.Thread(target=self._work, name=f"bulk-{n}", daemon=True)
            for n in range(WORKERS)
        ]
        for worker in self._workers:
            worker.start()

    def create(self, make: Callable[[str], Job]) -> Job:
        """Take a job in; `make` gets its id."""
        with self._lock:
            self._made += 1
            job = make(make_id(JOB_PREFIX, self._made))
            self._jobs[job.id] = job
        if job.fate == "stall":
            # Its own thread: a stalled job must not keep a worker from the others.
            threading.Thread(target=self._run_safely, args=(job,), daemon=True).start()
        else:
            self._queue.put(job)
        return job

    def find(self, job_id: str) -> Job | None:
        """The job of that id, in 15 or 18 characters."""
        with self._lock:
            found = self._jobs.get(job_id)
            if found is None and len(job_id) == 15:
                found = next((j for k, j in self._jobs.items() if k[:15] == job_id), None)
            return found

    def all(self) -> list[Job]:
        """The jobs that are kept; older ones are removed here."""
        now = self._org.clock.now()
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
            job.changed = self._org.clock.now().replace(microsecond=0)
        if state not in RUNNING:
            job.ended.set()
        return True

    def remove(self, job: Job) -> None:
        """Forget a job and its result."""
        with self._lock:
            self._jobs.pop(job.id, None)
        shutil.rmtree(self._job_folder(job), ignore_errors=True)

    def clear(self) -> None:
        """Abort and forget all jobs; ids begin again."""
        for job in self.all():
            self.move(job, "Aborted")
            self.remove(job)
        with self._lock:
            self._made = 0
            self.most_page_rows = None

    def close(self) -> None:
        """Abort what runs, and end the workers."""
        self.clear()
        for _ in self._workers:
            self._queue.put(None)
        for worker in self._workers:
            worker.join(timeout=5)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            self._run_safely(job)

    def _run_safely(self, job: Job) -> None:
        try:
            self._run(job)
        except Exception as error:
            # A worker must live on; an aborted job's files may vanish under it.
            job.error = f"Unknown : {type(error).__name__}"
            if self.move(job, "Failed"):
                log.exception("job %s failed", job.id)

    def _run(self, job: Job) -> None:
        if not self.move(job, "InProgress", only_from=frozenset({"UploadComplete"})):
            return
        if job.fate == "stall":
            self._stall(job)
        if job.fate == "abort":
            self.move(job, "Aborted")
        elif job.fate == "fail":
            job.error = "InternalServerError : Retried more than fifteen times"
            self.move(job, "Failed")
        if job.ended.is_set():
            return
        started = time.monotonic()
        spool = self._spool(job)
        if spool is None:
            return
        job.spool, job.records = spool, spool.rows
        job.processing_ms = max(1, round((time.monotonic() - started) * 1000))
        self._org.limits.use(QUERY_STORAGE_MB, spool.bytes / 1e6)
        self.move(job, "JobComplete")

    def _spool(self, job: Job) -> Spool | None:
        self._org.settle()
        folder = self._job_folder(job)
        folder.mkdir(parents=True, exist_ok=True)
        with self._org.database.reader() as connection:
            return write_spool(connection, job.query, job.csv, folder, job.ended.is_set)

    def _stall(self, job: Job) -> None:
        before = self._org.faults.clearings
        while self._org.faults.clearings == before and not job.ended.wait(STALL_POLL_S):
            continue

    def _job_folder(self, job: Job) -> Path:
        return self._folder / job.id
