"""What an outbound step leaves in the landing store: rows to send, and rows that it refused.

Two kinds of Arrow IPC files, in the folder that the manifest names:

- ``rows``: ``_key``, ``_hash`` and a text column per mapped field, in the order in which they are
  to be sent.
- ``refused``: outcomes as in ``OUTCOME_SCHEMA``, all of them ``failed``: values that the org
  couldn't take. They aren't sent; the load records them beside what the org says of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from io import IOBase
from types import TracebackType
from typing import Any, Literal, Self, cast

import pyarrow as pa

from resources.landing.frames import FramesFolder
from resources.landing.manifest import FrameFile, FramesManifest, read_frames_manifest
from resources.landing.store import LandingStore
from resources.warehouse.load_adapter import OUTCOME_SCHEMA

OutboundKind = Literal["rows", "refused"]


class OutboundWriter(AbstractContextManager["OutboundWriter"]):
    """Writes both kinds side by side; a file without rows isn't made."""

    def __init__(self, folder: FramesFolder) -> None:
        self._folder = folder
        self._files: dict[OutboundKind, _File] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the files; they stay without effect if something went wrong."""
        if self._stack.__exit__(kind, error, trace) or error is not None:
            return
        for name, file in self._files.items():
            self._folder.record(name, rows=file.rows, size_bytes=file.size_bytes)

    def write(self, kind: OutboundKind, batch: pa.RecordBatch) -> None:
        """Add rows of one kind, all with the same columns."""
        if batch.num_rows == 0:
            return
        if kind not in self._files:
            file = _File(self._folder, kind, batch.schema)
            self._files[kind] = self._stack.enter_context(file)
        self._files[kind].write(batch)


class _File:
    """One IPC file, counted."""

    def __init__(self, folder: FramesFolder, kind: OutboundKind, schema: pa.Schema) -> None:
        self._created = folder.create(kind)
        self._schema = schema
        self.rows, self.size_bytes = 0, 0

    def __enter__(self) -> Self:
        self._file = self._created.__enter__()
        self._writer = pa.ipc.new_file(cast(IOBase, self._file), self._schema)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._writer.close()
            self.size_bytes = self._file.tell()
        self._created.__exit__(kind, error, trace)

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)
        self.rows += batch.num_rows


def read_outbound(store: LandingStore, manifest_id: str) -> FramesManifest:
    """The manifest of an outbound step.

    Raises:
        MissingFileError: It was never finished, or deleted by age.
    """
    return read_frames_manifest(store, manifest_id)


def rows_to_send(manifest: FramesManifest) -> int:
    return sum(file.rows for file in manifest.of_kind("rows"))


def rows_refused(manifest: FramesManifest) -> int:
    return sum(file.rows for file in manifest.of_kind("refused"))


def read_rows(store: LandingStore, manifest: FramesManifest) -> Iterator[pa.RecordBatch]:
    """Batches of ``_key``, ``_hash`` and cells, in sending order; one is in memory at a time."""
    return _batches(store, manifest.of_kind("rows"))


def read_refused(store: LandingStore, manifest: FramesManifest) -> pa.RecordBatchReader:
    """Outcomes of the rows that aren't sent."""
    batches = _batches(store, manifest.of_kind("refused"))
    return pa.RecordBatchReader.from_batches(OUTCOME_SCHEMA, batches)


def _batches(store: LandingStore, files: Sequence[FrameFile]) -> Iterator[pa.RecordBatch]:
    for file in files:
        local = store.local_path(file.path)
        # Not memory-mapped: a mapped file counts as memory of the step, all of it.
        source: Any = pa.OSFile(str(local), "rb") if local else store.open(file.path)
        with source:
            reader = pa.ipc.open_file(source)
            for index in range(reader.num_record_batches):
                yield reader.get_batch(index)
