"""What to do next with an extract, given what is on disk. Pure decisions.

The order of steps is: intent, then intent of a job, POST, job id, pages, manifest, DELETE job,
closed (REST: intent, pages, manifest, closed). Whatever was written last before a crash says
where to go on; only between the intent of a job and its id is there a doubt.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from resources.landing.manifest import PageRecord

#: The POST follows its intent at once; a job made later than this isn't its.
POST_WITHIN = timedelta(minutes=10)
#: Salesforce keeps whole seconds of a job's creation.
CLOCK_STEP = timedelta(seconds=1)
#: States from which no result ever comes.
DEAD_STATES = frozenset({"Failed", "Aborted"})


@dataclass(frozen=True, slots=True)
class JobIntent:
    """A job that is about to be submitted: operation and the org's time."""

    operation: Literal["query", "queryAll"]
    at: datetime
    user_id: str


@dataclass(frozen=True, slots=True)
class EntryState:
    """What the ledger holds of one attempt."""

    attempt: str
    root_run_id: str
    begun_at: datetime
    job_intent: JobIntent | None = None
    job_id: str | None = None
    unclaimed: tuple[str, ...] = ()
    pages: tuple[PageRecord, ...] = ()
    has_manifest: bool = False
    outcome: Literal["done", "abandoned"] | None = None


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A job in the org's list of jobs."""

    job_id: str
    created_by_id: str
    object: str
    operation: str
    created_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Start:
    """Nothing has been asked yet."""


@dataclass(frozen=True, slots=True)
class FindJob:
    """A job may or may not have been submitted: list the org's jobs and call ``settle``."""

    intent: JobIntent


@dataclass(frozen=True, slots=True)
class FetchPage:
    """Get the page of this index and locator; of a job, or of a REST query without one."""

    index: int
    locator: str | None
    job_id: str | None


@dataclass(frozen=True, slots=True)
class WriteManifest:
    """All pages are there."""

    job_id: str | None


@dataclass(frozen=True, slots=True)
class CloseJob:
    """The manifest is there: delete the job, if any, and close."""

    job_id: str | None


@dataclass(frozen=True, slots=True)
class Finished:
    """Closed: use the manifest."""


NextStep = Start | FindJob | FetchPage | WriteManifest | CloseJob | Finished


@dataclass(frozen=True, slots=True)
class Adopt:
    """Exactly one job can be ours."""

    job_id: str


@dataclass(frozen=True, slots=True)
class SubmitAnew:
    """Submit a job; ``doubt`` says, if so, that another may be running for nobody.

    ``unclaimed`` are those jobs. Nobody may adopt them later: whose they are stays unknown.
    """

    doubt: str | None
    unclaimed: tuple[str, ...] = ()


def next_step(entry: EntryState) -> NextStep:
    """Where to go on with an attempt."""
    if entry.outcome is not None:
        return Finished()
    if entry.has_manifest:
        return CloseJob(entry.job_id)
    if entry.job_id is None and entry.job_intent is not None:
        return FindJob(entry.job_intent)
    if entry.job_id is None and not entry.pages:
        return Start()
    return _next_page(entry)


def _next_page(entry: EntryState) -> FetchPage | WriteManifest:
    locator: str | None = None
    landed = {page.index: page for page in entry.pages}
    index = 0
    while page := landed.get(index):
        index, locator = index + 1, page.next_locator
        if locator is None:
            return WriteManifest(entry.job_id)
    return FetchPage(index, locator, entry.job_id)


def candidates(
    entries: Sequence[EntryState], *, root_run_id: str, now: datetime, continue_within: timedelta
) -> list[EntryState]:
    """Attempts to go on with, best first; none means: begin a new one.

    A closed attempt serves only the root run that made it, so that a deliberate re-run reads
    again. An unfinished one is continued by any run, unless it is too old: its job's results
    would be stale, or gone.
    """
    newest_first = sorted(entries, key=lambda entry: entry.begun_at, reverse=True)
    own = [e for e in newest_first if e.outcome == "done" and e.root_run_id == root_run_id]
    unfinished = [
        e for e in newest_first if e.outcome is None and now - e.begun_at <= continue_within
    ]
    # The furthest first: it costs the fewest calls.
    unfinished.sort(
        key=lambda e: (e.has_manifest, e.job_id is not None, len(e.pages)), reverse=True
    )
    return own[:1] + unfinished


def adoption(
    intent: JobIntent,
    object_name: str,
    jobs: Sequence[JobSeen],
    *,
    known_job_ids: Collection[str],
    other_intents: Sequence[JobIntent],
) -> Adopt | SubmitAnew:
    """Whether a job in the org is the one that we were about to submit.

    Args:
        intent: What was written down before the POST.
        object_name: The object that was asked for.
        jobs: The org's query jobs since the intent.
        known_job_ids: Jobs that stand in the ledger already.
        other_intents: What other attempts at this object were about to submit and have no job
            for yet. A job could be theirs.
    """
    possible = tuple(
        job.job_id
        for job in jobs
        if job.created_by_id == intent.user_id
        and job.object == object_name
        and job.operation == intent.operation
        and intent.at - CLOCK_STEP <= job.created_at <= intent.at + POST_WITHIN
        and job.state not in DEAD_STATES
        and job.job_id not in known_job_ids
    )
    if not possible:
        return SubmitAnew(None)
    rivals = [other for other in other_intents if abs(other.at - intent.at) <= 2 * POST_WITHIN]
    if len(possible) == 1 and not rivals:
        return Adopt(possible[0])
    return SubmitAnew(
        f"After a crash {len(possible)} job(s) on {object_name} may be ours and "
        f"{len(rivals)} other attempt(s) wait for theirs: a new job was submitted. "
        f"Unclaimed: {', '.join(possible)}.",
        possible,
    )
