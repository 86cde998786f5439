"""A query job: runs its SOQL into a spool that result pages are cut from."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emulator.bulk.job import Job
from emulator.bulk.spool import Spool, write_spool
from emulator.limits import QUERY_STORAGE_MB
from emulator.soql import BulkQuery

if TYPE_CHECKING:
    from emulator.bulk.jobs import Jobs


@dataclass(kw_only=True)
class QueryJob(Job):
    """One query job. Results are only given to the API version that made it."""

    job_type: ClassVar[str] = "V2Query"

    query: BulkQuery
    spool: Spool | None = None

    def as_json(self, detail: str) -> dict[str, Any]:
        body = self.head()
        if detail == "short":
            return body
        if detail != "created":
            body["jobType"] = self.job_type
        body |= self.format_json()
        if detail == "listed":
            body["isPkChunkingSupported"] = True
        if detail == "info":
            body |= {
                "numberRecordsProcessed": self.records,
                "retries": 0,
                "totalProcessingTime": self.processing_ms,
                "isPkChunkingSupported": True,
            }
            body |= {"errorMessage": self.error} if self.error else {}
        return body

    def run(self, jobs: Jobs) -> None:
        if self.fate == "stall":
            jobs.stall(self)
        if self.fate == "abort":
            jobs.move(self, "Aborted")
        elif self.fate == "fail":
            self.error = "InternalServerError : Retried more than fifteen times"
            jobs.move(self, "Failed")
        if self.ended.is_set():
            return
        started = time.monotonic()
        spool = self._write(jobs)
        if spool is None:
            return
        self.spool, self.records = spool, spool.rows
        self.processing_ms = max(1, round((time.monotonic() - started) * 1000))
        jobs.org.limits.use(QUERY_STORAGE_MB, spool.bytes / 1e6)
        jobs.move(self, "JobComplete")

    def _write(self, jobs: Jobs) -> Spool | None:
        jobs.org.settle()
        folder = jobs.folder_of(self)
        folder.mkdir(parents=True, exist_ok=True)
        with jobs.org.database.reader() as connection:
            return write_spool(connection, self.query, self.csv, folder, self.ended.is_set)
