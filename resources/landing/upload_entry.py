"""What the upload ledger keeps on disk of one attempt: a file per step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from resources.landing import paths
from resources.landing.manifest import build, read_document
from resources.landing.store import LandingStore
from resources.landing.upload_plan import PartState, UploadApi, UploadOutcome, UploadState


@dataclass(frozen=True, slots=True)
class UploadIntent:
    """An attempt was begun."""

    org_id: str
    load: str
    outbound_id: str
    root_run_id: str
    run_id: str
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class PartRecord:
    """A part was cut.

    Args:
        index: Number in the attempt.
        round: The round that it belongs to.
        rows: Rows in it.
        bytes: Size of the CSV that is uploaded; 0 for chunks, which have none.
        sha256: Hex digest of the CSV; "" for chunks.
        api: How it is sent.
    """

    index: int
    round: int
    rows: int
    bytes: int
    sha256: str
    api: UploadApi = "bulk"


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A file that came back for a part: rows and bytes as counted, hex digest."""

    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a part was done. What else is known depends on the step.

    Args:
        at: When, on this machine's clock.
        run_id: By which run.
        job_id: The job (``job.json``).
        org_time: The org's clock, where it matters for the outcomes: when the part was sent
            (``sending.json``), and when it was through (``landed.json``).
        files: What has landed, by file name.
        reason: Why the part or job was dropped, or (``landed.json``) why nothing could land.
    """

    at: datetime
    run_id: str
    job_id: str | None = None
    org_time: datetime | None = None
    files: Mapping[str, LandedFile] | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class UploadClosing:
    """Nothing is left to do."""

    outcome: UploadOutcome
    reason: str | None
    at: datetime


def read_upload(store: LandingStore, attempt: str) -> UploadState | None:
    """What the ledger holds of an attempt; None if not even the intent was written."""
    names = set(store.list(attempt))
    if paths.INTENT not in names:
        return None
    path = f"{attempt}/{paths.INTENT}"
    intent = build(path, UploadIntent, read_document(store, path), ("begun_at",))
    parts = [
        part
        for name in store.list(f"{attempt}/{paths.PARTS}")
        if (part := _read_part(store, f"{attempt}/{paths.PARTS}/{name}")) is not None
    ]
    cut = {n for n in range(len(names)) if paths.round_cut(n) in names}
    outcome = None
    if paths.CLOSED in names:
        outcome = read_document(store, f"{attempt}/{paths.CLOSED}")["outcome"]
    return UploadState(
        attempt=attempt,
        outbound_id=intent.outbound_id,
        root_run_id=intent.root_run_id,
        begun_at=intent.begun_at,
        # A round without a part yet is known by what goes before: see ``begin_round``.
        rounds=1 + max((part.round for part in parts), default=0),
        cut_rounds=frozenset(cut),
        parts=tuple(parts),
        outcome=outcome,
    )


def read_part_record(store: LandingStore, attempt: str, index: int) -> PartRecord:
    """A part as it was cut."""
    path = f"{paths.part_folder(attempt, index)}/{paths.PART}"
    return build(path, PartRecord, read_document(store, path))


def read_step(store: LandingStore, attempt: str, index: int, name: str) -> Step | None:
    """A step of a part; None if it wasn't done."""
    path = f"{paths.part_folder(attempt, index)}/{name}"
    if not store.exists(path):
        return None
    document = read_document(store, path)
    if document["files"] is not None:
        document["files"] = {
            name: build(path, LandedFile, file) for name, file in document["files"].items()
        }
    return build(path, Step, document, ("at", "org_time"))


def _read_part(store: LandingStore, folder: str) -> PartState | None:
    names = set(store.list(folder))
    if paths.PART not in names:
        return None
    path = f"{folder}/{paths.PART}"
    record = build(path, PartRecord, read_document(store, path))
    dropped, tried = 0, set(store.list(f"{folder}/{paths.try_folder(0)}"))
    while paths.DROPPED in tried:
        dropped += 1
        tried = set(store.list(f"{folder}/{paths.try_folder(dropped)}"))
    job_id = None
    if paths.JOB in tried:
        path = f"{folder}/{paths.try_folder(dropped)}/{paths.JOB}"
        job_id = read_document(store, path)["job_id"]
    return PartState(
        index=record.index,
        round=record.round,
        rows=record.rows,
        api=record.api,
        job_intended=paths.JOB_INTENT in tried,
        job_id=job_id,
        job_inherited=job_id is not None,
        uploaded=paths.UPLOADED in tried,
        sending=paths.SENDING in tried,
        closed=paths.CLOSED in tried,
        landed=paths.LANDED in names,
        recorded=paths.RECORDED in names,
        dropped=paths.DROPPED in names,
        jobs_dropped=dropped,
    )
