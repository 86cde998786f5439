"""One file of the inbox: raw events of a channel, and the position after them, in one commit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from io import IOBase
from typing import Any, cast

import pyarrow as pa

from resources.landing.errors import FormatError
from resources.landing.store import LandingStore

FORMAT_VERSION = 1
METADATA_KEY = b"tidegate"
COLUMNS: dict[str, pa.DataType] = {
    "replay_id": pa.binary(),
    "event_id": pa.string(),
    "schema_id": pa.string(),
    "payload": pa.binary(),
    "received_at": pa.timestamp("us", "UTC"),
}
#: What a segment holds of an event; the payload is Avro, as it came.
RAW_EVENTS = pa.schema(COLUMNS)


@dataclass(frozen=True, slots=True)
class Segment:
    """What a segment says of itself.

    Args:
        path: The file, relative to the store.
        seq: Numbers of a channel's segments ascend, without gaps as long as all are kept.
        events: How many it holds.
        position: Where to subscribe to go on behind it; None: at the earliest.
        break_reason: Set on a segment without events that says that events before the next one
            may be missing, and why: read a window.
        written_at: On this machine's clock.
    """

    path: str
    seq: int
    events: int
    position: bytes | None
    break_reason: str | None
    written_at: datetime


def write_segment(store: LandingStore, segment: Segment, events: pa.RecordBatch) -> None:
    """Commit events and position; both are there or neither."""
    description = {
        "version": FORMAT_VERSION,
        "seq": segment.seq,
        "events": segment.events,
        "position": segment.position.hex() if segment.position is not None else None,
        "break_reason": segment.break_reason,
        "written_at": segment.written_at.astimezone(UTC).isoformat(),
    }
    schema = RAW_EVENTS.with_metadata({METADATA_KEY: json.dumps(description).encode()})
    with (
        store.create(segment.path) as file,
        pa.ipc.new_file(cast(IOBase, file), schema) as writer,
    ):
        writer.write_batch(events.replace_schema_metadata(schema.metadata))


def read_segment(store: LandingStore, path: str) -> Segment:
    """What a segment says of itself; its events aren't read.

    Raises:
        MissingFileError: It was deleted.
        FormatError: It isn't a segment of this version.
    """
    with _opened(store, path) as reader:
        return _described(path, reader.schema.metadata)


def read_events(store: LandingStore, segment: Segment) -> pa.RecordBatch:
    """A segment's events in order; on local disk they are mapped, not copied.

    Raises:
        MissingFileError: It was deleted.
        FormatError: It isn't a segment of this version.
    """
    with _opened(store, segment.path) as reader:
        if not reader.schema.equals(RAW_EVENTS):
            raise FormatError(segment.path, "it has other columns")
        batch: pa.RecordBatch = reader.get_batch(0)
        return batch.replace_schema_metadata(None)


def _opened(store: LandingStore, path: str) -> Any:
    local = store.local_path(path)
    try:
        if local is not None and local.exists():
            return pa.ipc.open_file(pa.memory_map(str(local)))
        with store.open(path) as file:
            return pa.ipc.open_file(pa.BufferReader(file.read()))
    except pa.ArrowInvalid as error:
        raise FormatError(path, "it isn't an Arrow file") from error


def _described(path: str, metadata: dict[bytes, bytes] | None) -> Segment:
    try:
        found = json.loads((metadata or {})[METADATA_KEY])
        if found["version"] != FORMAT_VERSION:
            raise FormatError(path, f"format {found['version']} isn't {FORMAT_VERSION}")
        return Segment(
            path=path,
            seq=found["seq"],
            events=found["events"],
            position=bytes.fromhex(found["position"]) if found["position"] is not None else None,
            break_reason=found["break_reason"],
            written_at=datetime.fromisoformat(found["written_at"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(path, f"it isn't a segment ({type(error).__name__})") from error
