"""The landing store in object storage, through fsspec: one PUT per file."""

from __future__ import annotations

import json
import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    """Small objects, numbered, that name their owner and when it last showed a sign of life.

    Object stores have no locks that end with a process, so a claim ends by time. Whoever takes
    over creates the next number, which only one can: the greatest number holds the lease.
    """

    def __init__(self, files: Any, folder: str, lease_s: float) -> None:
        self._files, self._folder, self._lease_s = files, folder, lease_s
        self._owner = uuid4().hex
        self._number = 0

    def claim(self) -> bool:
        """Create the lease, or take over one that has ended."""
        self._files.makedirs(self._folder, exist_ok=True)
        numbers = self._numbers()
        newest = max(numbers, default=0)
        if newest and self._read(newest)[1] < self._lease_s:
            return False
        try:
            self._files.pipe_file(self._path(newest + 1), self._content(), mode="create")
        except FileExistsError:
            return False
        self._number = newest + 1
        for number in numbers:
            self._delete(number)
        return True

    def renew(self) -> None:
        owner, idle_s = self._read(self._number)
        if owner != self._owner or max(self._numbers(), default=0) > self._number:
            raise LostLeaseError(self._folder, idle_s)
        self._files.pipe_file(self._path(self._number), self._content())

    def release(self) -> None:
        if self._read(self._number)[0] == self._owner:
            self._delete(self._number)

    def _path(self, number: int) -> str:
        return posixpath.join(self._folder, f"{LEASE_NAME}-{number:06d}")

    def _numbers(self) -> list[int]:
        self._files.invalidate_cache(self._folder)
        try:
            found = self._files.ls(self._folder, detail=False)
        except FileNotFoundError:  # without files there's no folder in object stores
            return []
        names = [posixpath.basename(str(name).rstrip("/")) for name in found]
        return [int(n.rsplit("-", 1)[1]) for n in names if n.startswith(f"{LEASE_NAME}-")]

    def _delete(self, number: int) -> None:
        with suppress(FileNotFoundError):
            self._files.rm_file(self._path(number))

    def _content(self) -> bytes:
        return json.dumps({"owner": self._owner, "at": datetime.now(UTC).isoformat()}).encode()

    def _read(self, number: int) -> tuple[str | None, float]:
        """Owner and seconds since the last sign of life; nobody and for ever if there is none."""
        try:
            lease = json.loads(self._files.cat_file(self._path(number)))
        except FileNotFoundError:
            return None, float("inf")
        idle = datetime.now(UTC) - datetime.fromisoformat(lease["at"])
        return lease["owner"], idle / timedelta(seconds=1)
