"""Files in one place, on local disk or in object storage; each appears whole or not at all.

Paths are relative to the store's root, with forward slashes. ``paths`` says which there are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from resources.landing.errors import FormatError


class Lease(Protocol):
    """The right to write below a path. Ends with ``release`` or with the process."""

    def renew(self) -> None:
        """Show a sign of life.

        Raises:
            LostLeaseError: Another process has taken over.
        """
        ...

    def release(self) -> None:
        """Give the right back; harmless when done twice."""
        ...


class LandingStore(Protocol):
    """A root under which files are created whole, read, listed and deleted by folder."""

    url: str

    def create(self, path: str) -> AbstractContextManager[BinaryIO]:
        """A file to write to; it appears under ``path`` when the block ends without error.

        An existing file is replaced. After the block its bytes survive a power cut (local:
        fsync of file and folder), or were accepted by the object store in one PUT.
        """
        ...

    def open(self, path: str) -> BinaryIO:
        """A file to read from; seekable.

        Raises:
            MissingFileError: There is no such file.
        """
        ...

    def exists(self, path: str) -> bool:
        """Whether there is a file of that name."""
        ...

    def list(self, folder: str) -> list[str]:
        """Names directly below a folder, sorted, unfinished files left out; [] if it's missing."""
        ...

    def size(self, folder: str) -> int:
        """Bytes of all files below a folder."""
        ...

    def delete_tree(self, folder: str) -> None:
        """Delete a folder and all below it; harmless if it's missing."""
        ...

    def local_path(self, path: str) -> Path | None:
        """Where the file lies on this machine, for memory mapping; None for object stores."""
        ...

    def try_lease(self, path: str) -> Lease | None:
        """Claim what lies below ``path``, or None while a live process holds it.

        On local disk the operating system frees the lease of a process that dies at once; in
        object storage it ends when it wasn't renewed for some minutes.
        """
        ...


def read_bytes(store: LandingStore, path: str) -> bytes:
    """A whole file.

    Raises:
        MissingFileError: There is no such file.
    """
    with store.open(path) as file:
        return file.read()


def write_json(store: LandingStore, path: str, document: Mapping[str, Any]) -> None:
    """Create a JSON file; whole or not at all, as all files of the store."""
    with store.create(path) as file:
        file.write(json.dumps(document, indent=1, ensure_ascii=False).encode())


def read_json(store: LandingStore, path: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        MissingFileError: There is no such file.
        FormatError: It isn't a JSON object.
    """
    try:
        document = json.loads(read_bytes(store, path))
    except ValueError as error:
        raise FormatError(path, f"not JSON ({error})") from error
    if not isinstance(document, dict):
        raise FormatError(path, "not a JSON object")
    return document


def open_store(url: str, *, project_root: Path | None = None) -> LandingStore:
    """The store behind a URL.

    Args:
        url: A path, ``file://`` URL, or any URL that fsspec knows, as ``s3://bucket/prefix``.
        project_root: What relative paths are relative to; by default the current folder.
    """
    from resources.landing.local_store import LocalStore
    from resources.landing.object_store import ObjectStore

    if url.startswith("file://"):
        return LocalStore(Path(url.removeprefix("file://")))
    if "://" in url:
        return ObjectStore(url)
    return LocalStore((project_root or Path.cwd()) / url)
