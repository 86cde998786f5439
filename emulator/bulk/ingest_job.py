"""An ingest job: reads its upload, writes it batch by batch, says what became of each row."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from emulator.bulk.ingest_results import ResultFiles
from emulator.bulk.ingest_work import IngestWork
from emulator.bulk.job import OPEN, Job
from emulator.bulk.upload import Header, read_header, read_rows
from emulator.schema.model import Field, SObject
from emulator.store.ingest_columns import IngestError, target_of

if TYPE_CHECKING:
    from emulator.bulk.jobs import Jobs

# A job that a fault ends has come this far, unless the fault says otherwise.
DONE_SHARE = 0.5


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

    def as_json(self, detail: str) -> dict[str, Any]:
        key = {} if self.external_id is None else {"externalIdFieldName": self.external_id}
        body = self.head(**key)
        if self.assignment_rule_id is not None:
            body["assignmentRuleId"] = self.assignment_rule_id
        if detail == "short":
            return body
        if self.state == OPEN:
            # Without a slash at its beginning [amp] [bulk guide].
            body["contentUrl"] = f"services/data/v{self.version:.1f}/jobs/ingest/{self.id}/batches"
        if detail != "created":
            body["jobType"] = self.job_type
        body |= self.format_json()
        if detail == "info":
            body |= {
                "numberRecordsProcessed": self.records,
                "numberRecordsFailed": self.failed,
                "retries": 0,
                # Zero as long as it runs, and when nothing was processed (recorded).
                "totalProcessingTime": self.processing_ms,
                "apiActiveProcessingTime": self.writing_ms,
                "apexProcessingTime": 0,
            }
            body |= {"errorMessage": self.error} if self.error else {}
        return body

    def run(self, jobs: Jobs) -> None:
        self.began = True
        started = time.monotonic()
        try:
            end = self._run(jobs)
            if self.records:
                self.processing_ms = max(1, round((time.monotonic() - started) * 1000))
            jobs.move(self, end)
        finally:
            jobs.parent_locks.end(self.id)

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
        work = IngestWork(jobs, self, upload, results)
        try:
            target = target_of(
                jobs.org.schema, self.sobject, self.operation, self.key, header.names
            )
        except IngestError as error:
            self.error = error.message
            work.leave_rest()
            return "Failed"
        return work.run(target)
