"""The ledger of extracts: what was asked of the org, so that a crash costs no second answer.

Each attempt has its own folder (``paths``) and a lease while a process works on it. Every step
is a file that is written whole; ``ledger_plan`` says what they mean.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self

from resources.landing import ledger_plan, paths
from resources.landing.errors import LedgerOrderError
from resources.landing.ledger_entry import (
    Closing,
    ExtractKey,
    Intent,
    JobIntentRecord,
    JobRecord,
    read_state,
)
from resources.landing.ledger_plan import Adopt, EntryState, JobIntent, JobSeen, SubmitAnew
from resources.landing.manifest import (
    ExtractManifest,
    PageRecord,
    read_document,
    read_extract_manifest,
    write_document,
    write_extract_manifest,
)
from resources.landing.store import LandingStore, Lease

#: Job results live 7 days; a day-old job answers about yesterday.
CONTINUE_WITHIN = timedelta(days=1)


class ExtractLedger:
    """Begins extracts, or goes on with what a crash left.

    Args:
        anew: Never go on: the answer must hold what the org had changed by now.
    """

    def __init__(
        self,
        store: LandingStore,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        anew: bool = False,
    ) -> None:
        self.store = store
        self._now, self._anew = now, anew

    def begin_or_continue(
        self,
        key: ExtractKey,
        *,
        root_run_id: str,
        run_id: str,
        continue_within: timedelta = CONTINUE_WITHIN,
    ) -> Extract:
        """An attempt that this process alone works on; ask it for its ``next_step``.

        Args:
            key: The question.
            root_run_id: The first run of a chain of retries. Its closed attempt is reused.
            run_id: This run.
            continue_within: Older unfinished attempts are left to the janitor.
        """
        names = [] if self._anew else self.store.list(key.folder)
        entries = [self._state(key, name) for name in names]
        ready = ledger_plan.candidates(
            [entry for entry in entries if entry is not None],
            root_run_id=root_run_id,
            now=self._now(),
            continue_within=continue_within,
        )
        for entry in ready:
            if entry.outcome == "done":
                return Extract(self.store, key, entry, None, self._now)
            lease = self.store.try_lease(entry.attempt)
            if lease is None:
                continue
            # Its owner may have gone on between our look and our lease.
            fresh = read_state(self.store, entry.attempt)
            if fresh is not None and fresh.outcome is None:
                return Extract(self.store, key, fresh, lease, self._now)
            lease.release()
        return self._begin(key, root_run_id, run_id)

    def _begin(self, key: ExtractKey, root_run_id: str, run_id: str) -> Extract:
        now = self._now()
        attempt = f"{key.folder}/{paths.new_stamp(now)}"
        lease = self.store.try_lease(attempt)
        if lease is None:
            raise LedgerOrderError(attempt, "begin", "a new folder is already leased")
        intent = Intent(key.org_id, key.object, root_run_id, run_id, now, asdict(key))
        write_document(self.store, f"{attempt}/{paths.INTENT}", intent)
        state = EntryState(attempt, root_run_id, now)
        return Extract(self.store, key, state, lease, self._now)

    def _state(self, key: ExtractKey, name: str) -> EntryState | None:
        return read_state(self.store, f"{key.folder}/{name}")

    def drop_pages(self, manifest_id: str) -> None:
        """Delete raw pages that must not stay; the attempt is never reused after."""
        closing = Closing("abandoned", "pages deleted", self._now())
        write_document(self.store, f"{manifest_id}/{paths.CLOSED}", closing)
        self.store.delete_tree(f"{manifest_id}/{paths.PAGES}")


class Extract:
    """One attempt at a question, leased to this process. Use it as a context manager.

    Leaving the block gives the lease back; what isn't closed by then is continued by the next
    run. ``record_page`` may be called from several threads.
    """

    def __init__(
        self,
        store: LandingStore,
        key: ExtractKey,
        state: EntryState,
        lease: Lease | None,
        now: Callable[[], datetime],
    ) -> None:
        self.store, self.key = store, key
        self._state, self._lease, self._now = state, lease, now
        self._unclaimed = state.unclaimed
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._lease is not None:
            self._lease.release()

    @property
    def attempt(self) -> str:
        """Folder of the attempt, which is also its manifest id."""
        return self._state.attempt

    @property
    def next_step(self) -> ledger_plan.NextStep:
        """What to do now."""
        return ledger_plan.next_step(self._state)

    @property
    def job_id(self) -> str | None:
        """The bulk job, once it is known."""
        return self._state.job_id

    @property
    def pages(self) -> tuple[PageRecord, ...]:
        """Landed pages by index; with parallel downloads there may be gaps."""
        return tuple(sorted(self._state.pages, key=lambda page: page.index))

    @property
    def doubts(self) -> tuple[str, ...]:
        """What crashes left unclear, in sentences for the user."""
        path = f"{self.attempt}/{paths.JOB_INTENT}"
        if not self.store.exists(path):
            return ()
        return tuple(read_document(self.store, path)["doubts"])

    def intend_job(
        self,
        operation: Literal["query", "queryAll"],
        *,
        at: datetime,
        user_id: str,
        doubt: str | None = None,
    ) -> None:
        """Write down that a job is about to be submitted; call it right before the POST.

        Args:
            operation: As in the POST.
            at: The org's clock.
            user_id: Who is logged in.
            doubt: What ``settle`` could not tell, if so.
        """
        if self._state.job_id is not None:
            raise LedgerOrderError(self.attempt, "intend_job", f"job {self.job_id} is known")
        if self._state.pages:
            raise LedgerOrderError(self.attempt, "intend_job", "REST pages have landed")
        doubts = (*self.doubts, *([doubt] if doubt else []))
        record = JobIntentRecord(operation, at, user_id, doubts, self._unclaimed)
        self._write(paths.JOB_INTENT, record)
        self._state = replace(self._state, job_intent=JobIntent(operation, at, user_id))

    def settle(self, jobs: Sequence[JobSeen]) -> Adopt | SubmitAnew:
        """Whether one of the org's jobs is the one that was about to be submitted.

        Writes nothing: follow it with ``record_job(…, adopted=True)`` or ``intend_job``.
        """
        intent = self._state.job_intent
        if intent is None:
            raise LedgerOrderError(self.attempt, "settle", "no job was about to be submitted")
        known, waiting = self._others()
        decision = ledger_plan.adoption(
            intent, self.key.object, jobs, known_job_ids=known, other_intents=waiting
        )
        if isinstance(decision, SubmitAnew):
            self._unclaimed = (*self._unclaimed, *decision.unclaimed)
        return decision

    def _others(self) -> tuple[set[str], list[JobIntent]]:
        """Jobs that nobody may adopt, and what other attempts at this object wait for."""
        object_folder = self.key.folder.rsplit("/", 1)[0]
        known = set(self._unclaimed)
        waiting: list[JobIntent] = []
        for digest in self.store.list(object_folder):
            for name in self.store.list(f"{object_folder}/{digest}"):
                entry = read_state(self.store, f"{object_folder}/{digest}/{name}")
                if entry is None or entry.attempt == self.attempt:
                    continue
                known.update(entry.unclaimed)
                if entry.job_id is not None:
                    known.add(entry.job_id)
                elif entry.job_intent is not None and entry.outcome is None:
                    waiting.append(entry.job_intent)
        return known, waiting

    def record_job(self, job_id: str, *, adopted: bool = False) -> None:
        """Write down the job that answers; call it right after the POST."""
        if self._state.job_intent is None:
            raise LedgerOrderError(self.attempt, "record_job", "its intent wasn't written")
        self._write(paths.JOB, JobRecord(job_id, adopted))
        self._state = replace(self._state, job_id=job_id)

    def keep_alive(self) -> None:
        """Show a sign of life; call it while waiting, more often than leases last (minutes).

        Raises:
            LostLeaseError: Another process has taken over.
        """
        self._renew()

    def page_path(self, index: int, kind: Literal["csv", "json"]) -> str:
        """Where a page lies, for its ``PageRecord``."""
        return paths.page(self.attempt, index, kind)

    def create_page(
        self, index: int, kind: Literal["csv", "json"]
    ) -> AbstractContextManager[BinaryIO]:
        """A file for a page's bytes as Salesforce sent them; whole or not at all."""
        return self.store.create(self.page_path(index, kind))

    def record_page(self, page: PageRecord) -> None:
        """Make a page count; call it after ``create_page``'s block."""
        with self._lock:
            self._write(paths.page_record(page.index), page)
            others = tuple(p for p in self._state.pages if p.index != page.index)
            self._state = replace(self._state, pages=(*others, page))

    def write_manifest(self, manifest: ExtractManifest) -> None:
        """Make the extract count as landed; pages must be complete."""
        if not isinstance(self.next_step, ledger_plan.WriteManifest):
            raise LedgerOrderError(self.attempt, "write_manifest", f"next is {self.next_step}")
        self._renew()
        write_extract_manifest(self.store, manifest)
        self._state = replace(self._state, has_manifest=True)

    def read_manifest(self) -> ExtractManifest:
        """The manifest of this attempt, once it is written."""
        return read_extract_manifest(self.store, self.attempt)

    def close(self) -> None:
        """The job is deleted: nothing is left to do."""
        if not self._state.has_manifest:
            raise LedgerOrderError(self.attempt, "close", "there is no manifest")
        self._end("done", None)

    def abandon(self, reason: str) -> None:
        """Give the attempt up (job failed, results gone): no run continues it."""
        self._end("abandoned", reason)

    def _end(self, outcome: Literal["done", "abandoned"], reason: str | None) -> None:
        self._write(paths.CLOSED, Closing(outcome, reason, self._now()))
        self._state = replace(self._state, outcome=outcome)

    def _write(self, name: str, record: Any) -> None:
        self._renew()
        write_document(self.store, f"{self.attempt}/{name}", record)

    def _renew(self) -> None:
        if self._lease is None:
            raise LedgerOrderError(self.attempt, "write", "it is closed")
        self._lease.renew()
