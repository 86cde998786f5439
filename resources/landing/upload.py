"""One attempt at sending a load: which steps were taken, each written down before the next.

Every step is a file that is written whole; ``upload_plan`` says what they mean, and which comes
next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any, BinaryIO, Self

from resources.landing import paths, upload_plan
from resources.landing.errors import LedgerOrderError
from resources.landing.manifest import read_document, write_document
from resources.landing.paths import PartFile
from resources.landing.store import LandingStore, Lease
from resources.landing.upload_entry import (
    LandedFile,
    PartRecord,
    Step,
    UploadClosing,
    read_part_record,
    read_step,
)
from resources.landing.upload_plan import PartState, UploadOutcome, UploadState


class Upload:
    """One attempt at sending a load, leased to this process. Use it as a context manager.

    Leaving the block gives the leases back; what isn't finished by then is continued by the next
    run. Steps of different parts may be done by several threads.
    """

    def __init__(
        self,
        store: LandingStore,
        state: UploadState,
        run_id: str,
        leases: list[Lease],
        now: Callable[[], datetime],
    ) -> None:
        self.store, self.run_id = store, run_id
        self._state, self._leases, self._now = state, leases, now
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        release_all(self._leases)

    @property
    def attempt(self) -> str:
        """Folder of the attempt, which is also its id."""
        return self._state.attempt

    @property
    def state(self) -> UploadState:
        """What the ledger holds now."""
        return self._state

    @property
    def begun_by(self) -> str:
        """The run that began the attempt."""
        return str(read_document(self.store, f"{self.attempt}/{paths.INTENT}")["run_id"])

    def next_steps(self, *, settle: bool = False) -> tuple[upload_plan.Step, ...]:
        """What can be done now; see ``upload_plan.next_steps``."""
        return upload_plan.next_steps(self._state, settle=settle)

    def keep_alive(self) -> None:
        """Show a sign of life; call it while waiting, more often than leases last (minutes).

        Raises:
            LostLeaseError: Another process has taken over.
        """
        for lease in self._leases:
            lease.renew()

    def part_path(self, index: int, file: PartFile) -> str:
        """Where a file of a part lies."""
        return f"{paths.part_folder(self.attempt, index)}/{file}"

    def create_file(self, index: int, file: PartFile) -> AbstractContextManager[BinaryIO]:
        """A file of a part; whole or not at all, and without meaning until its step is done."""
        return self.store.create(self.part_path(index, file))

    def part_record(self, index: int) -> PartRecord:
        """A part as it was cut."""
        return read_part_record(self.store, self.attempt, index)

    def landed_files(self, index: int) -> Mapping[str, LandedFile]:
        """What came back for a part, by file name; nothing before it has landed."""
        step = read_step(self.store, self.attempt, index, paths.LANDED)
        return (step.files if step else None) or {}

    def sent_at(self, index: int) -> datetime | None:
        """When the org was told to work on a part, by the org's clock."""
        step = read_step(self.store, self.attempt, index, _tried(self._part(index), paths.SENDING))
        return step.org_time if step else None

    def through_at(self, index: int) -> datetime | None:
        """A moment by the org's clock when it was through with a part."""
        step = read_step(self.store, self.attempt, index, paths.LANDED)
        return step.org_time if step else None

    def lost_reason(self, index: int) -> str | None:
        """Why nobody will know what became of a part; None if that is known, or still to come."""
        step = read_step(self.store, self.attempt, index, paths.LANDED)
        return step.reason if step else None

    def record_part(self, part: PartRecord) -> None:
        """Make a part count; call it after its files were written."""
        with self._lock:
            self._require(part.index == len(self._state.parts), "record_part", "parts have gaps")
            self._require(
                part.round == self._state.rounds - 1 and part.round not in self._state.cut_rounds,
                "record_part",
                f"round {part.round} isn't being cut",
            )
            cut = PartState(part.index, part.round, part.rows, part.api)
            self._write(self._below(cut, paths.PART), part)
            self._state = replace(self._state, parts=(*self._state.parts, cut))

    def record_round_cut(self, number: int) -> None:
        """All parts of the round are there."""
        with self._lock:
            self._require(number == self._state.rounds - 1, "record_round_cut", "not the last one")
            self._write(paths.round_cut(number), Step(self._now(), self.run_id))
            self._state = replace(
                self._state, cut_rounds=self._state.cut_rounds | frozenset([number])
            )

    def begin_round(self, number: int) -> None:
        """Rows are sent again: ``CutParts`` follows. Until its first part a crash forgets it."""
        with self._lock:
            self._require(
                number == self._state.rounds and self._all_ended(), "begin_round", "parts are left"
            )
            self._state = replace(self._state, rounds=number + 1)

    def intend_job(self, index: int) -> None:
        """A job is about to be created; call it right before the POST."""
        part = self._expect(index, "intend_job", upload_plan.CreateJob)
        self._step(part, _tried(part, paths.JOB_INTENT), job_intended=True)

    def record_job(self, index: int, job_id: str) -> None:
        """Write down the part's job; call it right after the POST."""
        part = self._expect(index, "record_job", upload_plan.CreateJob)
        self._require(part.job_intended, "record_job", "its intent wasn't written")
        step = Step(self._now(), self.run_id, job_id=job_id)
        self._step(part, _tried(part, paths.JOB), step, job_id=job_id)

    def record_uploaded(self, index: int) -> None:
        """The job has all bytes of the part."""
        part = self._expect(index, "record_uploaded", upload_plan.UploadPart)
        self._step(part, _tried(part, paths.UPLOADED), uploaded=True)

    def intend_close(self, index: int, org_time: datetime) -> None:
        """The job is about to be closed: from now on the part is never uploaded again."""
        part = self._expect(index, "intend_close", upload_plan.CloseJob)
        step = Step(self._now(), self.run_id, org_time=org_time)
        self._step(part, _tried(part, paths.SENDING), step, sending=True)

    def record_closed(self, index: int) -> None:
        """The job is closed, or was seen to be."""
        part = self._expect(index, "record_closed", upload_plan.AskJob)
        self._step(part, _tried(part, paths.CLOSED), closed=True)

    def record_results(
        self, index: int, files: Mapping[PartFile, LandedFile], org_time: datetime
    ) -> None:
        """The result files have landed. ``org_time``: a moment after the job was through."""
        part = self._expect(index, "record_results", upload_plan.LandResults)
        self._landed(part, files, org_time)

    def intend_send(self, index: int, org_time: datetime) -> None:
        """A chunk is about to be sent."""
        part = self._expect(index, "intend_send", upload_plan.SendChunk)
        step = Step(self._now(), self.run_id, org_time=org_time)
        self._step(part, _tried(part, paths.SENDING), step, sending=True)

    def record_answer(
        self, index: int, files: Mapping[PartFile, LandedFile], org_time: datetime
    ) -> None:
        """The answer to a chunk has landed. ``org_time``: a moment after it came."""
        part = self._expect(index, "record_answer", upload_plan.SendChunk)
        self._require(part.sending, "record_answer", "its intent wasn't written")
        self._landed(part, files, org_time)

    def record_lost(self, index: int, reason: str, org_time: datetime) -> None:
        """Nothing will land: what became of a part that was sent, or may have been, is unknown."""
        part = self._part(index)
        self._require(
            part.sending and not part.landed and not part.ended,
            "record_lost",
            "it wasn't sent, or its outcomes are known",
        )
        step = Step(self._now(), self.run_id, org_time=org_time, files={}, reason=reason)
        self._step(part, paths.LANDED, step, landed=True)

    def record_outcomes(self, index: int) -> None:
        """The warehouse knows the outcomes of the part: it has ended."""
        part = self._expect(index, "record_outcomes", upload_plan.RecordOutcomes)
        self._step(part, paths.RECORDED, recorded=True)

    def drop_job(self, index: int, reason: str) -> None:
        """The part's job was aborted before a row was processed: it gets another one."""
        part = self._part(index)
        self._require(
            part.job_id is not None and not part.closed, "drop_job", "it has no job, or is closed"
        )
        step = Step(self._now(), self.run_id, job_id=part.job_id, reason=reason)
        self._write(self._below(part, _tried(part, paths.DROPPED)), step)
        fresh = PartState(part.index, part.round, part.rows, part.api)
        self._change(replace(fresh, jobs_dropped=part.jobs_dropped + 1))

    def drop_part(self, index: int, reason: str) -> None:
        """The part isn't sent by this attempt: its rows will be computed anew."""
        part = self._part(index)
        self._require(not part.closed and not part.landed, "drop_part", "the part is closed")
        step = Step(self._now(), self.run_id, reason=reason)
        self._step(part, paths.DROPPED, step, dropped=True)

    def finish(self, outcome: UploadOutcome = "done", reason: str | None = None) -> None:
        """All parts have ended and none is to be tried again; or the attempt is settled."""
        with self._lock:
            self._require(self._all_ended(), "finish", "parts are left")
            cut = self._state.rounds - 1 in self._state.cut_rounds
            self._require(cut or outcome == "settled", "finish", "the round isn't cut whole")
            whole = outcome == "settled" or not self._state.settling
            self._require(whole, "finish", "a part was dropped, so that it can only be settled")
            self._write(paths.CLOSED, UploadClosing(outcome, reason, self._now()))
            self._state = replace(self._state, outcome=outcome)

    def _landed(
        self, part: PartState, files: Mapping[PartFile, LandedFile], org_time: datetime
    ) -> None:
        named = {str(name): file for name, file in files.items()}
        step = Step(self._now(), self.run_id, org_time=org_time, files=named)
        self._step(part, paths.LANDED, step, landed=True)

    def _step(self, part: PartState, name: str, step: Step | None = None, **change: Any) -> None:
        document = step or Step(self._now(), self.run_id)
        self._write(self._below(part, name), document)
        self._change(replace(part, **change))

    def _below(self, part: PartState, name: str) -> str:
        return f"{paths.PARTS}/{part.index:05d}/{name}"

    def _change(self, changed: PartState) -> None:
        with self._lock:
            parts = [changed if p.index == changed.index else p for p in self._state.parts]
            self._state = replace(self._state, parts=tuple(parts))

    def _part(self, index: int) -> PartState:
        self._require(index < len(self._state.parts), f"part {index}", "it wasn't cut")
        return self._state.parts[index]

    def _expect(self, index: int, step: str, wanted: type[upload_plan.PartStep]) -> PartState:
        part = self._part(index)
        due = upload_plan.part_step(part)
        self._require(isinstance(due, wanted), step, f"next for part {index} is {due}")
        return part

    def _all_ended(self) -> bool:
        return all(part.ended for part in self._state.parts)

    def _require(self, condition: bool, step: str, problem: str) -> None:
        if not condition:
            raise LedgerOrderError(self.attempt, step, problem)

    def _write(self, name: str, record: Any) -> None:
        self._require(self._state.outcome is None, "write", "the attempt has ended")
        self.keep_alive()
        write_document(self.store, f"{self.attempt}/{name}", record)


def _tried(part: PartState, name: str) -> str:
    return f"{paths.try_folder(part.jobs_dropped)}/{name}"


def release_all(leases: list[Lease]) -> None:
    """Give leases back, the innermost first."""
    for lease in leases:
        lease.release()
