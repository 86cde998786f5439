"""Applies the change events of one object that lie in the inbox, a stretch at a time.

A stretch is one transaction: its changes, the images of the records that they name, and the
position after it. What a kill interrupts is simply applied again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from assets.change_rows import ChangeColumnError, ChangeLog, change_reader
from assets.changes_plan import ReadAgain, Seen, read_again, seen_in
from assets.changes_reads import ObjectReads
from assets.changes_spec import ChangesSpec
from assets.errors import UndecodedEventsError
from assets.extract import RunIds
from assets.pending_segments import pending_segments
from assets.undecoded import Tries
from resources.landing.inbox import Inbox
from resources.landing.inbox_segment import Segment
from resources.landing.store import LandingStore
from resources.salesforce.client import SalesforceClient
from resources.salesforce.pubsub.decode import EventDecoder
from resources.salesforce.pubsub.errors import EventDecodeError
from resources.warehouse.adapter import ApiCalls, MergeResult, Warehouse
from resources.warehouse.event_adapter import AppendResult, DeadEvent, Position

#: Events of one transaction, so that memory stays the same however many there are.
STRETCH_EVENTS = 10_000
#: The position before the first event, or behind a break.
NO_POSITION = b""

Report = Callable[[str], None]


@dataclass(frozen=True)
class ChangePlaces:
    """Where events come from and go to. ``fetch_schema`` finds a schema that didn't land."""

    client: SalesforceClient
    store: LandingStore
    warehouse: Warehouse
    fetch_schema: Callable[[str], str]
    mask_key: str


@dataclass
class _Stretch:
    """Segments that are applied together."""

    segments: list[Segment] = field(default_factory=list)
    rows: list[pa.RecordBatch] = field(default_factory=list)
    headers: list[pa.RecordBatch] = field(default_factory=list)
    dead: list[EventDecodeError] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)

    @property
    def events(self) -> int:
        return sum(segment.events for segment in self.segments)


@dataclass(frozen=True)
class Applied:
    """What became of one stretch; ``window`` is what had to be read beyond single records."""

    seen: Seen
    breaks: tuple[str, ...]
    appended: AppendResult
    merged: MergeResult
    asked: int
    returned: int
    read_again: ReadAgain | None
    window: MergeResult | None
    position: Position


