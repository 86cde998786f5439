"""Turns landed pages into typed Arrow frames, one batch at a time; asks nothing of the org."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from io import IOBase
from typing import Literal, cast

import pyarrow as pa

from assets.landed import Landed, read_landed
from assets.row_shape import RowShape
from resources.landing.frames import FramesFolder
from resources.landing.ledger import ExtractLedger
from resources.landing.manifest import (
    ExtractManifest,
    FramesManifest,
    PageRecord,
    read_extract_manifest,
)
from resources.landing.store import LandingStore, read_bytes
from resources.salesforce.arrow import read_csv_page, read_json_page


def transform(store: LandingStore, manifest: ExtractManifest, shape: RowShape) -> FramesManifest:
    """Frames of one extract, and of the rows that no longer match, if it looked for them."""
    landed = read_landed(store, manifest.manifest_id)
    with FramesFolder(store, manifest.org_id, manifest.object) as folder:
        _write(folder, "images", _images(store, manifest, landed, shape))
        sources = [manifest.manifest_id]
        if landed.leaving:
            leaving = read_extract_manifest(store, landed.leaving)
            _write(folder, "removals", _removals(store, leaving, shape))
            sources.append(landed.leaving)
        return folder.write_manifest(tuple(sources), {"extract": manifest.manifest_id})


def drop_raw_pages(store: LandingStore, frames: FramesManifest) -> None:
    """Delete pages that hold what is masked in the frames."""
    ledger = ExtractLedger(store)
    for manifest_id in frames.sources:
        ledger.drop_pages(manifest_id)


def _images(
    store: LandingStore, manifest: ExtractManifest, landed: Landed, shape: RowShape
) -> Iterator[pa.RecordBatch]:
    for batch, lo, hi in _batches(store, manifest, landed.schema):
        yield shape.images(batch, lo, hi)


def _removals(
    store: LandingStore, manifest: ExtractManifest, shape: RowShape
) -> Iterator[pa.RecordBatch]:
    schema = read_landed(store, manifest.manifest_id).schema
    for batch, lo, hi in _batches(store, manifest, schema):
        yield shape.removals(batch, lo, hi)


def _batches(
    store: LandingStore, manifest: ExtractManifest, schema: pa.Schema
) -> Iterator[tuple[pa.RecordBatch, datetime, datetime]]:
    """Batches with the interval in which their rows were read."""
    for page in manifest.pages:
        lo, hi = page.read_from or manifest.read_from, page.read_to or manifest.read_to
        for batch in _page_batches(store, page, schema):
            yield batch, lo, hi


def _page_batches(
    store: LandingStore, page: PageRecord, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    if page.path.endswith(".json"):
        yield read_json_page(read_bytes(store, page.path), schema)
        return
    local = store.local_path(page.path)
    if local is not None:
        yield from read_csv_page(local, schema)
        return
    with store.open(page.path) as file:
        yield from read_csv_page(file, schema)


def _write(
    folder: FramesFolder,
    kind: Literal["images", "removals"],
    batches: Iterator[pa.RecordBatch],
) -> None:
    """One Arrow IPC file; none if there's no batch."""
    first = next(batches, None)
    if first is None:
        return
    rows = 0
    with folder.create(kind) as file:
        with pa.ipc.new_file(cast(IOBase, file), first.schema) as writer:
            for batch in _and_then(first, batches):
                writer.write_batch(batch)
                rows += batch.num_rows
        size_bytes = file.tell()
    folder.record(kind, rows=rows, size_bytes=size_bytes)


def _and_then(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest
