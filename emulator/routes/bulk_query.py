"""Bulk API 2.0 query jobs."""

from __future__ import annotations

from emulator.answer import NO_CONTENT, Answer, FilePart
from emulator.bulk.query_job import QueryJob
from emulator.bulk.requests import locator_of, max_records_of, read_job_request, row_of
from emulator.bulk.spool import Spool
from emulator.call import Call
from emulator.errors import ApiError, not_found
from emulator.limits import MAXIMA, QUERY_JOBS, QUERY_STORAGE_MB
from emulator.rest.soql_query import compiled_for_bulk
from emulator.routes.bulk_list import job_list

# The service chooses the size of a page when `maxRecords` isn't given.
DEFAULT_PAGE_ROWS = 250_000
# At most five per answer [bulk guide].
RESULT_PAGES = 5
RESULT_PAGES_SINCE = 58.0


def create(call: Call) -> Answer:
    """POST /jobs/query: HTTP 200, not 201 [bulk guide]."""
    wanted = read_job_request(call.json_object())
    query = compiled_for_bulk(call, wanted.soql, include_deleted=wanted.include_deleted)
    _count_job(call)
    fate = call.org.faults.take({"job"}, "POST", call.raw_path, call.objects).get("job")
    created = call.now.replace(microsecond=0)
    job = call.org.jobs.create(
        lambda job_id: QueryJob(
            id=job_id, operation=wanted.operation, object_name=query.object,
            user_id=call.user.user_id, created=created, version=call.version, csv=wanted.csv,
            query=query, fate=fate,
        )
    )  # fmt: skip
    return Answer(200, job.as_json("created") | {"state": "UploadComplete"})


def show(call: Call) -> Answer:
    """GET /jobs/query/{job}"""
    return Answer(200, _job(call).as_json("info"))


def list_jobs(call: Call) -> Answer:
    """GET /jobs/query"""
    return job_list(call)


def change_state(call: Call) -> Answer:
    """PATCH /jobs/query/{job}: only `Aborted`."""
    job = _job(call)
    state = call.json_object().get("state")
    if state != "Aborted":
        raise ApiError(400, "INVALIDJOBSTATE", f"Invalid job state: {state}")
    if not call.org.jobs.move(job, "Aborted"):
        raise ApiError(400, "INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
    return Answer(200, job.as_json("short"))


def delete(call: Call) -> Answer:
    """DELETE /jobs/query/{job}"""
    job = _job(call)
    if not job.is_over:
        raise ApiError(
            400,
            "API_ERROR",
            "Error encountered when deleting the job because the job is not terminated",
        )
    call.org.jobs.remove(job)
    return NO_CONTENT


def results(call: Call) -> Answer:
    """GET /jobs/query/{job}/results"""
    job = _job(call)
    spool = _spool(call, job)
    start = row_of(call.query["locator"]) if "locator" in call.query else 0
    if not 0 <= start <= spool.rows:
        raise ApiError(400, "INVALIDQUERYLOCATOR", "Invalid query locator")
    first, last, end = spool.page(start, _page_rows(call))
    headers = {
        # At the end the text `null`, not a missing header [bulk guide].
        "Sforce-Locator": locator_of(end) if end < spool.rows else "null",
        "Sforce-NumberOfRecords": str(end - start),
    }
    head = job.csv.header_line(job.query.header)
    return Answer(200, FilePart(spool.file, first, last, "text/csv", head), headers)


def result_pages(call: Call) -> Answer:
    """GET /jobs/query/{job}/resultPages, from v58 on."""
    if call.version < RESULT_PAGES_SINCE:
        raise not_found()
    job = _job(call)
    spool = _spool(call, job)
    start = row_of(call.query["locator"]) if "locator" in call.query else 0
    rows = _page_rows(call)
    base = f"{call.base_path}/jobs/query/{job.id}"
    pages: list[dict[str, str]] = []
    limit = f"&maxRecords={rows}" if "maxRecords" in call.query else ""
    while len(pages) < RESULT_PAGES and (start < spool.rows or not pages):
        pages.append({"resultUrl": f"{base}/results?locator={locator_of(start)}{limit}"})
        start = spool.page(start, rows)[2] if start < spool.rows else start
    body: dict[str, object] = {"resultPages": pages}
    if start < spool.rows:
        # In lower case, as the guide shows it.
        body["nextRecordsUrl"] = f"{base}/resultpages?locator={locator_of(start)}{limit}"
    return Answer(200, body | {"done": start >= spool.rows})


def _page_rows(call: Call) -> int:
    asked = max_records_of(call.query.get("maxRecords"), DEFAULT_PAGE_ROWS)
    return min(asked, call.org.jobs.most_page_rows or asked)


def _job(call: Call) -> QueryJob:
    job = call.org.jobs.find(call.arguments["job"])
    if not isinstance(job, QueryJob):
        raise not_found()
    return job


def _spool(call: Call, job: QueryJob) -> Spool:
    if call.version != job.version:
        raise ApiError(
            409,
            "API_ERROR",
            f"The job was created with API version {job.version}; get its results with the same",
        )
    if job.state != "JobComplete" or job.spool is None:
        raise ApiError(
            400, "INVALIDJOBSTATE", f"Results are available for completed jobs; this is {job.state}"
        )
    return job.spool


def _count_job(call: Call) -> None:
    limits = call.org.limits
    if limits.left(QUERY_JOBS) < 1:
        most = MAXIMA[QUERY_JOBS]
        raise ApiError(
            400,
            "LIMIT_EXCEEDED",
            f"Max bulk v2 query jobs ({most}) per 24 hrs has been reached",
        )
    if limits.left(QUERY_STORAGE_MB) < 1:
        raise ApiError(
            400,
            "LIMIT_EXCEEDED",
            "Max bulk v2 query result size stored (1000000000) kb per 24 hrs has been exceeded",
        )
    limits.use(QUERY_JOBS)
