"""What lies in a folder of the landing store: versioned JSON beside the files, written last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from resources.landing import paths
from resources.landing.errors import FormatError
from resources.landing.store import LandingStore, read_json, write_json

#: Raised when the meaning of a field changes; readers refuse what they don't know.
FORMAT_VERSION = 1

Api = Literal["bulk", "rest"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageRecord:
    """A landed result page.

    Args:
        index: Position in the result, from 0.
        path: The file, relative to the store.
        rows: Rows in it, as counted.
        bytes: Size as landed, uncompressed.
        sha256: Hex digest of the file.
        locator: What the page was asked with: a bulk locator or a REST query URL, None for
            the first page.
        next_locator: What the page after it is asked with, None for the last one.
        read_from: Earliest moment on the org's clock at which the page can have been read.
        read_to: Latest such moment. Both None for bulk: the whole job is one read.
    """

    index: int
    path: str
    rows: int
    bytes: int
    sha256: str
    locator: str | None
    next_locator: str | None
    read_from: datetime | None = None
    read_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExtractManifest:
    """A finished extract: what was asked, what came, where it lies.

    Args:
        manifest_id: Folder of the attempt; travels in materialization metadata.
        org_id: The org that was read.
        object: Salesforce's name of the object.
        api: The API that answered.
        api_version: As sent, for instance "66.0".
        query: The SOQL as sent.
        columns: Selected fields in SELECT order.
        all_rows: Deleted records were asked for too (queryAll).
        window_start: Start of the window on SystemModstamp; None: open to the past.
        window_end: End of the window; None: no window, a read of everything.
        read_from: Earliest moment on the org's clock at which any row can have been read.
        read_to: Latest such moment.
        job_id: The bulk job, None for REST.
        announced_rows: Rows that Salesforce said there are.
        api_calls: API calls spent on this extract.
        pages: All pages, in order.
        doubts: What a crash left unclear, in sentences.
        created_at: When the manifest was written, on this machine's clock.
    """

    manifest_id: str
    org_id: str
    object: str
    api: Api
    api_version: str
    query: str
    columns: tuple[str, ...]
    all_rows: bool
    window_start: datetime | None
    window_end: datetime | None
    read_from: datetime
    read_to: datetime
    job_id: str | None
    announced_rows: int
    api_calls: int
    pages: tuple[PageRecord, ...]
    doubts: tuple[str, ...] = ()
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def rows(self) -> int:
        """Rows landed."""
        return sum(page.rows for page in self.pages)

    @property
    def bytes(self) -> int:
        """Bytes landed."""
        return sum(page.bytes for page in self.pages)


@dataclass(frozen=True, slots=True)
class FrameFile:
    """An Arrow IPC file of typed images or removals, or of a load's rows."""

    path: str
    kind: paths.FrameKind
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class FramesManifest:
    """A finished transform or outbound step: frames, and what they were made of.

    Args:
        frames_id: Folder of the frames; travels in materialization metadata.
        org_id: The org that was read.
        object: Salesforce's name of the object.
        sources: Manifest ids of the extracts that went in.
        files: All files, in order.
        details: What the next stage needs to know, as plain JSON (windows, API calls spent).
        created_at: When the manifest was written, on this machine's clock.
    """

    frames_id: str
    org_id: str
    object: str
    sources: tuple[str, ...]
    files: tuple[FrameFile, ...]
    details: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def of_kind(self, kind: paths.FrameKind) -> tuple[FrameFile, ...]:
        """The files of one kind."""
        return tuple(file for file in self.files if file.kind == kind)

    @property
    def rows(self) -> int:
        """Images in all files."""
        return sum(file.rows for file in self.of_kind("images"))


def write_extract_manifest(store: LandingStore, manifest: ExtractManifest) -> None:
    """Make an extract count as landed."""
    write_document(store, f"{manifest.manifest_id}/{paths.MANIFEST}", manifest)


def read_extract_manifest(store: LandingStore, manifest_id: str) -> ExtractManifest:
    """The manifest of an extract.

    Raises:
        MissingFileError: It was never finished, or deleted by age.
        FormatError: Another version of Tidegate wrote it.
    """
    path = f"{manifest_id}/{paths.MANIFEST}"
    document = read_document(store, path)
    document["pages"] = tuple(page_from(path, page) for page in document["pages"])
    for name in ("columns", "doubts"):
        document[name] = tuple(document[name])
    times = ("window_start", "window_end", "read_from", "read_to", "created_at")
    return build(path, ExtractManifest, document, times)


def write_frames_manifest(store: LandingStore, manifest: FramesManifest) -> None:
    """Make a transform count as done."""
    write_document(store, f"{manifest.frames_id}/{paths.FRAMES_MANIFEST}", manifest)


def read_frames_manifest(store: LandingStore, frames_id: str) -> FramesManifest:
    """The manifest of a transform.

    Raises:
        MissingFileError: It was never finished, or deleted by age.
        FormatError: Another version of Tidegate wrote it.
    """
    path = f"{frames_id}/{paths.FRAMES_MANIFEST}"
    document = read_document(store, path)
    document["files"] = tuple(build(path, FrameFile, file) for file in document["files"])
    document["sources"] = tuple(document["sources"])
    return build(path, FramesManifest, document, ("created_at",))


def write_document(store: LandingStore, path: str, record: Any) -> None:
    """A dataclass as JSON with the format's version; datetimes as ISO 8601."""
    write_json(store, path, {"version": FORMAT_VERSION, **_plain(asdict(record))})


def read_document(store: LandingStore, path: str) -> dict[str, Any]:
    """The fields of a document of ours, datetimes still as text.

    Raises:
        MissingFileError: There is no such file.
        FormatError: It has another version.
    """
    document = read_json(store, path)
    version = document.pop("version", None)
    if version != FORMAT_VERSION:
        raise FormatError(path, f"its format is {version}, this version knows {FORMAT_VERSION}")
    return document


def page_from(path: str, document: dict[str, Any]) -> PageRecord:
    """A page record out of a document's part."""
    return build(path, PageRecord, document, ("read_from", "read_to"))


def build(path: str, kind: type[T], document: dict[str, Any], times: tuple[str, ...] = ()) -> T:
    """A dataclass out of a document's fields; ``times`` names those that are datetimes."""
    try:
        parsed = {
            name: datetime.fromisoformat(value) if name in times and value is not None else value
            for name, value in document.items()
        }
        return kind(**parsed)
    except (TypeError, ValueError) as error:
        raise FormatError(path, str(error)) from error


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
