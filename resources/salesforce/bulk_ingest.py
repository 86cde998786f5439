"""Rows sent by Bulk API 2.0, step by step, so that each step can be kept before the next.

Create, upload, close, wait, download the three result files. Until it is closed a job can be
dropped without a trace in the org's data; once closed its rows count as sent.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, BinaryIO
from urllib.parse import quote

from resources.salesforce.bulk_job import PollPlan
from resources.salesforce.bulk_jobs import (
    created_in_order,
    listed_jobs,
    malformed_job,
    wait_for_end,
)
from resources.salesforce.bulk_page import download
from resources.salesforce.errors import JobStateError
from resources.salesforce.ingest_job import (
    IngestJob,
    Operation,
    ResultFile,
    ResultKind,
    parse_ingest_job,
)
from resources.salesforce.request_body import FileBody
from resources.salesforce.transport import ApiRequest, JsonAnswer, Transport

RESULTS: dict[ResultKind, str] = {
    "successful": "successfulResults/",
    "failed": "failedResults/",
    "unprocessed": "unprocessedrecords/",
}


class BulkIngest:
    """The ingest jobs of one org."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        object_name: str,
        operation: Operation,
        external_id: str | None = None,
        assignment_rule_id: str | None = None,
    ) -> IngestJob:
        """Open a job.

        Args:
            external_id: The field by which rows are found; for ``upsert`` only.
            assignment_rule_id: The assignment rule for leads and cases.

        Raises:
            LostAnswerError: It may exist, empty. Look with ``list_jobs``, or leave it to expire.
            UnsupportedQueryError: Bulk doesn't know the object.
        """
        body = {
            "object": object_name,
            "operation": operation,
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }
        if external_id is not None:
            body["externalIdFieldName"] = external_id
        if assignment_rule_id is not None:
            body["assignmentRuleId"] = assignment_rule_id
        return self._call(ApiRequest("POST", self._path(), json_body=body, creates=True))

    def upload(self, job_id: str, file: BinaryIO, size_bytes: int) -> None:
        """Send the rows: a CSV of ``size_bytes``, from the file's position on, streamed.

        A job takes one upload, while it is open.

        Raises:
            LostAnswerError: It may have arrived, in part or whole. Abort the job and open another.
            JobStateError: The job has its upload, or isn't open any more.
        """
        body = FileBody(file, size_bytes)
        path = f"{self._path(job_id)}/batches"
        headers = {"Content-Type": "text/csv; charset=UTF-8"}
        request = ApiRequest("PUT", path, headers, body=body, creates=True)
        self._transport.send(request, lambda answer: answer.body())

    def close(self, job_id: str) -> IngestJob:
        """Let the org process what was uploaded; a job that is closed already stays as it is.

        Raises:
            JobStateError: It was aborted, or has no upload.
            TransientError: It may be closed: ask ``info``, or close it again.
        """
        return self._change(job_id, "UploadComplete", lambda job: job.is_closed)

    def abort(self, job_id: str) -> IngestJob:
        """Stop a job. Before it is closed nothing of it has happened; afterwards some may have.

        Raises:
            JobStateError: It has ended otherwise.
        """
        return self._change(job_id, "Aborted", lambda job: job.state == "Aborted")

    def info(self, job_id: str) -> IngestJob:
        """The job as it is now.

        Raises:
            NotFoundError: It was deleted, or is too old.
        """
        return self._call(ApiRequest("GET", self._path(job_id)))

    def wait(
        self,
        job_id: str,
        on_progress: Callable[[IngestJob], None] | None = None,
        *,
        poll: PollPlan | None = None,
    ) -> IngestJob:
        """Ask until the job has ended, rarer and rarer.

        Args:
            on_progress: Called with each answer.

        Returns:
            The job, also when it failed or was aborted: rows that it didn't come to are listed as
            unprocessed, and others may have been accepted before.

        Raises:
            JobStalledError: It didn't end in ``poll.give_up_after_s``; it goes on, though.
        """
        return wait_for_end(lambda: self.info(job_id), self._transport.sleep, on_progress, poll)

    def download(
        self, job_id: str, kind: ResultKind, into: BinaryIO, *, rows: int | None = None
    ) -> ResultFile:
        """Download a result file of an ended job, whole or not at all.

        Args:
            into: Where to write from its current position on. Unpacked CSV with a header row.
            rows: How many there must be, by ``IngestJob.expected_rows``.

        Raises:
            TransientError: It stayed incomplete; ``into`` is as before, try later.
            ConflictError: The job was created with another API version.
            NotFoundError: The job is gone.
        """
        path = f"{self._path(job_id)}/{RESULTS[kind]}"
        page = download(self._transport, path, None, into, rows=rows)
        return ResultFile(kind, page.rows, page.bytes, page.sha256)

    def delete(self, job_id: str) -> None:
        """Delete a job that has ended, with its result.

        Raises:
            JobStateError: It is open or at work.
            NotFoundError: It is gone already.
        """
        self._transport.json(ApiRequest("DELETE", self._path(job_id)))

    def list_jobs(self, created_since: datetime | None = None) -> list[IngestJob]:
        """The org's Bulk 2.0 ingest jobs, oldest first, of all users; counters are absent.

        Args:
            created_since: Leave out jobs created before this second of the org's clock.
        """
        entries = listed_jobs(self._transport, self._path(), "V2Ingest")
        jobs = {job.id: job for job in (self._job(answer, entry) for answer, entry in entries)}
        return created_in_order(jobs.values(), created_since)

    def _change(self, job_id: str, state: str, is_done: Callable[[IngestJob], bool]) -> IngestJob:
        request = ApiRequest("PATCH", self._path(job_id), json_body={"state": state})
        try:
            return self._call(request)
        except JobStateError:
            # An answer that was lost, or another process, may have done it before.
            job = self.info(job_id)
            if is_done(job):
                return job
            raise

    def _path(self, job_id: str = "") -> str:
        jobs = f"{self._transport.base}/jobs/ingest"
        return f"{jobs}/{quote(job_id, safe='')}" if job_id else jobs

    def _call(self, request: ApiRequest) -> IngestJob:
        answer = self._transport.json(request)
        return self._job(answer, answer.json)

    def _job(self, answer: JsonAnswer, entry: Any) -> IngestJob:
        try:
            return parse_ingest_job(entry, answer.read)
        except (KeyError, TypeError, ValueError) as error:
            raise malformed_job(answer, f"it isn't a job ({error!r})") from error
