"""The landing store on local disk: temporary file, fsync, rename, fsync of the folder."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast
from uuid import uuid4

from resources.landing.errors import MissingFileError

#: Names that start so are unfinished or internal, and never listed.
HIDDEN = "."
LEASE_NAME = ".lease"


class LocalStore:
    """A ``LandingStore`` below a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.url = self.root.as_uri()

    def local_path(self, path: str) -> Path:
        return self.root / path

    @contextmanager
    def create(self, path: str) -> Iterator[BinaryIO]:
        final = self.root / path
        _make_folder(final.parent)
        temporary = final.with_name(f"{HIDDEN}{final.name}.{uuid4().hex[:8]}")
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(final)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(final.parent)

    def open(self, path: str) -> BinaryIO:
        try:
            return cast(BinaryIO, (self.root / path).open("rb"))
        except FileNotFoundError as error:
            raise MissingFileError(self.url, path) from error

    def exists(self, path: str) -> bool:
        return (self.root / path).is_file()

    def list(self, folder: str) -> list[str]:
        try:
            names = os.listdir(self.root / folder)
        except FileNotFoundError:
            return []
        return sorted(name for name in names if not name.startswith(HIDDEN))

    def size(self, folder: str) -> int:
        return sum(
            file.stat().st_size for file in (self.root / folder).rglob("*") if file.is_file()
        )

    def delete_tree(self, folder: str) -> None:
        """Rename first, so that nobody sees half a folder, then delete."""
        doomed = self.root / folder
        hidden = doomed.with_name(f"{HIDDEN}{doomed.name}.{uuid4().hex[:8]}")
        try:
            doomed.rename(hidden)
        except FileNotFoundError:
            return
        shutil.rmtree(hidden, ignore_errors=True)

    def try_lease(self, path: str) -> LocalLease | None:
        folder = self.root / path
        while True:
            _make_folder(folder)
            try:
                descriptor = os.open(folder / LEASE_NAME, os.O_RDWR | os.O_CREAT, 0o644)
            except FileNotFoundError:  # deleted just now
                continue
            try:
                # flock, not lockf: it also keeps threads of one process apart.
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
            if _is_file(folder / LEASE_NAME, descriptor):
                return LocalLease(descriptor)
            # Its folder was renamed away to be deleted, between our look and our lock.
            os.close(descriptor)


class LocalLease:
    """A lock that the operating system frees with the process, however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def renew(self) -> None:
        """Nothing to do: the lock lives as long as the process."""

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _make_folder(folder: Path) -> None:
    """Create a folder and its parents, each known to its own parent after a power cut."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _is_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
