"""Cuts what waits in a channel into stretches: segments that are decoded and applied together.

A stretch is one transaction of the warehouse, and small enough that memory stays the same however
many events wait. An event that can't be read ends it, until that event has had its last try.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from assets.errors import UndecodedEventsError
from assets.undecoded import Tries
from resources.landing.inbox import ChannelInbox, Inbox
from resources.landing.inbox_segment import Segment
from resources.salesforce.pubsub.decode import DecodedBatch, EventDecoder
from resources.salesforce.pubsub.errors import EventDecodeError
from resources.warehouse.event_adapter import DeadEvent

STRETCH_EVENTS = 10_000
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
    """Segments that are applied together: their rows, and the decoded events these are made of."""

    segments: list[Segment] = field(default_factory=list)
    rows: list[pa.RecordBatch] = field(default_factory=list)
    decoded: list[pa.RecordBatch] = field(default_factory=list)
    dead: list[EventDecodeError] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)

    @property
    def events(self) -> int:
        """How many events its segments hold."""
        return sum(segment.events for segment in self.segments)

    def replay_id(self, before: bytes | None) -> bytes:
        """The position behind it; behind a break that of before, None if there was none."""
        return self.segments[-1].position or before or NO_POSITION

    def dead_events(self) -> list[DeadEvent]:
        """What is set aside of it, as the warehouse keeps it."""
        return [
            DeadEvent(one.replay_id, one.event_id, one.schema_id, one.payload, one.problem)
            for one in self.dead
        ]


#: The rows of some events in a table; raises ``EventColumnError`` if values fit no more.
ToRows = Callable[[DecodedBatch], pa.RecordBatch]


class Stretches:
    """Reads one channel for one consumer."""

    def __init__(
        self, channel: ChannelInbox, decoder: EventDecoder, tries: Tries, to_rows: ToRows
    ) -> None:
        self._channel, self._decoder = channel, decoder
        self._tries, self._to_rows = tries, to_rows

    def of(
        self, segments: Sequence[Segment]
    ) -> Iterator[tuple[Stretch, UndecodedEventsError | None]]:
        """Stretches in order; the last one with what stops at its end, if anything does."""
        stretch = Stretch()
        for segment in segments:
            if stretch.segments and stretch.events + segment.events > STRETCH_EVENTS:
                yield stretch, None
                stretch = Stretch()
            held_up = self._add(stretch, segment)
            if held_up is not None:
                yield stretch, held_up
                return
        yield stretch, None

    def _add(self, stretch: Stretch, segment: Segment) -> UndecodedEventsError | None:
        """Decode a segment into a stretch, unless one of its events is to be waited for."""
        raw = self._channel.read(segment)
        decoded = self._decoder.decode(raw)
        rows, read, undecoded = [], [], list(decoded.undecoded)
        for batch in decoded.batches:
            try:
                rows.append(self._to_rows(batch))
                read.append(batch.events)
            except EventColumnError as error:
                undecoded += _unread(raw, batch.events, str(error))
        held_up = self._tries.count(undecoded)
        if held_up is None:
            stretch.segments.append(segment)
            if segment.break_reason:
                stretch.breaks.append(segment.break_reason)
            stretch.rows += rows
            stretch.decoded += read
            stretch.dead += undecoded
        return held_up


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
