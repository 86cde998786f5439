"""Appends the platform events of one kind that lie in the inbox to their table, each once.

A stretch is one transaction: its events, and the position after them. What a kill interrupts is
simply applied again, and what is there already is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.change_rows import change_reader
from assets.event_spec import EventTableSpec
from assets.event_table_rows import EventRows
from assets.pending_segments import pending_segments
from assets.stretches import Stretch, Stretches, kept_or_fetched
from assets.undecoded import Tries
from resources.landing.inbox import Inbox
from resources.landing.store import LandingStore
from resources.salesforce.arrow_types import TIMESTAMP
from resources.salesforce.client import SalesforceClient
from resources.salesforce.pubsub.decode import EventDecoder
from resources.warehouse.adapter import ApiCalls, Warehouse
from resources.warehouse.event_adapter import AppendResult, LogSpec, Position

CREATED_DATE = "CreatedDate"


@dataclass(frozen=True)
class EventPlaces:
    """Where events come from and go to. ``fetch_schema`` finds a schema that didn't land."""

    client: SalesforceClient
    store: LandingStore
    warehouse: Warehouse
    fetch_schema: Callable[[str], str]


@dataclass(frozen=True)
class Lost:
    """A stretch of time of which events may be missing, and why.

    Args:
        after: When the last event before was published; None: none was.
        before: When the first one after it was; None: none has come yet.
    """

    after: datetime | None
    before: datetime | None
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        after = f"after {self.after:%Y-%m-%d %H:%M:%S} UTC" if self.after else "before the first"
        until = f" and before {self.before:%Y-%m-%d %H:%M:%S} UTC" if self.before else ""
        return f"published {after}{until} ({'; '.join(self.reasons)})"


@dataclass(frozen=True)
class Appended:
    """What became of one stretch; ``fields`` are those of its columns."""

    events: int
    result: AppendResult
    lost: Lost | None
    position: Position
    log: LogSpec
    fields: Mapping[str, str]


class EventTableRun:
    """One event's table within one run."""

    def __init__(
        self,
        spec: EventTableSpec,
        places: EventPlaces,
        run_id: str,
        warn: Callable[[str], None],
    ) -> None:
        self._spec, self._places, self._run_id, self._warn = spec, places, run_id, warn
        self._inbox = Inbox(places.store, places.client.org_id)
        self._channel = self._inbox.channel(spec.channel)

    def apply(self) -> list[Appended]:
        """Append all that lies in the inbox now.

        Raises:
            UndecodedEventsError: An event can't be read. What came before it was appended.
            SalesforceError, WarehouseError, LandingError: Stretches before were appended.
        """
        spec, places = self._spec, self._places
        newest = self._channel.newest_seq()
        position = places.warehouse.position(places.client.org_id, spec.channel)
        segments, restored = pending_segments(self._channel, spec.consumer, position)
        if not segments:
            if restored is None:
                # Killed before the mark, or swept before it subscribed: nobody else would set it.
                at = position.replay_id if position else None
                self._channel.mark_consumed(spec.consumer, newest, at)
            return []
        existing = places.warehouse.table_columns(spec.table.schema, spec.table.name)
        rows = EventRows(spec.table, existing, self._run_id, datetime.now(UTC))
        decoder = EventDecoder(kept_or_fetched(self._inbox, places.fetch_schema))
        tries = Tries(self._channel, spec.consumer, spec.of.dead_after_tries)
        stretches = Stretches(self._channel, decoder, tries, rows.rows)
        appended: list[Appended] = []
        for stretch in stretches.of(segments, restored):
            appended.append(self._append(stretch, rows, position))
            position = appended[-1].position
        return appended

    def _append(self, stretch: Stretch, rows: EventRows, before: Position | None) -> Appended:
        spec, client = self._spec, self._places.client
        first, last = published_between(stretch.decoded)
        log = rows.spec(stretch.rows)
        known = before.committed_at if before else None
        times: list[Any] = [at for at in (known, last) if at]
        position = Position(
            spec.channel,
            stretch.replay_id(before.replay_id if before else None),
            max(times, default=None),
        )
        lost = None
        if stretch.breaks:
            lost = Lost(known, first, tuple(stretch.breaks))
            self._warn(f"{spec.channel}: events may be lost for good, {lost}")
        result = self._places.warehouse.append_events(
            log,
            change_reader(log, stretch.rows),
            event_name=spec.of.event,
            org_id=client.org_id,
            run_id=self._run_id,
            position=position,
            dead=stretch.dead_events(),
            api_calls=[ApiCalls(spec.key.to_user_string(), "rest", client.api_calls)],
        )
        self._channel.mark_consumed(spec.consumer, stretch.segments[-1].seq, position.replay_id)
        return Appended(stretch.events, result, lost, position, log, rows.fields)


def published_between(
    batches: Sequence[pa.RecordBatch],
) -> tuple[datetime | None, datetime | None]:
    """When the first and the last of the events were published, by the org's clock."""
    times: list[Any] = [
        batch.column(CREATED_DATE) for batch in batches if CREATED_DATE in batch.schema.names
    ]
    kind: Any = TIMESTAMP  # the stubs know fewer types
    found: Any = pc.min_max(pa.chunked_array(times, kind)).as_py()
    return found["min"], found["max"]
