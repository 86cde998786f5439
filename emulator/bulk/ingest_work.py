"""The rows of an ingest job on their way: batch by batch, until its end or its fate."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from emulator.bulk.ingest_batches import Stride, batches, can_join, joined, strides
from emulator.bulk.ingest_results import ResultFiles
from emulator.bulk.upload import Upload
from emulator.events.origins import change_origin
from emulator.limits import BULK_BATCHES
from emulator.store.ingest_columns import Target
from emulator.store.ingest_stage import Batch

if TYPE_CHECKING:
    from emulator.bulk.ingest_job import IngestJob
    from emulator.bulk.jobs import Jobs

COMPLETE, FAILED, ABORTED = "JobComplete", "Failed", "Aborted"


@dataclass
class IngestWork:
    """What is at hand while a job runs.

    Attributes:
        done: How many of the upload's rows are dealt with.
    """

    jobs: Jobs
    job: IngestJob
    upload: Upload
    results: ResultFiles
    done: int = 0

    def run(self, target: Target) -> str:
        """Write everything; the state in which the job ends."""
        rows, job = self.upload.table(), self.job
        turn = round(len(rows) * job.done_share) if job.fate else None
        for group in strides(batches(len(rows), self.jobs.batch_rows, turn), turn):
            whole = joined(group)
            if whole.start == turn and (end := self._meet_fate()):
                return self._end(end)
            slice_ = rows.slice(whole.start, whole.end - whole.start)
            together = job.lock_share <= 0 and can_join(target, slice_)
            for part in [whole] if together else group:
                if job.ended.is_set():
                    return self._end(ABORTED)
                if not self._take_allowance(part):
                    return FAILED
                self._write(target, part, rows.slice(part.start, part.end - part.start))
        if self.done == turn and (end := self._meet_fate()):
            return self._end(end)
        return COMPLETE

    def leave_rest(self) -> None:
        """Put down the rows that weren't dealt with as unprocessed."""
        with self.jobs.org.database.reader() as connection:
            self.results.add_unprocessed(connection, self.upload.table().slice(self.done))

    def _end(self, state: str) -> str:
        self.leave_rest()
        return state

    def _meet_fate(self) -> str | None:
        job = self.job
        if job.fate == "stall":
            self.jobs.stall(job)
            return None
        if job.fate == "fail":
            job.error = "InternalServerError : Retried more than twenty times"
            return FAILED
        return ABORTED

    def _take_allowance(self, part: Stride) -> bool:
        """Count batches; rows of those beyond the allowance are in no file [bulk guide]."""
        limits = self.jobs.org.limits
        if limits.left(BULK_BATCHES) < part.batches:
            self.job.error = "ExceededQuota : ApiBatchItems Limit exceeded."
            return False
        limits.use(BULK_BATCHES, part.batches)
        return True

    def _write(self, target: Target, part: Stride, rows: pa.Table) -> None:
        org, job = self.jobs.org, self.job
        started = time.monotonic()
        self.jobs.parent_locks.begin(job.id, part.number)
        stamp = org.settle().replace(microsecond=0)
        outcomes = org.rows.ingest(
            Batch(target, rows, job.user_id, stamp),
            origin=change_origin("bulkapi", job.version, job.client),
            lose=self._contention(part.number),
        )
        with org.database.reader() as connection:
            self.results.add(connection, rows, outcomes)
        self.done += len(rows)
        job.records = self.done
        job.failed += len(rows) - outcomes["error"].null_count
        job.writing_ms += round((time.monotonic() - started) * 1000)

    def _contention(self, number: int) -> Callable[[set[str]], set[str]] | None:
        job, locks = self.job, self.jobs.parent_locks
        if job.lock_share <= 0:
            return None

        def strikes() -> bool:
            return self.jobs.org.faults.strikes(job.lock_share)

        return lambda parents: locks.lose(job.id, number, parents, strikes)
