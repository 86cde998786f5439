"""What query and ingest jobs have in common: lists of them, and waiting for the end of one."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Literal, TypeVar
from urllib.parse import quote, unquote, urlsplit

from resources.salesforce.bulk_job import JobInfo, PollPlan
from resources.salesforce.errors import AnswerError, JobStalledError, LocatorLoopError
from resources.salesforce.transport import ApiRequest, JsonAnswer, Transport

Job = TypeVar("Job", bound=JobInfo)


def wait_for_end(
    info: Callable[[], Job],
    sleep: Callable[[float], None],
    on_progress: Callable[[Job], None] | None,
    poll: PollPlan | None,
) -> Job:
    """Ask until the job has ended in whatever way, rarer and rarer.

    Raises:
        JobStalledError: It didn't end in ``poll.give_up_after_s``.
    """
    poll = poll or PollPlan()
    waited_s, question = 0.0, 0
    while True:
        job = info()
        if on_progress:
            on_progress(job)
        if job.has_ended:
            return job
        if waited_s >= poll.give_up_after_s:
            raise JobStalledError(job.id, job.state, waited_s)
        question += 1
        pause_s = poll.pause_s(question)
        sleep(pause_s)
        waited_s += pause_s


def listed_jobs(
    transport: Transport, path: str, job_type: Literal["V2Query", "V2Ingest"]
) -> Iterator[tuple[JsonAnswer, Any]]:
    """Each job's JSON, with the answer it came in; without ``job_type`` all kinds would come."""
    asked = f"{path}?jobType={job_type}"
    seen = set[str]()
    following = asked
    while True:
        answer = transport.json(ApiRequest("GET", following))
        for entry in json_list(answer, "records"):
            yield answer, entry
        url = answer.json.get("nextRecordsUrl")
        locator = url_parameter(url, "queryLocator") if url else None
        if answer.json.get("done", True) or locator is None:
            return
        if locator in seen:
            raise LocatorLoopError("The list of jobs", locator, len(seen) + 1)
        seen.add(locator)
        # Its path says /jobs/ingest even for queries: only the locator in it is right.
        following = f"{asked}&queryLocator={quote(locator, safe='')}"


def created_in_order(jobs: Iterable[Job], created_since: datetime | None) -> list[Job]:
    """Jobs created at or after a second of the org's clock, oldest first."""
    since = created_since and created_since.replace(microsecond=0)
    recent = [job for job in jobs if since is None or job.created_date >= since]
    return sorted(recent, key=lambda job: (job.created_date, job.id))


def json_list(answer: JsonAnswer, key: str) -> list[Any]:
    """The list under that key of an answer."""
    found = answer.json.get(key) if isinstance(answer.json, dict) else None
    if not isinstance(found, list):
        raise malformed_job(answer, f"it has no list {key}")
    return found


def malformed_job(answer: JsonAnswer, cause: str) -> AnswerError:
    """The error for an answer about jobs that isn't what the API promises."""
    kind = answer.headers.get("Content-Type", "")
    return AnswerError("GET", "jobs", answer.status, kind, len(answer.body), cause)


def url_parameter(url: str, key: str) -> str | None:
    """A parameter of an address that the org gave us."""
    for pair in urlsplit(url).query.split("&"):
        found, _, value = pair.partition("=")
        if found == key and value:
            return unquote(value)  # a "+" in a locator is no space
    return None
