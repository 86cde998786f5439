"""Bulk API 2.0 ingest jobs."""

from __future__ import annotations

from pathlib import Path

from emulator.answer import NO_CONTENT, Answer, FilePart
from emulator.bulk.ingest_job import DONE_SHARE, IngestJob
from emulator.bulk.ingest_requests import IngestRequest, read_ingest_request, read_multipart
from emulator.bulk.ingest_results import FAILED, SUCCESSFUL, UNPROCESSED, file_of, header_line
from emulator.bulk.job import OPEN, RUNNING
from emulator.bulk.jobs import SETTLING_S
from emulator.bulk.upload import read_header
from emulator.call import Call
from emulator.errors import ApiError, not_found
from emulator.routes.bulk_list import job_list
from emulator.store.ingest_columns import IngestError

UPLOAD_BYTES = 150_000_000
CSV = "text/csv"


def create(call: Call) -> Answer:
    """POST /jobs/ingest; as multipart it brings its content along and starts at once."""
    kind = call.headers.get("content-type", "")
    content = None
    if kind.lower().startswith("multipart/form-data"):
        body, content = read_multipart(kind, call.body)
    else:
        body = call.json_object()
    wanted = read_ingest_request(call.org.schema, body, call.version)
    job = call.org.jobs.create(lambda job_id: _job_of(call, wanted, job_id))
    if content is not None:
        _keep(call, job, content)
        _close(call, job)
    return Answer(200, job.as_json("created"))


def list_jobs(call: Call) -> Answer:
    """GET /jobs/ingest"""
    return job_list(call)


def show(call: Call) -> Answer:
    """GET /jobs/ingest/{job}"""
    return Answer(200, _job(call).as_json("info"))


def upload(call: Call) -> Answer:
    """PUT /jobs/ingest/{job}/batches: once, as long as the job is open."""
    job = _job(call)
    kind = call.headers.get("content-type", CSV).partition(";")[0].strip().lower()
    if kind != CSV:
        raise ApiError(
            415, "UNSUPPORTED_MEDIA_TYPE", f"Content type {kind} is not supported; use {CSV}"
        )
    if job.state != OPEN:
        raise ApiError(
            400, "INVALIDJOBSTATE", f"Job state must be Open to upload data; it is {job.state}"
        )
    if job.uploaded:
        raise ApiError(
            400,
            "INVALIDJOBSTATE",
            f"Found multiple contents for job: <{job.id}>, please 'Close' / 'Abort' / 'Delete' "
            "the current Job then create a new Job and make sure you only do 'PUT' once on a "
            "given Job.",
        )
    _keep(call, job, call.body_file or call.body)
    return Answer(201)


def change_state(call: Call) -> Answer:
    """PATCH /jobs/ingest/{job}: `UploadComplete` or `Aborted`."""
    job, state = _job(call), call.json_object().get("state")
    if state == "UploadComplete":
        _close(call, job)
    elif state == "Aborted":
        _abort(call, job)
    else:
        raise ApiError(400, "INVALIDJOBSTATE", f"Invalid job state: {state}")
    return Answer(200, job.as_json("short"))


def delete(call: Call) -> Answer:
    """DELETE /jobs/ingest/{job}: any but one that is open or being worked on."""
    job = _job(call)
    if job.state == "UploadComplete":
        call.org.jobs.move(job, "Aborted", only_from=frozenset({"UploadComplete"}))
    if not job.is_over:
        raise ApiError(
            400,
            "API_ERROR",
            "Error encountered when deleting the job because the job is not terminated",
        )
    call.org.jobs.remove(job)
    return NO_CONTENT


def successful(call: Call) -> Answer:
    """GET /jobs/ingest/{job}/successfulResults"""
    return _results(call, SUCCESSFUL)


def failed(call: Call) -> Answer:
    """GET /jobs/ingest/{job}/failedResults"""
    return _results(call, FAILED)


def unprocessed(call: Call) -> Answer:
    """GET /jobs/ingest/{job}/unprocessedRecords, in any case"""
    return _results(call, UNPROCESSED)


def _job_of(call: Call, wanted: IngestRequest, job_id: str) -> IngestJob:
    def objects() -> set[str]:
        return {wanted.sobject.name.lower()}

    fault = call.org.faults.take({"job"}, "POST", call.raw_path, objects)
    return IngestJob(
        id=job_id,
        operation=wanted.operation,
        object_name=wanted.sobject.name,
        user_id=call.user.user_id,
        created=call.now.replace(microsecond=0),
        version=call.version,
        csv=wanted.csv,
        fate=fault.get("job"),
        done_share=float(fault.get("done_share", DONE_SHARE)),
        state=OPEN,
        sobject=wanted.sobject,
        key=wanted.key,
        external_id=wanted.external_id,
        assignment_rule_id=wanted.assignment_rule_id,
        client=_client(call),
    )


def _client(call: Call) -> str | None:
    """Of `Sforce-Call-Options: client=X, …`."""
    for option in call.headers.get("sforce-call-options", "").split(","):
        name, _, value = option.partition("=")
        if name.strip().lower() == "client" and value.strip():
            return value.strip()
    return None


def _keep(call: Call, job: IngestJob, content: bytes | Path) -> None:
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    if size > UPLOAD_BYTES:
        raise ApiError(
            400,
            "CLIENTINPUTERROR",
            f"ClientInputError : The file has {size} bytes; {UPLOAD_BYTES} are allowed",
        )
    file = job.upload_file(call.org.jobs)
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        content.replace(file)
    job.uploaded = True


def _close(call: Call, job: IngestJob) -> None:
    lock = call.org.faults.take(
        {"lock"}, call.method, call.raw_path, lambda: {job.object_name.lower()}
    )
    job.lock_share = float(lock.get("lock", 0))
    if not job.uploaded:
        raise ApiError(
            400, "INVALIDJOBSTATE", "There is no content to process; upload data before closing"
        )
    if not call.org.jobs.move(job, "UploadComplete", only_from=frozenset({OPEN})):
        raise ApiError(400, "INVALIDJOBSTATE", f"Closing a job in state {job.state} not allowed")
    call.org.jobs.start(job)


def _abort(call: Call, job: IngestJob) -> None:
    if not call.org.jobs.move(job, "Aborted", only_from=RUNNING | {OPEN}):
        raise ApiError(400, "INVALIDJOBSTATE", "Aborting already Completed Job not allowed")


def _results(call: Call, kind: str) -> Answer:
    job = _job(call)
    if not job.is_over:
        raise ApiError(
            400, "INVALIDJOBSTATE", f"Results are available for finished jobs; this is {job.state}"
        )
    job.idle.wait(SETTLING_S)
    form, jobs = job.csv, call.org.jobs
    uploaded = job.header.line if job.header else ""
    file = file_of(jobs.folder_of(job), kind)
    start = 0
    if not job.began and kind == UNPROCESSED and job.uploaded:
        # Nothing of it was read: what came is what is left.
        file = job.upload_file(jobs)
    elif not job.began:
        uploaded = _header_of(call, job)
    head = header_line(kind, form, uploaded) if kind != UNPROCESSED or job.began else b""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return Answer(200, FilePart(file, start, file.stat().st_size, CSV, head))


def _header_of(call: Call, job: IngestJob) -> str:
    if not job.uploaded:
        return ""
    try:
        return read_header(job.upload_file(call.org.jobs), job.csv).line
    except IngestError:
        return ""


def _job(call: Call) -> IngestJob:
    job = call.org.jobs.find(call.arguments["job"])
    if not isinstance(job, IngestJob):
        raise not_found()
    return job
