"""Where what lies in the landing store: the one place that knows the folders.

```
extracts/<org id>/<object>/<digest of the key>/<attempt>/
    intent.json  job_intent.json  job.json  manifest.json  closed.json
    pages/00000.csv  pages/00000.page  ...
frames/<org id>/<object>/<frames id>/
    images-00000.arrow  ...  removals-00000.arrow  ...  frames.json
outbound/<org id>/<load>/<frames id>/
    rows-00000.arrow  ...  frames.json
loads/<org id>/<load>/<attempt>/
    intent.json  round-000.json  ...  closed.json
    parts/00000/part.json  landed.json  recorded.json  dropped.json
                rows.csv  rows.arrow  successful.csv  failed.csv  unprocessed.csv  answer.arrow
                try-00/job_intent.json  job.json  uploaded.json  sending.json  closed.json
                       dropped.json
describes/<org id>/<user id>/<API version>/<object>.json
```
An attempt's path is its id: it names the manifest in materialization metadata.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

EXTRACTS = "extracts"
FRAMES = "frames"
OUTBOUND = "outbound"
LOADS = "loads"
DESCRIBES = "describes"

INTENT = "intent.json"
JOB_INTENT = "job_intent.json"
JOB = "job.json"
MANIFEST = "manifest.json"
CLOSED = "closed.json"
PAGES = "pages"
PAGE_RECORD_SUFFIX = ".page"
FRAMES_MANIFEST = "frames.json"

PARTS = "parts"
PART = "part.json"
UPLOADED = "uploaded.json"
SENDING = "sending.json"
LANDED = "landed.json"
RECORDED = "recorded.json"
DROPPED = "dropped.json"

FrameKind = Literal["images", "removals", "rows", "refused"]
#: Files of a part: what is sent, the same as a frame, and what came back.
PartFile = Literal[
    "rows.csv",
    "rows.arrow",
    "successful.csv",
    "failed.csv",
    "unprocessed.csv",
    "answer.arrow",
]


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


def outbound_folder(org_id: str, load: str, stamp: str) -> str:
    """Where one outbound step writes the rows to send."""
    return f"{OUTBOUND}/{org_id}/{load}/{stamp}"


def load_folder(org_id: str, load: str) -> str:
    """Where all attempts at sending one load lie."""
    return f"{LOADS}/{org_id}/{load}"


def part_folder(attempt: str, index: int) -> str:
    """Where the steps and files of one part lie."""
    return f"{attempt}/{PARTS}/{index:05d}"


def try_folder(number: int) -> str:
    """Below a part: the steps of one job, or of a chunk; the next one if that was dropped."""
    return f"try-{number:02d}"


def round_cut(number: int) -> str:
    """Written below the attempt when all parts of a round are there."""
    return f"round-{number:03d}.json"


def describe_file(org_id: str, user_id: str, api_version: str, object_name: str) -> str:
    """What a user was last told of an object; its name may be spelled in any case."""
    return f"{DESCRIBES}/{org_id}/{user_id}/{api_version}/{object_name.lower()}.json"
