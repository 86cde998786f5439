"""Where what lies in the landing store: the one place that knows the folders.

```
extracts/<org id>/<object>/<digest of the key>/<attempt>/
    intent.json  job_intent.json  job.json  manifest.json  closed.json
    pages/00000.csv  pages/00000.page  ...
frames/<org id>/<object>/<frames id>/
    images-00000.arrow  ...  removals-00000.arrow  ...  frames.json
```
An attempt's path is its id: it names the manifest in materialization metadata.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

EXTRACTS = "extracts"
FRAMES = "frames"

INTENT = "intent.json"
JOB_INTENT = "job_intent.json"
JOB = "job.json"
MANIFEST = "manifest.json"
CLOSED = "closed.json"
PAGES = "pages"
PAGE_RECORD_SUFFIX = ".page"
FRAMES_MANIFEST = "frames.json"

FrameKind = Literal["images", "removals"]


def new_stamp(now: datetime) -> str:
    """A folder name that sorts by time and is never given twice."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S.%f}Z-{uuid4().hex[:8]}"


def stamp_time(name: str) -> datetime | None:
    """When a folder was named by ``new_stamp``; None if it wasn't."""
    try:
        return datetime.strptime(name.split("Z-")[0], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
    except ValueError:
        return None


def key_folder(org_id: str, object_name: str, digest: str) -> str:
    """Where all attempts at one extract lie."""
    return f"{EXTRACTS}/{org_id}/{object_name}/{digest}"


def page(attempt: str, index: int, kind: Literal["csv", "json"]) -> str:
    """A result page as Salesforce sent it."""
    return f"{attempt}/{PAGES}/{index:05d}.{kind}"


def page_record(index: int) -> str:
    """What the ledger knows of a page, below its attempt; a page without it doesn't count."""
    return f"{PAGES}/{index:05d}{PAGE_RECORD_SUFFIX}"


def frames_folder(org_id: str, object_name: str, stamp: str) -> str:
    """Where one transform writes its Arrow IPC files."""
    return f"{FRAMES}/{org_id}/{object_name}/{stamp}"


def frame(folder: str, kind: FrameKind, index: int) -> str:
    """An Arrow IPC file."""
    return f"{folder}/{kind}-{index:05d}.arrow"
