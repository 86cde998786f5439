"""What the ledger keeps on disk of one extract: its key, and a file per step."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from resources.landing import paths
from resources.landing.ledger_plan import EntryState, JobIntent
from resources.landing.manifest import PageRecord, build, page_from, read_document
from resources.landing.store import LandingStore


@dataclass(frozen=True, slots=True)
class ExtractKey:
    """What makes two extracts the same question.

    Args:
        org_id: 18 characters.
        object: Salesforce's name of the object.
        fields: Selected fields, in order.
        where: The condition besides the window, None if there is none.
        all_rows: Deleted records too (queryAll).
        api_version: As sent, for instance "66.0".
        window_start: None: open to the past.
        window_end: None: no window, a read of everything.
    """

    org_id: str
    object: str
    fields: tuple[str, ...]
    where: str | None
    all_rows: bool
    api_version: str
    window_start: datetime | None
    window_end: datetime | None

    @property
    def digest(self) -> str:
        """16 hex digits of everything but org and object, which are folders of their own."""
        parts = [
            list(self.fields),
            self.where,
            self.all_rows,
            self.api_version,
            *(t and t.astimezone(UTC).isoformat() for t in (self.window_start, self.window_end)),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    @property
    def folder(self) -> str:
        """Where all attempts at this question lie."""
        return paths.key_folder(self.org_id, self.object, self.digest)


@dataclass(frozen=True, slots=True)
class Intent:
    """An attempt was begun."""

    org_id: str
    object: str
    root_run_id: str
    run_id: str
    begun_at: datetime
    key: dict[str, Any]


@dataclass(frozen=True, slots=True)
class JobIntentRecord:
    """A job is about to be submitted."""

    operation: Literal["query", "queryAll"]
    at: datetime
    user_id: str
    doubts: tuple[str, ...]
    unclaimed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobRecord:
    """The job that answers."""

    job_id: str
    adopted: bool


@dataclass(frozen=True, slots=True)
class Closing:
    """Nothing is left to do."""

    outcome: Literal["done", "abandoned"]
    reason: str | None
    at: datetime


def read_state(store: LandingStore, attempt: str) -> EntryState | None:
    """What the ledger holds of an attempt; None if not even the intent was written."""
    names = set(store.list(attempt))
    if paths.INTENT not in names:
        return None
    intent = read_document(store, f"{attempt}/{paths.INTENT}")
    job_intent: JobIntent | None = None
    unclaimed: tuple[str, ...] = ()
    if paths.JOB_INTENT in names:
        path = f"{attempt}/{paths.JOB_INTENT}"
        document = read_document(store, path)
        unclaimed = tuple(document.pop("unclaimed"))
        document.pop("doubts")
        job_intent = build(path, JobIntent, document, ("at",))
    job_id = None
    if paths.JOB in names:
        job_id = read_document(store, f"{attempt}/{paths.JOB}")["job_id"]
    outcome = None
    if paths.CLOSED in names:
        outcome = read_document(store, f"{attempt}/{paths.CLOSED}")["outcome"]
    return EntryState(
        attempt=attempt,
        root_run_id=intent["root_run_id"],
        begun_at=datetime.fromisoformat(intent["begun_at"]),
        job_intent=job_intent,
        job_id=job_id,
        unclaimed=unclaimed,
        pages=_read_pages(store, attempt),
        has_manifest=paths.MANIFEST in names,
        outcome=outcome,
    )


def _read_pages(store: LandingStore, attempt: str) -> tuple[PageRecord, ...]:
    folder = f"{attempt}/{paths.PAGES}"
    records = [name for name in store.list(folder) if name.endswith(paths.PAGE_RECORD_SUFFIX)]
    return tuple(
        page_from(f"{folder}/{name}", read_document(store, f"{folder}/{name}")) for name in records
    )
