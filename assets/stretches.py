"""Cuts what waits in a channel into stretches: segments that are decoded and applied together.

A stretch is one transaction of the warehouse, and small enough that memory stays the same however
many events wait. An event that can't be read ends it, until that event has had its last try.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.errors import UndecodedEventsError
from assets.undecoded import Tries
from resources.landing.inbox import ChannelInbox, Inbox
from resources.landing.inbox_segment import Segment
from resources.salesforce.pubsub.decode import DecodedBatch, EventDecoder
from resources.salesforce.pubsub.errors import EventDecodeError
from resources.warehouse.event_adapter import DeadEvent

#: What a stretch holds at most, unless its only segment holds more. A transaction costs some tenths
#: of a second however small it is; decoded events lie in memory until it is over.
STRETCH_EVENTS = 50_000
STRETCH_BYTES = 64 << 20
#: So many records are read by one API call.
STRETCH_RECORDS = 10_000
#: The position before the first event, or behind a break.
NO_POSITION = b""


class EventColumnError(ValueError):
    """A field's values don't fit the type that its column has now."""

    def __init__(self, field: str, carried: str, wanted: str) -> None:
        super().__init__(field, carried, wanted)
        self.field, self.carried, self.wanted = field, carried, wanted

    def __str__(self) -> str:
        return f"{self.field} came as {self.carried}, and is {self.wanted} now"


@dataclass
class Stretch:
    """Segments that are applied together: their rows, and the decoded events these are made of.

    Args:
        records: Ids that change events name.
        size_bytes: What its events and rows take.
    """

    segments: list[Segment] = field(default_factory=list)
    rows: list[pa.RecordBatch] = field(default_factory=list)
    decoded: list[pa.RecordBatch] = field(default_factory=list)
    dead: list[EventDecodeError] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)
    records: set[str] = field(default_factory=set)
    # Counted as segments come: there may be tens of thousands, of an event each.
    events: int = field(init=False)
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.events = sum(segment.events for segment in self.segments)
        self.size_bytes = sum(batch.nbytes for batch in (*self.decoded, *self.rows))

    def has_room_for(self, more: Stretch) -> bool:
        """Whether both together aren't too large for one transaction."""
        return not self.segments or (
            self.events + more.events <= STRETCH_EVENTS
            and self.size_bytes + more.size_bytes <= STRETCH_BYTES
            and len(self.records) + len(more.records - self.records) <= STRETCH_RECORDS
        )

    def extend(self, more: Stretch) -> None:
        """Take another one in, which follows."""
        self.segments += more.segments
        self.rows += more.rows
        self.decoded += more.decoded
        self.dead += more.dead
        self.breaks += more.breaks
        self.records |= more.records
        self.events += more.events
        self.size_bytes += more.size_bytes

    def replay_id(self, before: bytes | None) -> bytes:
        """The position behind it; behind a break that of before, None if there was none."""
        return self.segments[-1].position or before or NO_POSITION

    def dead_events(self) -> list[DeadEvent]:
        """What is set aside of it, as the warehouse keeps it."""
        return [dead_event(one) for one in self.dead]


def dead_event(error: EventDecodeError) -> DeadEvent:
    """An event that can't be read, as the warehouse keeps it."""
    return DeadEvent(error.replay_id, error.event_id, error.schema_id, error.payload, error.problem)


#: The rows of some events in a table; raises ``EventColumnError`` if values fit no more.
ToRows = Callable[[DecodedBatch], pa.RecordBatch]


class Stretches:
    """Reads one channel for one consumer."""

    def __init__(
        self, channel: ChannelInbox, decoder: EventDecoder, tries: Tries, to_rows: ToRows
    ) -> None:
        self._channel, self._decoder = channel, decoder
        self._tries, self._to_rows = tries, to_rows

    def of(self, segments: Sequence[Segment], restored: str | None) -> Iterator[Stretch]:
        """Stretches in order, each of a segment at least.

        Args:
            restored: Why events before the first one may be missing, if they may.

        Raises:
            UndecodedEventsError: An event can't be read; what comes before it was given out.
        """
        for number, stretch in enumerate(self._cut(segments)):
            if restored and number == 0:
                stretch.breaks.append(restored)
            yield stretch

    def _cut(self, segments: Sequence[Segment]) -> Iterator[Stretch]:
        stretch = Stretch()
        held_up: UndecodedEventsError | None = None
        for segment in segments:
            more, held_up = self._read(segment)
            if held_up is not None:
                break
            if not stretch.has_room_for(more):
                yield stretch
                stretch = Stretch()
            stretch.extend(more)
        if stretch.segments:
            yield stretch
        if held_up is not None:
            raise held_up

    def _read(self, segment: Segment) -> tuple[Stretch, UndecodedEventsError | None]:
        """A segment decoded, and what is to be waited for if one of its events can't be read."""
        raw = self._channel.read(segment)
        decoded = self._decoder.decode(raw)
        rows, read, dead = [], [], list(decoded.undecoded)
        records: set[str] = set()
        for batch in decoded.batches:
            try:
                rows.append(self._to_rows(batch))
            except EventColumnError as error:
                dead += _unread(raw, batch.events, str(error))
                continue
            read.append(batch.events)
            records |= _records(batch.events)
        breaks = [segment.break_reason] if segment.break_reason else []
        return Stretch([segment], rows, read, dead, breaks, records), self._tries.count(dead)


def _records(events: pa.RecordBatch) -> set[str]:
    if "record_ids" not in events.schema.names:
        return set()
    lists: Any = events.column("record_ids")
    return set(pc.unique(lists.flatten()).to_pylist())


def kept_or_fetched(inbox: Inbox, fetch: Callable[[str], str]) -> Callable[[str], str]:
    """Finds a schema in the inbox; one that didn't land is fetched, and kept from then on."""

    def schema_json(schema_id: str) -> str:
        known = inbox.schema(schema_id)
        if known is None:
            known = fetch(schema_id)
            inbox.keep_schema(schema_id, known)
        return known

    return schema_json


def _unread(
    raw: pa.RecordBatch, events: pa.RecordBatch, problem: str
) -> Iterator[EventDecodeError]:
    """Decoded events that fit no table, as their bytes."""
    wanted = set(events.column("replay_id").to_pylist())
    for row in raw.select(["replay_id", "event_id", "schema_id", "payload"]).to_pylist():
        if row["replay_id"] in wanted:
            yield EventDecodeError(**row, problem=problem)
