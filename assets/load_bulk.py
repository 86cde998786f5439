"""The steps of a part that is sent by a bulk job: create, upload, close, await, fetch results."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from assets.load_parts import RESULT_FILES, LoadParts
from assets.load_spec import LoadSpec, Operation
from resources.landing.upload_entry import LandedFile
from resources.landing.upload_plan import (
    AskJob,
    CloseJob,
    CreateJob,
    DropJob,
    DropPart,
    LandResults,
    PartStep,
    UploadPart,
)
from resources.salesforce import ingest_job
from resources.salesforce.client import SalesforceClient
from resources.salesforce.errors import (
    ConflictError,
    JobStateError,
    LostAnswerError,
    NotFoundError,
    TransientError,
)
from resources.salesforce.ingest_job import IngestJob

# A part gets another job when its first one came to nothing; a third time something else is wrong.
MOST_JOBS = 3

OPERATIONS: Mapping[Operation, ingest_job.Operation] = {
    "insert": "insert",
    "update": "update",
    "upsert": "upsert",
    "delete": "delete",
    "hard_delete": "hardDelete",
}


class Stopped(Exception):  # noqa: N818 - not an error: another part has met one
    """This part is left as it is."""


class BulkSending:
    """One job per part. Threads may share it, each with a part of its own.

    Args:
        check: Called often while waiting; raises ``Stopped`` when it's no use.
    """

    def __init__(
        self,
        client: SalesforceClient,
        spec: LoadSpec,
        parts: LoadParts,
        check: Callable[[], None],
        report: Callable[[str], None],
        *,
        settle: bool,
    ) -> None:
        self._client, self._spec, self._parts = client, spec, parts
        self._upload, self._check, self._report = parts.upload, check, report
        self._settle = settle
        self._ended: dict[int, IngestJob] = {}
        self._creations: Counter[int] = Counter()
        self._counting = threading.Lock()

    def take(self, step: PartStep) -> None:
        """Do it, and write it down."""
        match step:
            case CreateJob(index, _):
                self._create(index)
            case UploadPart(index, job_id):
                self._send(index, job_id)
            case DropJob(index, job_id):
                self._drop_job(index, job_id, "the process that uploaded it is gone")
            case DropPart(index, str() as job_id):
                self._abort(job_id)
                self._upload.drop_part(index, "it was never closed")
            case CloseJob(index, job_id):
                self._close(index, job_id)
            case AskJob(index, job_id):
                with self._lost_if_gone(index, job_id):
                    self._ask(index, job_id)
            case LandResults(index, job_id):
                with self._lost_if_gone(index, job_id):
                    self._land(index, job_id)
            case _:
                raise AssertionError(f"unexpected step {step}")

    def job_error(self, index: int) -> str:
        """What the job of a part says of rows that it didn't come to."""
        job_id = self._upload.state.parts[index].job_id
        files = self._upload.landed_files(index)
        unprocessed = files.get(RESULT_FILES["unprocessed"])
        if job_id is None or unprocessed is None or not unprocessed.rows:
            return ""
        job = self._ended.get(index)
        if job is None:
            with suppress(NotFoundError, ConflictError):
                job = self._client.ingest.info(job_id)
        return "" if job is None else job.error_message or f"The job ended as {job.state}."

    def _create(self, index: int) -> None:
        terms = self._parts.terms
        self._upload.intend_job(index)
        try:
            job = self._client.ingest.create(
                terms.object,
                OPERATIONS[terms.operation],
                terms.external_id if terms.operation == "upsert" else None,
                self._spec.assignment_rule_id,
            )
        except LostAnswerError:
            # It has no rows, and never will.
            with self._counting:
                self._creations[index] += 1
            if self._creations[index] == MOST_JOBS:
                raise
            return
        self._upload.record_job(index, job.id)

    def _send(self, index: int, job_id: str) -> None:
        part = self._upload.part_record(index)
        try:
            with self._upload.store.open(self._upload.part_path(index, "rows.csv")) as rows:
                self._client.ingest.upload(job_id, rows, part.bytes)
        except (LostAnswerError, TransientError, JobStateError) as error:
            if self._upload.state.parts[index].jobs_dropped + 1 == MOST_JOBS:
                raise
            self._report(f"{error} Uploading to another job")
            self._drop_job(index, job_id, str(error))
            return
        self._upload.record_uploaded(index)

    def _drop_job(self, index: int, job_id: str, reason: str) -> None:
        self._abort(job_id)
        self._upload.drop_job(index, reason)

    def _abort(self, job_id: str) -> None:
        # Whatever its state is: nobody closed it, so that none of its rows was worked on.
        with suppress(NotFoundError, ConflictError, JobStateError):
            self._client.ingest.abort(job_id)

    def _close(self, index: int, job_id: str) -> None:
        self._upload.intend_close(index, self._client.org_now())
        # Whether it was closed when the answer was lost, the next step asks.
        with suppress(TransientError, JobStateError):
            self._client.ingest.close(job_id)
            self._upload.record_closed(index)

    def _ask(self, index: int, job_id: str) -> None:
        job = self._client.ingest.info(job_id)
        if job.state == "Aborted" and not job.rows:
            self._drop_aborted(index)
        elif job.state == "Open" and self._settle:
            self._client.ingest.abort(job_id)
            self._upload.drop_part(index, "it was never closed")
        else:
            if job.state == "Open":
                self._client.ingest.close(job_id)
            self._upload.record_closed(index)

    def _drop_aborted(self, index: int) -> None:
        part = self._upload.state.parts[index]
        if self._settle:
            self._upload.drop_part(index, "its job was aborted before it was worked on")
        elif part.jobs_dropped + 1 < MOST_JOBS:
            self._upload.drop_job(index, "it was aborted before it was worked on")
        else:
            # Its rows end as unprocessed.
            self._upload.record_closed(index)

    def _land(self, index: int, job_id: str) -> None:
        job = self._client.ingest.wait(job_id, self._tell)
        files = {}
        for kind, name in RESULT_FILES.items():
            self._check()
            with self._upload.create_file(index, name) as into:
                found = self._client.ingest.download(
                    job_id, kind, into, rows=job.expected_rows(kind)
                )
            files[name] = LandedFile(found.rows, found.bytes, found.sha256)
        self._ended[index] = job
        self._upload.record_results(index, files, job.seen.hi)

    @contextmanager
    def _lost_if_gone(self, index: int, job_id: str) -> Iterator[None]:
        """Around what is asked of a job that was told to work on its rows, or may have been."""
        try:
            yield
        except NotFoundError:
            self._lose(index, f"the org no longer has the job {job_id} (deleted, or 7 days old)")
        except ConflictError as error:
            # Unless settling, whoever sets the old version again can still have the results.
            if not self._settle:
                raise
            refusal = f"HTTP {error.status} {error.code}".strip()
            self._lose(
                index,
                f"the org refuses to tell of the job {job_id} ({refusal}), as it does when "
                "`api_version` has changed since",
            )

    def _lose(self, index: int, cause: str) -> None:
        self._report(f"Part {index}: {cause}; its rows end as unprocessed")
        self._parts.record_lost(index, cause, self._client.org_now())

    def _tell(self, job: IngestJob) -> None:
        self._check()
        self._report(f"Job {job.id}: {job.state}, {job.rows or 0:,} rows so far")
