"""An ingest job: reads its upload, writes it batch by batch, says what became of each row."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from emulator.bulk.ingest_results import ResultFiles
from emulator.bulk.job import OPEN, Job
from emulator.bulk.upload import Header, Upload, read_header, read_rows
from emulator.events.origins import change_origin
from emulator.limits import BULK_BATCHES
from emulator.schema.model import Field, SObject
from emulator.store.ingest_columns import IngestError, Target, target_of
from emulator.store.ingest_stage import Batch

if TYPE_CHECKING:
    from emulator.bulk.jobs import Jobs

# A job that a fault ends has come this far, unless the fault says otherwise.
DONE_SHARE = 0.5
SETTLING_S = 60


@dataclass(kw_only=True)
class IngestJob(Job):
    """One ingest job.

    Attributes:
        key: The field by which rows are found.
        external_id: Its name in an upsert job.
        client: Of the header `Sforce-Call-Options`, which change events tell as origin.
        done_share: How much of it is done when its fate strikes, from 0 to 1.
        lock_share: How likely a parent is locked that batches beside each other share.
        failed: How many of the processed rows are refused.
        header: The upload's; None as long as it isn't known.
        began: Whether it ran at all. If not, the upload as it is holds the unprocessed rows.
    """

    job_type: ClassVar[str] = "V2Ingest"

    sobject: SObject
    key: Field
    external_id: str | None = None
    assignment_rule_id: str | None = None
    client: str | None = None
    done_share: float = DONE_SHARE
    lock_share: float = 0.0
    failed: int = 0
    writing_ms: int = 0
    header: Header | None = None
    uploaded: bool = False
    began: bool = False
    settled: threading.Event = field(default_factory=threading.Event, repr=False)

    def as_json(self, detail: str) -> dict[str, Any]:
        key = {} if self.external_id is None else {"externalIdFieldName": self.external_id}
        body = self.head(**key)
        if self.assignment_rule_id is not None:
            body["assignmentRuleId"] = self.assignment_rule_id
        if detail == "short":
            return body
        if self.state == OPEN:
            # Without a slash at its beginning (bulk2.md).
            body["contentUrl"] = f"services/data/v{self.version:.1f}/jobs/ingest/{self.id}/batches"
        if detail != "created":
            body["jobType"] = self.job_type
        body |= self.format_json()
        if detail == "info":
            over = self.is_over
            body |= {
                "numberRecordsProcessed": self.records,
                "numberRecordsFailed": self.failed,
                "retries": 0,
                # Zero as long as it runs (recorded).
                "totalProcessingTime": self.processing_ms if over else 0,
                "apiActiveProcessingTime": self.writing_ms if over else 0,
                "apexProcessingTime": 0,
            }
            body |= {"errorMessage": self.error} if self.error else {}
        return body

    def run(self, jobs: Jobs) -> None:
        self.began = True
        started = time.monotonic()
        try:
            end = self._run(jobs)
            self.processing_ms = max(1, round((time.monotonic() - started) * 1000))
            jobs.move(self, end)
        finally:
            jobs.parent_locks.end(self.id)
            self.settled.set()

    def upload_file(self, jobs: Jobs) -> Path:
        """Where its content lies, as uploaded."""
        return jobs.folder_of(self) / "upload.csv"

    def _run(self, jobs: Jobs) -> str:
        """Do everything but the last change of state, which this returns."""
        folder, file = jobs.folder_of(self), self.upload_file(jobs)
        try:
            self.header = header = read_header(file, self.csv)
            upload = read_rows(file, self.csv, header, folder / "rows.arrow")
        except IngestError as error:
            self.began = False
            self.error = error.message
            return "Failed"
        results = ResultFiles(folder, self.csv, len(header.names))
        work = _Work(jobs, self, upload, results)
        try:
            target = target_of(
                jobs.org.schema, self.sobject, self.operation, self.key, header.names
            )
        except IngestError as error:
            self.error = error.message
            work.leave_rest(0)
            return "Failed"
        return work.run(target)


@dataclass
class _Work:
    """The rows of a job on their way."""

    jobs: Jobs
    job: IngestJob
    upload: Upload
    results: ResultFiles

    def run(self, target: Target) -> str:
        job, rows = self.job, self.upload.table()
        turn = round(self.upload.rows * job.done_share) if job.fate else None
        done = 0
        for number, (start, end) in enumerate(_cuts(len(rows), self.jobs.batch_rows, turn)):
            if start == turn and (fate := self._meet_fate()):
                self.leave_rest(done)
                return fate
            if job.ended.is_set():
                break
            if self.jobs.org.limits.left(BULK_BATCHES) < 1:
                # Rows of batches beyond the allowance are in no file (bulk2.md).
                job.error = "ExceededQuota : ApiBatchItems Limit exceeded."
                return "Failed"
            self.jobs.org.limits.use(BULK_BATCHES)
            self._write(target, number, rows.slice(start, end - start))
            done = end
        else:
            if done == turn and (fate := self._meet_fate()):
                return fate
            return "JobComplete"
        self.leave_rest(done)
        return "Aborted"

    def leave_rest(self, done: int) -> None:
        """Put down the rows from `done` on as unprocessed."""
        with self.jobs.org.database.reader() as connection:
            self.results.add_unprocessed(connection, self.upload.table().slice(done))

    def _meet_fate(self) -> str | None:
        job = self.job
        if job.fate == "stall":
            self.jobs.stall(job)
            return None
        if job.fate == "fail":
            job.error = "InternalServerError : Retried more than twenty times"
            return "Failed"
        return "Aborted"

    def _write(self, target: Target, number: int, rows: pa.Table) -> None:
        org, job = self.jobs.org, self.job
        started = time.monotonic()
        self.jobs.parent_locks.begin(job.id, number)
        stamp = org.settle().replace(microsecond=0)
        outcomes = org.rows.ingest(
            Batch(target, rows, job.user_id, stamp),
            origin=change_origin("bulkapi", job.version, job.client),
            lose=self._contention(number),
        )
        with org.database.reader() as connection:
            self.results.add(connection, rows, outcomes)
        job.records += len(rows)
        job.failed += len(rows) - outcomes["error"].null_count
        job.writing_ms += round((time.monotonic() - started) * 1000)

    def _contention(self, number: int) -> Callable[[set[str]], set[str]] | None:
        job, locks = self.job, self.jobs.parent_locks
        if job.lock_share <= 0:
            return None

        def strikes() -> bool:
            return self.jobs.org.faults.strikes(job.lock_share)

        return lambda parents: locks.lose(job.id, number, parents, strikes)


def _cuts(rows: int, batch_rows: int, turn: int | None) -> Iterator[tuple[int, int]]:
    """Where batches begin and end: every so many rows, and where the job's fate strikes."""
    cuts = sorted({*range(0, rows, batch_rows), rows, *(() if turn is None else (turn,))})
    yield from pairwise(cuts)
