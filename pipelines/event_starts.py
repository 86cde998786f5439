"""Starts a run of a job for each platform event that matches, from what lies in the inbox.

How far it is stands beside the events, and moves on when the runs are known to Dagster. The id of
a run is made of the event's, so that an event starts one run, however often it is delivered,
whoever looks at it and whatever was killed meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from assets.event_spec import EventSpec, JobStart
from assets.event_table_run import CREATED_DATE
from assets.spelling import nearest
from assets.stretches import dead_event, kept_or_fetched
from assets.undecoded import Tries
from pipelines import event_starts_plan as plan
from pipelines.run_queue import RunQueue
from pipelines.sensors.retry_plan import wait_after
from resources.landing.inbox import ChannelInbox, Inbox
from resources.landing.inbox_segment import Segment
from resources.landing.store import read_json, write_json
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.pubsub.decode import ENVELOPE, DecodedBatch, EventDecoder
from resources.salesforce.pubsub.errors import EventDecodeError
from resources.warehouse.adapter import Warehouse
from resources.warehouse.errors import RowConditionError
from resources.warehouse.row_condition import RowCondition

CONSUMER = "starts"


@dataclass(frozen=True)
class StartPlaces:
    """Where events and runs are. ``org_now`` is the org's clock, ``by`` who starts runs."""

    inbox: Inbox
    pubsub: PubSub
    queue: RunQueue
    warehouse: Callable[[], Warehouse]
    org_now: Callable[[], datetime]
    by: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Started:
    """What became of the events of one channel.

    Args:
        started: Runs that are new.
        waits: Why events are left; None: none is.
        lost: Why events before these may be lost for good.
    """

    started: int = 0
    waits: str | None = None
    lost: tuple[str, ...] = ()

    def said(self, job: str) -> list[str]:
        """The same for people, without full stops."""
        said = []
        if self.lost:
            reasons = "; ".join(self.lost)
            said.append(f"events may be lost for good, and start no {job} ({reasons})")
        if self.started:
            said.append(f"started {self.started:,} run(s) of {job}")
        if self.waits:
            said.append(self.waits)
        return said


@dataclass(frozen=True)
class _Progress:
    """How far the events of the first segment that isn't consumed are.

    Args:
        since: Events of before start nothing.
        seq, done: Of that segment so many events are done.
        failures, not_before: How often it couldn't be read, and when it is tried again.
    """

    since: datetime
    seq: int = 0
    done: int = 0
    failures: int = 0
    not_before: datetime | None = None


@dataclass(frozen=True)
class _Match:
    """An event that starts a run, and its place in the segment."""

    at: int
    event_uuid: str
    fields: Mapping[str, Any]


