"""What to do next with an attempt at sending a load, given what is on disk. Pure decisions.

An attempt sends the rows of one outbound manifest in *rounds*: round 0 has all rows, each later
one the rows that met a transient error in the round before. A round is cut into *parts*, and
each part goes its own way, side by side with the others:

    bulk: part, intent of a job, job id, uploaded, intent to close, closed, results, outcomes
    rest: part, intent to send, answer, outcomes

Until the intent to close is written the org has done nothing with a bulk part: its job is thrown
away and the part uploaded again, or dropped. From then on it is never uploaded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

UploadApi = Literal["bulk", "rest"]
#: How an attempt ended: all its rows were sent, or it was cut short and settled.
UploadOutcome = Literal["done", "settled"]


@dataclass(frozen=True, slots=True)
class PartState:
    """What the ledger holds of one part.

    Args:
        index: Its number in the attempt, over all rounds.
        round: The round that it was cut in.
        rows: Rows in it.
        api: How it is sent.
        job_intended: A job is about to be created for it, or was.
        job_id: The job.
        job_inherited: The job was created by a process that is gone: what it uploaded is unknown.
        uploaded: The job has all bytes.
        sending: The org is about to be told to work on it (close or chunk), or was.
        closed: The org was told.
        landed: The result files, or the answer, are there, or will never be.
        recorded: The warehouse knows the outcomes.
        dropped: It is not sent by this attempt.
        jobs_dropped: Jobs that it had before and that never worked on a row.
    """

    index: int
    round: int
    rows: int
    api: UploadApi = "bulk"
    job_intended: bool = False
    job_id: str | None = None
    job_inherited: bool = False
    uploaded: bool = False
    sending: bool = False
    closed: bool = False
    landed: bool = False
    recorded: bool = False
    dropped: bool = False
    jobs_dropped: int = 0

    @property
    def ended(self) -> bool:
        """Nothing is left to do with it."""
        return self.recorded or self.dropped


@dataclass(frozen=True, slots=True)
class UploadState:
    """What the ledger holds of one attempt; ``cut_rounds`` are those without missing parts."""

    attempt: str
    outbound_id: str
    root_run_id: str
    begun_at: datetime
    rounds: int = 1
    cut_rounds: frozenset[int] = frozenset()
    parts: tuple[PartState, ...] = ()
    outcome: UploadOutcome | None = None

    @property
    def settling(self) -> bool:
        """A run has begun to settle it: with parts dropped it can't come to be done any more."""
        return any(part.dropped for part in self.parts)


@dataclass(frozen=True, slots=True)
class CutParts:
    """Cut the rest of a round: skip ``rows_cut`` rows of it, begin with part ``next_index``."""

    round: int
    rows_cut: int
    next_index: int


@dataclass(frozen=True, slots=True)
class CreateJob:
    """Call ``intend_job``, create a job, call ``record_job``.

    ``maybe_created``: a job may have been created and its id lost. It has no rows and never
    will; the org forgets it by itself after 7 days.
    """

    index: int
    maybe_created: bool


@dataclass(frozen=True, slots=True)
class UploadPart:
    """Upload the part's file, call ``record_uploaded``. If that breaks: ``DropJob``'s way."""

    index: int
    job_id: str


@dataclass(frozen=True, slots=True)
class DropJob:
    """Abort the job, which was never closed, and call ``drop_job``: the part gets another."""

    index: int
    job_id: str


@dataclass(frozen=True, slots=True)
class CloseJob:
    """Call ``intend_close``, close the job, call ``record_closed``."""

    index: int
    job_id: str


@dataclass(frozen=True, slots=True)
class AskJob:
    """The job may have been closed: ask for its state.

    It is gone: ``record_lost``.

    Still open: close it and call ``record_closed``, or (when settling) abort it and call
    ``drop_part``. Aborted without a row processed: ``drop_part``, or when going on ``drop_job``.
    Any other state: ``record_closed``.
    """

    index: int
    job_id: str


