"""One Subscribe stream: events as they come and as they were asked for, keepalives between."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import grpc

from emulator.events.change_events import Event
from emulator.events.channels import Channel
from emulator.events.reading import Cursor, replay_id
from emulator.limits import DELIVERED_EVENTS
from emulator.org import Org
from emulator.pubsub.errors import PubSubError, refuse_on_request
from emulator.pubsub.flow import Flow
from emulator.pubsub.generated.pubsub_api_pb2 import ConsumerEvent, ProducerEvent
from emulator.pubsub.login import still_valid

# How soon a stream notices what nobody tells it: the org's clock, late commits, a client's end.
POLL_S = 0.05


@dataclass(frozen=True)
class Delivery:
    """What a response holds: events, or none in a keepalive."""

    events: list[ConsumerEvent]
    latest_replay_id: bytes
    pending: int


class Subscription:
    """A stream being served; whoever serves it feeds `flow` with the client's requests."""

    def __init__(
        self, org: Org, rpc: str, channel: Channel, seq: int, token: str, wake: threading.Event
    ) -> None:
        self._org, self._rpc, self._channel, self._token = org, rpc, channel, token
        self._wake = wake
        self._cursor = Cursor(org.journal, channel, seq)
        self._silent = False
        now = org.clock.now()
        self.flow = Flow(now, now)

    def step(self) -> Delivery | None:
        """What to send now; None when there is nothing, after a moment's wait.

        Raises:
            PubSubError: The stream ends: by the session, an allowance, a fault.
        """
        now = self._org.settle()
        still_valid(self._org, self._token)
        delivery = None if self._silent or self.flow.pending == 0 else self._next(now)
        if delivery is None:
            self._wake.wait(POLL_S)
            self._wake.clear()
        return delivery

    @property
    def abandoned(self) -> bool:
        """Whether the client didn't ask for more in time."""
        return not self._silent and self.flow.abandoned(self._org.clock.now())

    def _next(self, now: datetime) -> Delivery | None:
        events = self._cursor.take(self.flow.pending)
        if not events:
            if not self.flow.keepalive_due(now, self._org.event_keepalive_s):
                return None
            # A new position to tell; what was committed before it is sent first.
            self._org.journal.mark()
            events = self._cursor.take(self.flow.pending)
        objects, topic = self._channel.objects, self._channel.topic
        refuse_on_request(self._org.faults, self._rpc, topic, *objects)
        fate = self._org.faults.take_event(
            {"silence", "drop", "duplicate"}, *objects, rpc=self._rpc, topic=topic
        )
        if fate == "silence":
            self._silent = True
            return None
        if fate == "drop":
            raise PubSubError(
                grpc.StatusCode.UNAVAILABLE, "service.unavailable", "The service is unavailable."
            )
        if not events:
            return self._keepalive(now)
        self._count(events)
        messages = [m for event in events for m in messages_of(event, copies=fate == "duplicate")]
        self.flow.sent(len(events), now)
        return Delivery(messages, messages[-1].replay_id, self.flow.pending)

    def _keepalive(self, now: datetime) -> Delivery:
        self.flow.sent(0, now)
        return Delivery([], replay_id(self._cursor.seq), self.flow.pending)

    def _count(self, events: list[Event]) -> None:
        limits, counted = self._org.limits, sum(not event.free for event in events)
        if counted and limits.left(DELIVERED_EVENTS) < counted:
            raise PubSubError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "subscription.limit.exceeded",
                "You have exceeded the event delivery limit for your org.",
            )
        limits.use(DELIVERED_EVENTS, counted)


def messages_of(event: Event, *, copies: bool) -> Iterator[ConsumerEvent]:
    """The event, and if asked for once more under another replay id [platform events guide]."""
    producer = ProducerEvent(id=event.uuid, schema_id=event.schema_id, payload=event.payload)
    for copy in range(2 if copies else 1):
        yield ConsumerEvent(event=producer, replay_id=replay_id(event.seq, copy))
