"""Merges the frames of one extract into its table, in one transaction with the sync state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from io import IOBase
from typing import cast

import pyarrow as pa

from assets.landed import Landed
from assets.row_shape import RowShape
from assets.specs import ObjectSpec
from resources.landing.manifest import ExtractManifest, FrameFile, FramesManifest
from resources.landing.store import LandingStore
from resources.salesforce.arrow import read_json_page
from resources.salesforce.client import SalesforceClient
from resources.warehouse.adapter import (
    ApiCalls,
    MergeResult,
    ReadInterval,
    Reread,
    RereadAnswer,
    Warehouse,
    WindowRow,
)

Connect = Callable[[], SalesforceClient]


def merge(
    warehouse: Warehouse,
    store: LandingStore,
    frames: FramesManifest,
    manifest: ExtractManifest,
    landed: Landed,
    shape: RowShape,
    spec: ObjectSpec,
    *,
    run_id: str,
    asset: str,
    api_calls: int,
    run_calls: int,
    connect: Connect,
) -> MergeResult:
    """What became of the rows.

    Args:
        api_calls: What the extract cost, whichever run paid it.
        run_calls: What this run has spent so far.
        connect: Called only if rows must be read again.
    """
    whole = not landed.windows
    return warehouse.merge_images(
        shape.table,
        frames_reader(store, frames.of_kind("images"), shape.table.image_schema()),
        object_name=manifest.object,
        org_id=manifest.org_id,
        run_id=run_id,
        reread=reread_by_id(spec, landed, shape, connect),
        removals=frames_reader(store, frames.of_kind("removals"), shape.table.removal_schema())
        if landed.leaving
        else None,
        windows=_window_rows(landed, api_calls),
        api_calls=[ApiCalls(asset, manifest.api, run_calls)] if run_calls else [],
        complete_as_of=ReadInterval(manifest.read_from, manifest.read_to) if whole else None,
    )


def _window_rows(landed: Landed, api_calls: int) -> list[WindowRow]:
    # One query reads all windows of a range: its calls are written down once.
    return [
        WindowRow(window.start, window.end, window.open_start, api_calls if index == 0 else 0)
        for index, window in enumerate(landed.windows)
    ]


def frames_reader(
    store: LandingStore, files: Sequence[FrameFile], schema: pa.Schema
) -> pa.RecordBatchReader:
    """The rows of frames, a batch at a time."""
    return pa.RecordBatchReader.from_batches(schema, _batches(store, files))


def _batches(store: LandingStore, files: Sequence[FrameFile]) -> Iterator[pa.RecordBatch]:
    for file in files:
        local = store.local_path(file.path)
        if local is not None:
            # Not memory-mapped: a mapped file counts as memory of the step, all of it.
            with pa.OSFile(str(local), "rb") as source:
                yield from _file_batches(source)
        else:
            with store.open(file.path) as source:
                yield from _file_batches(cast(IOBase, source))


def _file_batches(source: pa.NativeFile | IOBase) -> Iterator[pa.RecordBatch]:
    reader = pa.ipc.open_file(source)
    for index in range(reader.num_record_batches):
        yield reader.get_batch(index)


def reread_by_id(spec: ObjectSpec, landed: Landed, shape: RowShape, connect: Connect) -> Reread:
    """How a merge reads records again that it is in doubt about."""

    def reread(ids: Sequence[str], after: datetime) -> RereadAnswer:
        pages, read = connect().read_rows(
            spec.name, landed.schema.names, ids, after, where=spec.where or ""
        )
        batches = [
            shape.images(read_json_page(page, landed.schema), read.lo, read.hi) for page in pages
        ]
        images = pa.RecordBatchReader.from_batches(shape.table.image_schema(), iter(batches))
        return RereadAnswer(images, ReadInterval(read.lo, read.hi))

    return reread