class ChangesRun:
    """One object's changes within one run."""

    def __init__(
        self, spec: ChangesSpec, places: ChangePlaces, run: RunIds, report: Report
    ) -> None:
        self._spec, self._places, self._run, self._report = spec, places, run, report
        self._client, self._warehouse = places.client, places.warehouse
        self._inbox = Inbox(places.store, self._client.org_id)
        self._channel = self._inbox.channel(spec.channel)
        self._tries = Tries(self._channel, spec.consumer, spec.dead_after_tries)

    def apply(self) -> list[Applied]:
        """Apply all that lies in the inbox now.

        Raises:
            UndecodedEventsError: An event can't be read. What came before it was applied.
            SalesforceError, WarehouseError, LandingError: Stretches before were applied.
        """
        org_id = self._client.org_id
        position = self._warehouse.position(org_id, self._spec.channel)
        segments, restored = pending_segments(self._channel, self._spec.consumer, position)
        if not segments:
            return []
        reads = ObjectReads(self._spec, self._client, self._places.mask_key)
        describe = self._client.describe(self._spec.object.name)
        decoder = EventDecoder(self._schema_json, lambda _name: describe, self._spec.object.numbers)
        applied: list[Applied] = []
        for stretch, held_up in self._stretches(segments, decoder, reads):
            if stretch.segments:
                if restored:
                    stretch.breaks.append(restored)
                    restored = None
                applied.append(self._apply(stretch, reads, position))
                position = applied[-1].position
            if held_up is not None:
                raise held_up
        return applied

    def _stretches(
        self, segments: Sequence[Segment], decoder: EventDecoder, reads: ObjectReads
    ) -> Iterator[tuple[_Stretch, UndecodedEventsError | None]]:
        """Stretches in order; the last one with what stops at its end, if anything does."""
        stretch = _Stretch()
        for segment in segments:
            if stretch.segments and stretch.events + segment.events > STRETCH_EVENTS:
                yield stretch, None
                stretch = _Stretch()
            held_up = self._add(stretch, segment, decoder, reads)
            if held_up is not None:
                yield stretch, held_up
                return
        yield stretch, None

    def _add(
        self, stretch: _Stretch, segment: Segment, decoder: EventDecoder, reads: ObjectReads
    ) -> UndecodedEventsError | None:
        """Decode a segment into a stretch, unless one of its events is to be waited for."""
        raw = self._channel.read(segment)
        decoded = decoder.decode(raw)
        log = ChangeLog(self._spec.log_table, reads.landed, reads.shape)
        rows, headers, undecoded = [], [], list(decoded.undecoded)
        for batch in decoded.batches:
            try:
                rows.append(log.rows(batch))
                headers.append(batch.events)
            except ChangeColumnError as error:
                undecoded += _unread(raw, batch.events, str(error))
        held_up = self._tries.count(undecoded)
        if held_up is None:
            stretch.segments.append(segment)
            if segment.break_reason:
                stretch.breaks.append(segment.break_reason)
            stretch.rows += rows
            stretch.headers += headers
            stretch.dead += undecoded
        return held_up

    def _apply(self, stretch: _Stretch, reads: ObjectReads, before: Position | None) -> Applied:
        spec, client = self._spec, self._client
        seen = seen_in(stretch.headers, client.settings.client_name)
        again = read_again(
            seen,
            stretch.breaks,
            len(stretch.dead),
            before.committed_at if before else None,
            spec.object.late_commit_margin_s,
        )
        window = self._read_again(again, reads) if again else None
        images = reads.images(seen.ids)
        log = ChangeLog(spec.log_table, reads.landed, reads.shape).spec(stretch.rows)
        position = self._position(stretch, seen, before)
        appended, merged = self._warehouse.append_changes_and_merge(
            reads.shape.table,
            log,
            change_reader(log, stretch.rows),
            pa.RecordBatchReader.from_batches(
                reads.shape.table.image_schema(), iter(images.batches)
            ),
            object_name=spec.object.name,
            org_id=client.org_id,
            run_id=self._run.run_id,
            reread=reads.reread,
            position=position,
            asked=images.asked,
            dead=[_dead(event) for event in stretch.dead],
            api_calls=[ApiCalls(spec.key.to_user_string(), "rest", client.api_calls)],
            history=reads.history,
        )
        self._channel.mark_consumed(spec.consumer, stretch.segments[-1].seq, position.replay_id)
        return Applied(
            seen=seen,
            breaks=tuple(stretch.breaks),
            appended=appended,
            merged=merged,
            asked=len(seen.ids),
            returned=images.rows,
            read_again=again,
            window=window,
            position=position,
        )

    def _read_again(self, again: ReadAgain, reads: ObjectReads) -> MergeResult:
        since = "everything" if again.since is None else f"what changed since {again.since}"
        self._report(f"Reading {since}: {'; '.join(again.reasons)}")
        places = self._places
        return reads.merge_since(
            again.since, places.store, places.warehouse, self._run, self._report
        )

    def _position(self, stretch: _Stretch, seen: Seen, before: Position | None) -> Position:
        replay_id = stretch.segments[-1].position
        if replay_id is None:
            replay_id = before.replay_id if before else NO_POSITION
        times = [at for at in (before and before.committed_at, seen.last_commit) if at]
        return Position(self._spec.channel, replay_id, max(times, default=None))

    def _schema_json(self, schema_id: str) -> str:
        known = self._inbox.schema(schema_id)
        if known is None:
            known = self._places.fetch_schema(schema_id)
            self._inbox.keep_schema(schema_id, known)
        return known


def _unread(
    raw: pa.RecordBatch, events: pa.RecordBatch, problem: str
) -> Iterator[EventDecodeError]:
    """Decoded events that fit no log, as their bytes."""
    wanted = set(events.column("replay_id").to_pylist())
    for row in raw.select(["replay_id", "event_id", "schema_id", "payload"]).to_pylist():
        if row["replay_id"] in wanted:
            yield EventDecodeError(**row, problem=problem)


def _dead(event: EventDecodeError) -> DeadEvent:
    return DeadEvent(event.replay_id, event.event_id, event.schema_id, event.payload, event.problem)
