"""The list of bulk jobs: the same under both paths."""

from __future__ import annotations

from emulator.answer import Answer
from emulator.call import Call
from emulator.errors import ApiError

LIST_PAGE_JOBS = 1000
JOB_TYPES = ("V2Query", "V2Ingest", "Classic", "BigObjectIngest")


def job_list(call: Call) -> Answer:
    """Jobs of every kind, unless `jobType` asks for one [bulk guide]."""
    job_type = call.query.get("jobType")
    if job_type is not None and job_type not in JOB_TYPES:
        raise ApiError(400, "INVALIDJOB", f"InvalidJob : {job_type} is not a job type")
    jobs = [job for job in call.org.jobs.all() if job_type in (None, job.job_type)]
    start = _start(call.query.get("queryLocator"))
    shown = jobs[start : start + LIST_PAGE_JOBS]
    end = start + len(shown)
    # The documented URL says `ingest`, for the query list too [bulk guide].
    more = f"{call.base_path}/jobs/ingest?queryLocator=01gTd000000Jobs-{end}"
    if job_type is not None:
        more += f"&jobType={job_type}"
    done = end >= len(jobs)
    records = [job.as_json("listed") for job in shown]
    return Answer(200, {"done": done, "records": records, "nextRecordsUrl": None if done else more})


def _start(locator: str | None) -> int:
    offset = (locator or "-0").rpartition("-")[2]
    if not offset.isdigit():
        raise ApiError(400, "INVALIDQUERYLOCATOR", "Invalid query locator")
    return int(offset)
