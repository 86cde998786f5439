"""A Bulk 2.0 query job: what the org tells about it, and how long to wait for its end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

from resources.salesforce.errors import JobAbortedError, JobFailedError
from resources.salesforce.org_clock import ReadInterval

State = Literal["UploadComplete", "InProgress", "JobComplete", "Failed", "Aborted", "Open"]
ENDED = frozenset({"JobComplete", "Failed", "Aborted"})


@dataclass(frozen=True)
class JobInfo:
    """A job as one answer showed it; ``seen`` is when, by the org's clock.

    ``rows`` is what the org has processed so far, None before it counts. The org doesn't echo the
    query, so a job can't be told from another of the same object, operation and second.
    """

    id: str
    state: State
    operation: str
    object_name: str
    created_by_id: str
    created_date: datetime
    modified_date: datetime
    api_version: str
    rows: int | None
    retries: int
    processing_ms: int
    error_message: str
    seen: ReadInterval

    @property
    def has_ended(self) -> bool:
        """Whether its state can't change any more."""
        return self.state in ENDED

    @property
    def read(self) -> ReadInterval:
        """When its rows were read: between its creation and the answer that showed its end."""
        return ReadInterval(self.created_date, self.seen.hi)

    def raise_unless_complete(self) -> None:
        """Raise what a job without result means.

        Raises:
            JobFailedError, JobAbortedError: By its state.
        """
        if self.state == "Failed":
            raise JobFailedError(self.id, self.object_name, self.rows, self.error_message)
        if self.state == "Aborted":
            raise JobAbortedError(self.id, self.object_name, self.rows, self.error_message)


@dataclass(frozen=True)
class PollPlan:
    """How often to ask for a job's state: rarer and rarer, since each question is an API call."""

    first_s: float = 0.5
    growth: float = 1.6
    longest_s: float = 30.0
    give_up_after_s: float = 6 * 3600.0

    def pause_s(self, question: int) -> float:
        """Seconds to wait after the ``question``-th answer (1 is the first)."""
        # Capped before raising to a power: a job of hours would overflow a float.
        return min(self.longest_s, self.first_s * self.growth ** min(question - 1, 64))


def parse_job(body: Mapping[str, Any], seen: ReadInterval) -> JobInfo:
    """A job answer's JSON as ours; counters are absent at creation, and in lists."""
    rows = body.get("numberRecordsProcessed")
    return JobInfo(
        id=body["id"],
        state=cast(State, body["state"]),
        operation=body["operation"],
        object_name=body["object"],
        created_by_id=body["createdById"],
        created_date=parse_datetime(body["createdDate"]),
        modified_date=parse_datetime(body["systemModstamp"]),
        api_version=f"{float(body['apiVersion']):.1f}",  # a number, although documented as text
        rows=None if rows is None else int(rows),
        retries=int(body.get("retries") or 0),
        processing_ms=int(body.get("totalProcessingTime") or 0),
        error_message=str(body.get("errorMessage") or ""),
        seen=seen,
    )


def parse_datetime(text: str) -> datetime:
    """``2024-09-09T13:08:34.000+0000`` as UTC."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(UTC)
