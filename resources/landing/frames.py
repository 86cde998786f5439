"""A folder of Arrow IPC files that one transform or outbound step writes, leased meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, BinaryIO, Self

from resources.landing import paths
from resources.landing.errors import LedgerOrderError
from resources.landing.manifest import FrameFile, FramesManifest, write_frames_manifest
from resources.landing.store import LandingStore


class FramesFolder:
    """A new folder for frames of one object, or of one load. Use it as a context manager.

    Without ``write_manifest`` its files count for nothing and go by age.
    """

    def __init__(
        self,
        store: LandingStore,
        org_id: str,
        object_name: str,
        *,
        load: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store, self.org_id, self.object = store, org_id, object_name
        stamp = paths.new_stamp(now())
        self.frames_id = (
            paths.frames_folder(org_id, object_name, stamp)
            if load is None
            else paths.outbound_folder(org_id, load, stamp)
        )
        lease = store.try_lease(self.frames_id)
        if lease is None:
            raise LedgerOrderError(self.frames_id, "begin", "a new folder is already leased")
        self._lease = lease
        self._files: list[FrameFile] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lease.release()

    def next_path(self, kind: paths.FrameKind) -> str:
        """Where the next file of this kind goes."""
        index = sum(file.kind == kind for file in self._files)
        return paths.frame(self.frames_id, kind, index)

    def create(self, kind: paths.FrameKind) -> AbstractContextManager[BinaryIO]:
        """A file for the next Arrow IPC stream or file of this kind; whole or not at all."""
        return self.store.create(self.next_path(kind))

    def record(self, kind: paths.FrameKind, *, rows: int, size_bytes: int) -> None:
        """Count the file that ``create`` wrote last for this kind."""
        self._lease.renew()
        self._files.append(FrameFile(self.next_path(kind), kind, rows, size_bytes))

    def write_manifest(
        self, sources: tuple[str, ...], details: Mapping[str, Any] | None = None
    ) -> FramesManifest:
        """Make the frames count as done."""
        self._lease.renew()
        manifest = FramesManifest(
            frames_id=self.frames_id,
            org_id=self.org_id,
            object=self.object,
            sources=sources,
            files=tuple(self._files),
            details=details or {},
        )
        write_frames_manifest(self.store, manifest)
        return manifest
