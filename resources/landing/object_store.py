"""The landing store in object storage, through fsspec: one PUT per file."""

from __future__ import annotations

import json
import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, cast
from uuid import uuid4

import fsspec

from resources.landing.errors import LostLeaseError, MissingFileError

LEASE_NAME = ".lease"
#: Longer than any page takes to download; a lease is renewed with each page.
LEASE_S = 15 * 60.0


class ObjectStore:
    """A ``LandingStore`` below a prefix of a bucket, or of any file system fsspec knows."""

    def __init__(self, url: str, *, lease_s: float = LEASE_S) -> None:
        self.url = url.rstrip("/")
        self._lease_s = lease_s
        self._files: Any
        self._files, self._root = fsspec.url_to_fs(self.url)

    def _full(self, path: str) -> str:
        return posixpath.join(self._root, path)

    def local_path(self, path: str) -> Path | None:
        return None

    @contextmanager
    def create(self, path: str) -> Iterator[BinaryIO]:
        with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
            local = Path(folder) / "file"
            with local.open("xb") as file:
                yield file
            # Some file systems (local, sftp) have folders that must exist.
            self._files.makedirs(posixpath.dirname(self._full(path)), exist_ok=True)
            self._files.put_file(str(local), self._full(path))

    def open(self, path: str) -> BinaryIO:
        try:
            return cast(BinaryIO, self._files.open(self._full(path), "rb"))
        except FileNotFoundError as error:
            raise MissingFileError(self.url, path) from error

    def exists(self, path: str) -> bool:
        return bool(self._files.isfile(self._full(path)))

    def list(self, folder: str) -> list[str]:
        self._files.invalidate_cache(self._full(folder))
        try:
            found = self._files.ls(self._full(folder), detail=False)
        except FileNotFoundError:
            return []
        names = {posixpath.basename(str(name).rstrip("/")) for name in found}
        return sorted(name for name in names if name and not name.startswith("."))

    def size(self, folder: str) -> int:
        found = self._files.find(self._full(folder), detail=True)
        return sum(int(info["size"] or 0) for info in found.values())

    def delete_tree(self, folder: str) -> None:
        try:
            self._files.rm(self._full(folder), recursive=True)
        except FileNotFoundError:
            return

    def try_lease(self, path: str) -> ObjectLease | None:
        lease = ObjectLease(self._files, self._full(path), self._lease_s)
        return lease if lease.claim() else None


class ObjectLease:
    """A small object that names its owner and when it was last renewed.

    Object stores have no locks that end with a process, so the claim ends by time.
    """

    def __init__(self, files: Any, folder: str, lease_s: float) -> None:
        self._files, self._folder, self._lease_s = files, folder, lease_s
        self._path = posixpath.join(folder, LEASE_NAME)
        self._owner = uuid4().hex

    def claim(self) -> bool:
        """Create the lease, or take over one that has ended."""
        self._files.makedirs(self._folder, exist_ok=True)
        try:
            self._files.pipe_file(self._path, self._content(), mode="create")
            return True
        except FileExistsError:
            pass
        _, idle_s = self._read()
        if idle_s < self._lease_s:
            return False
        self._files.pipe_file(self._path, self._content())
        return self._read()[0] == self._owner  # of two that take over, the last writer has it

    def renew(self) -> None:
        owner, idle_s = self._read()
        if owner != self._owner:
            raise LostLeaseError(self._folder, idle_s)
        self._files.pipe_file(self._path, self._content())

    def release(self) -> None:
        if self._read()[0] == self._owner:
            self._files.rm_file(self._path)

    def _content(self) -> bytes:
        return json.dumps({"owner": self._owner, "at": datetime.now(UTC).isoformat()}).encode()

    def _read(self) -> tuple[str | None, float]:
        """Owner and seconds since the last sign of life; nobody and for ever if there is none."""
        try:
            lease = json.loads(self._files.cat_file(self._path))
        except FileNotFoundError:
            return None, float("inf")
        idle = datetime.now(UTC) - datetime.fromisoformat(lease["at"])
        return lease["owner"], idle / timedelta(seconds=1)