class EventStarts:
    """One event's runs."""

    def __init__(self, spec: EventSpec, start: JobStart, places: StartPlaces) -> None:
        self._spec, self._start, self._places = spec, start, places
        self._inbox = places.inbox
        self._channel = self._inbox.channel(spec.channel)
        self._path = f"{self._channel.folder}/{CONSUMER}/progress.json"
        self._decoder = EventDecoder(kept_or_fetched(self._inbox, places.pubsub.schema_json))

    def start(self, deadline_s: float) -> Started:
        """Start runs for what has landed, until a moment of ``time.monotonic()``.

        Raises:
            UndecodedEventsError: An event can't be read, and is tried again.
            RowConditionError: `when` can't be asked of these events.
            JobStartError: No run can be made.
        """
        if not has_pending_starts(self._channel):
            return Started()
        lease = self._channel.store.try_lease(f"{self._channel.folder}/{CONSUMER}")
        if lease is None:
            return Started(waits="another process starts runs of it")
        try:
            return self._start_pending(deadline_s)
        finally:
            lease.release()

    def _start_pending(self, deadline_s: float) -> Started:
        progress = self._progress()
        now = datetime.now(UTC)
        if progress.not_before and progress.not_before > now:
            return Started(
                waits=f"an event can't be read, next try at {progress.not_before:%H:%M:%S} UTC"
            )
        condition = RowCondition(self._start.when) if self._start.when else None
        started, lost, waits = 0, list[str](), None
        newest = self._channel.newest_seq()
        segments = self._channel.segments(CONSUMER)
        if not segments:  # swept before it started anything
            self._channel.mark_consumed(CONSUMER, newest)
        for segment in segments:
            if segment.break_reason:
                lost.append(segment.break_reason)
            if progress.seq != segment.seq:
                progress = _Progress(progress.since, segment.seq)
            matches = self._matches(segment, condition, progress)
            new, done, waits = self._start_matches(matches, deadline_s)
            started += new
            if waits:
                self._keep(replace(progress, done=done))
                left = sum(match.at >= done for match in matches)
                waits = f"{left:,} event(s) or more wait: {waits}"
                break
            self._channel.mark_consumed(CONSUMER, segment.seq, segment.position)
        return Started(started, waits, tuple(lost))

    def _start_matches(
        self, matches: list[_Match], deadline_s: float
    ) -> tuple[int, int, str | None]:
        """New runs; up to where events are done, and why not further."""
        spec, start, queue = self._spec, self._start, self._places.queue
        started, room = 0, 0
        for match in matches:
            if time.monotonic() >= deadline_s:
                return started, match.at, "there was no time for more"
            if room <= 0:
                waiting = queue.unfinished(plan.event_tags(spec.org, spec.event))
                room = start.at_once - waiting
                if room <= 0:
                    return started, match.at, f"{waiting:,} of its runs wait or work"
            run_id = plan.run_id_of(self._inbox.org_id, spec.event, match.event_uuid)
            tags = plan.run_tags(spec.org, spec.event, match.event_uuid, match.fields)
            if queue.put(start.job, run_id, {**tags, **self._places.tags}):
                started, room = started + 1, room - 1
        return started, 0, None

    # ---- which events start a run

    def _matches(
        self, segment: Segment, condition: RowCondition | None, progress: _Progress
    ) -> list[_Match]:
        raw = self._channel.read(segment)
        decoded = self._decoder.decode(raw)
        self._set_aside(decoded.undecoded, progress)
        places = {uuid: at for at, uuid in enumerate(raw.column("event_id").to_pylist())}
        found = [
            _Match(places[row["event_id"]], row["event_id"], _fields(row))
            for batch in decoded.batches
            for row in self._rows(batch, condition)
            if _is_since(row, progress.since)
        ]
        return sorted((m for m in found if m.at >= progress.done), key=lambda match: match.at)

    def _rows(self, batch: DecodedBatch, condition: RowCondition | None) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = batch.events.to_pylist()
        if condition is None:
            return rows
        self._require_fields(batch.events, condition)
        holds = condition.holds(batch.events)
        return [row for row, does in zip(rows, holds, strict=True) if does]

    def _require_fields(self, events: pa.RecordBatch, condition: RowCondition) -> None:
        """An event of before a field was added has null there; a misspelt name is a mistake."""
        missing = condition.columns.keys() - {name.lower() for name in events.schema.names}
        if not missing:
            return
        topic = self._places.pubsub.topic(self._spec.channel)
        now = {column.name for column in self._decoder.schema(topic.schema_id).columns}
        unknown = sorted(missing - {name.lower() for name in now})
        if unknown:
            name = condition.columns[unknown[0]]
            meant = nearest(name, now)
            hint = f"; did you mean {meant}" if meant else ""
            problem = f"{self._spec.event} has no field {name}{hint}"
            raise RowConditionError(condition.sql, problem)

    def _set_aside(self, undecoded: tuple[EventDecodeError, ...], progress: _Progress) -> None:
        """Try again later what can't be read, and at last put it where it doesn't hold up."""
        if not undecoded:
            return
        tries = Tries(self._channel, CONSUMER, self._spec.dead_after_tries)
        held_up = tries.count(undecoded)
        if held_up is not None:
            failures = progress.failures + 1
            later = datetime.now(UTC) + wait_after(failures)
            self._keep(replace(progress, failures=failures, not_before=later))
            raise held_up
        self._places.warehouse().set_events_aside(
            self._inbox.org_id,
            self._spec.channel,
            [dead_event(one) for one in undecoded],
            self._places.by,
        )

    # ---- how far it is

    def _progress(self) -> _Progress:
        if not self._channel.store.exists(self._path):
            progress = _Progress(self._places.org_now() - plan.REACH)
            self._keep(progress)
            return progress
        kept = read_json(self._channel.store, self._path)
        not_before = kept.get("not_before")
        return _Progress(
            datetime.fromisoformat(kept["since"]),
            kept["seq"],
            kept["done"],
            kept["failures"],
            datetime.fromisoformat(not_before) if not_before else None,
        )

    def _keep(self, progress: _Progress) -> None:
        document = {
            "since": progress.since.isoformat(),
            "seq": progress.seq,
            "done": progress.done,
            "failures": progress.failures,
            "not_before": progress.not_before.isoformat() if progress.not_before else None,
        }
        write_json(self._channel.store, self._path, document)


def has_pending_starts(channel: ChannelInbox) -> bool:
    """Whether events have landed that weren't looked at."""
    return channel.newest_seq() > channel.consumed(CONSUMER)


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ENVELOPE.names}


def _is_since(row: Mapping[str, Any], since: datetime) -> bool:
    created = row.get(CREATED_DATE)
    return created is None or created >= since