@dataclass(frozen=True, slots=True)
class LandResults:
    """Await the job, land its three result files, call ``record_results``.

    The job is gone: ``record_lost``.
    """

    index: int
    job_id: str


@dataclass(frozen=True, slots=True)
class SendChunk:
    """Call ``intend_send``, send the rows, land the answer, call ``record_answer``.

    ``maybe_sent``: it may have been sent and its answer lost. Sending it again is harmless for
    operations that name their record, and no others go this way. Settling, and the org refuses
    it for good: ``record_lost``.
    """

    index: int
    maybe_sent: bool


@dataclass(frozen=True, slots=True)
class RecordOutcomes:
    """Give the warehouse the outcomes of the part (harmless twice), call ``record_outcomes``."""

    index: int


@dataclass(frozen=True, slots=True)
class DropPart:
    """Settling: abort the job, if any, and call ``drop_part``; its rows are computed anew."""

    index: int
    job_id: str | None


@dataclass(frozen=True, slots=True)
class EndRound:
    """All parts have ended: ``begin_round`` with the rows to be tried again, or ``finish``."""

    round: int


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing is left to do."""

    outcome: UploadOutcome


PartStep = (
    CreateJob
    | UploadPart
    | DropJob
    | CloseJob
    | AskJob
    | LandResults
    | SendChunk
    | RecordOutcomes
    | DropPart
)
Step = CutParts | PartStep | EndRound | Finished


def next_steps(state: UploadState, *, settle: bool = False) -> tuple[Step, ...]:
    """Steps that can be done now, in any order or side by side; never none.

    Args:
        settle: Send nothing more: see what became of all that was closed, drop all else.
    """
    if state.outcome is not None:
        return (Finished(state.outcome),)
    steps: list[Step] = [
        step for part in state.parts if (step := part_step(part, settle=settle)) is not None
    ]
    last = state.rounds - 1
    if last not in state.cut_rounds and not settle:
        cut = [part for part in state.parts if part.round == last]
        steps.append(CutParts(last, sum(part.rows for part in cut), len(state.parts)))
    return tuple(steps) or (EndRound(last),)


def part_step(part: PartState, *, settle: bool = False) -> PartStep | None:
    """What to do next with one part; None if it has ended."""
    if part.ended:
        return None
    if part.landed:
        return RecordOutcomes(part.index)
    if part.api == "rest":
        # A chunk that may have been sent is sent again: only the answer tells its outcomes.
        if settle and not part.sending:
            return DropPart(part.index, None)
        return SendChunk(part.index, part.sending)
    return _bulk_step(part, settle)


def _bulk_step(part: PartState, settle: bool) -> PartStep:
    if part.job_id is not None:
        if part.closed:
            return LandResults(part.index, part.job_id)
        if part.sending:
            return AskJob(part.index, part.job_id)
    if settle:
        return DropPart(part.index, part.job_id)
    if part.job_id is None:
        return CreateJob(part.index, part.job_intended)
    if part.uploaded:
        return CloseJob(part.index, part.job_id)
    if part.job_inherited:
        return DropJob(part.index, part.job_id)
    return UploadPart(part.index, part.job_id)


def of_manifest(entries: Sequence[UploadState], outbound_id: str) -> UploadState | None:
    """The attempt that sends, or has sent, an outbound manifest; None if there was none.

    A manifest is sent once: an ended attempt answers for all later runs.
    """
    own = [entry for entry in entries if entry.outbound_id == outbound_id]
    return max(own, key=lambda entry: entry.begun_at, default=None)


def unfinished(entries: Sequence[UploadState]) -> list[UploadState]:
    """Attempts that were broken off, oldest first."""
    open_ones = [entry for entry in entries if entry.outcome is None]
    return sorted(open_ones, key=lambda entry: entry.begun_at)
