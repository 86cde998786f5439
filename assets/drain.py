"""Events of one channel into the inbox, from where the last drain ended until told to stop.

Called by a sensor's tick, with bounds, and by the listener, without.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from resources.landing.inbox import Inbox, InboxWriter
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.pubsub.errors import PubSubCallError, ReplayIdError
from resources.salesforce.pubsub.event_stream import EARLIEST, Replay
from resources.salesforce.pubsub.raw_events import Delivery, raw_batch
from resources.salesforce.pubsub.subscription import Subscription

SEGMENT_EVENTS = 5_000
SEGMENT_BYTES = 8 << 20
#: How long an event may lie in memory while others keep coming, and when none do.
SEGMENT_AGE_S = 0.5
QUIET_S = 0.05
#: How often it is looked whether to stop.
LOOK_EACH_S = 0.5

Ending = Literal["idle", "events", "seconds", "stopped"]
OnLanded = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Until:
    """When a drain ends, whichever comes first; None: not by that.

    Args:
        idle_s: No event came for so long.
        events: So many came; those that have arrived by then are landed too.
        seconds: So long it ran.
        stopped: Says True when it is to end.
    """

    idle_s: float | None = None
    events: int | None = None
    seconds: float | None = None
    stopped: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class DrainReport:
    """What a drain did. ``events`` count against the org's daily deliveries.

    ``breaks`` are reasons why events may be missing (the position had expired): each stands in
    the inbox too, before the events that follow. ``lost_schemas`` are ids of schemas that couldn't
    be had; their events landed, and can't be read yet.
    """

    channel: str
    ending: Ending
    events: int
    segments: int
    position: bytes | None
    breaks: tuple[str, ...]
    lost_schemas: tuple[str, ...]
    reopened: int


def drain(
    pubsub: PubSub,
    inbox: Inbox,
    channel: str,
    until: Until,
    *,
    first: Replay = EARLIEST,
    on_landed: OnLanded = lambda events: None,
    on_heard: Callable[[], None] = lambda: None,
) -> DrainReport | None:
    """Land a channel's events, each batch with the position after it in one commit.

    Args:
        first: Where to begin when the inbox knows no position: the warehouse's, "earliest" (the
            last 72 hours), or "latest" (events before the first sign of life, which may take
            270 s, are lost when the drain ends earlier).
        on_landed: Told after each commit how many events it held; 0 for a break.
        on_heard: Told of each delivery, of mere signs of life, too.

    Returns:
        None if another process drains the channel.

    Raises:
        PubSubCallError: The channel or the token is refused. What came before has landed.
        TransientError: Streams broke too often in a row. What came before has landed.
        LostLeaseError: Another process drains the channel now.
    """
    writer = inbox.channel(channel).try_write()
    if writer is None:
        return None
    with writer:
        return _Drain(pubsub, inbox, writer, channel, until, on_landed, on_heard).run(first)


@dataclass
class _Drain:
    """One drain under way."""

    pubsub: PubSub
    inbox: Inbox
    writer: InboxWriter
    channel: str
    until: Until
    on_landed: OnLanded
    on_heard: Callable[[], None]
    events: int = 0
    segments: int = 0
    reopened: int = 0
    breaks: list[str] = field(default_factory=list)
    lost_schemas: set[str] = field(default_factory=set)
    _kept_schemas: set[str] = field(default_factory=set)
    _waiting: list[Delivery] = field(default_factory=list)
    _waiting_events: int = 0
    _waiting_bytes: int = 0
    _waiting_since_s: float = 0.0

    def run(self, first: Replay) -> DrainReport:
        known = self.inbox.channel(self.channel).newest_seq() > 0
        replay = self.writer.position or (EARLIEST if known else first)
        begun_s = time.monotonic()
        while True:
            try:
                ending = self._follow(replay, begun_s)
                break
            except ReplayIdError as error:
                if replay == EARLIEST:
                    raise
                # Landed before anything that follows, so that no consumer can miss it.
                self.writer.mark_break(error.code or error.status)
                self.segments += 1
                self.breaks.append(error.code or error.status)
                self.on_landed(0)
                replay = EARLIEST
        return DrainReport(
            channel=self.channel,
            ending=ending,
            events=self.events,
            segments=self.segments,
            position=self.writer.position,
            breaks=tuple(self.breaks),
            lost_schemas=tuple(sorted(self.lost_schemas)),
            reopened=self.reopened,
        )

    def _follow(self, replay: Replay, begun_s: float) -> Ending:
        with self.pubsub.subscribe(self.channel, replay) as subscription:
            try:
                ending = self._take(subscription, begun_s)
                for delivery in subscription.rest():
                    self._add(delivery)
                return ending
            finally:
                self.reopened += subscription.reopened
                self._flush()

    def _take(self, subscription: Subscription, begun_s: float) -> Ending:
        heard_s = time.monotonic()
        while True:
            now_s = time.monotonic()
            if ending := self._ending(now_s - begun_s, now_s - heard_s):
                return ending
            delivery = subscription.take(self._patience_s(now_s, begun_s, heard_s))
            self.writer.keep_alive()
            if delivery is not None:
                self.on_heard()
                self._add(delivery)
                if delivery.events:
                    heard_s = time.monotonic()
            if delivery is None or self._is_full():
                self._flush()

    def _ending(self, ran_s: float, idle_s: float) -> Ending | None:
        until = self.until
        if until.stopped():
            return "stopped"
        if until.events is not None and self.events >= until.events:
            return "events"
        if until.seconds is not None and ran_s >= until.seconds:
            return "seconds"
        return "idle" if until.idle_s is not None and idle_s >= until.idle_s else None

    def _patience_s(self, now_s: float, begun_s: float, heard_s: float) -> float:
        """How long to wait for the next delivery before something else is due."""
        until = self.until
        due = [QUIET_S if self._waiting else LOOK_EACH_S]
        if until.seconds is not None:
            due.append(begun_s + until.seconds - now_s)
        if until.idle_s is not None:
            due.append(heard_s + until.idle_s - now_s)
        return max(0.0, min(due))

    def _add(self, delivery: Delivery) -> None:
        if not delivery.replay_id:
            return  # a sign of life that says nothing
        if not self._waiting:
            self._waiting_since_s = time.monotonic()
        self._waiting.append(delivery)
        self.events += len(delivery.events)
        self._waiting_events += len(delivery.events)
        self._waiting_bytes += delivery.size_bytes

    def _is_full(self) -> bool:
        return (
            self._waiting_events >= SEGMENT_EVENTS
            or self._waiting_bytes >= SEGMENT_BYTES
            or time.monotonic() - self._waiting_since_s >= SEGMENT_AGE_S
        )

    def _flush(self) -> None:
        """Commit what waits, schemas first."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        position = waiting[-1].replay_id
        if self._waiting_events:
            self._keep_schemas(waiting)
            self.writer.append(raw_batch(waiting), position)
            self.segments += 1
            self.on_landed(self._waiting_events)
        else:
            self.writer.keep_position(position)
        self._waiting_events = self._waiting_bytes = 0

    def _keep_schemas(self, deliveries: list[Delivery]) -> None:
        """Events land without their schema too: the org keeps them for three days only."""
        ids = {event.schema_id for delivery in deliveries for event in delivery.events}
        for schema_id in sorted(ids - self._kept_schemas):
            try:
                if self.inbox.schema(schema_id) is None:
                    self.inbox.keep_schema(schema_id, self.pubsub.schema_json(schema_id))
            except PubSubCallError:
                self.lost_schemas.add(schema_id)
                continue
            self.lost_schemas.discard(schema_id)
            self._kept_schemas.add(schema_id)
