"""Drains several channels of one org within one tick of a sensor."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from assets.drain import DrainReport, Until, drain
from assets.quiet_channel import mark_pause, note_look
from resources.landing.errors import LandingError
from resources.landing.inbox import Inbox
from resources.salesforce.errors import SalesforceError
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.pubsub.event_stream import EARLIEST, Replay
from resources.warehouse.adapter import Warehouse
from resources.warehouse.errors import WarehouseError

AT_ONCE = 8
#: Most seconds of a tick that are spent on draining, and most events.
TICK_S = 15.0
TICK_EVENTS = 10_000
#: A channel that brings nothing for so long has nothing new.
IDLE_S = 1.5


@dataclass(frozen=True)
class Bounds:
    """How much one tick takes from one channel."""

    idle_s: float
    events: int
    seconds: float


@dataclass(frozen=True)
class ChannelTick:
    """What a tick did with a channel: a report, or a problem; neither if another drains it."""

    channel: str
    report: DrainReport | None
    problem: str | None

    @property
    def is_elsewhere(self) -> bool:
        """Whether another process, as a listener, has the channel."""
        return self.report is None and self.problem is None


def share(channels: int) -> Bounds:
    """The bounds of each of some channels, so that all together stay within those of a tick."""
    rounds = max(1, math.ceil(channels / AT_ONCE))
    seconds = TICK_S / rounds
    return Bounds(min(IDLE_S, seconds), max(1, TICK_EVENTS // max(1, channels)), seconds)


def drain_all(
    pubsub: PubSub, inbox: Inbox, warehouse: Callable[[], Warehouse], channels: Sequence[str]
) -> list[ChannelTick]:
    """Drain each channel a little; one that can't be drained doesn't hold up the others."""
    bounds = share(len(channels))

    def one(channel: str) -> ChannelTick:
        until = Until(idle_s=bounds.idle_s, events=bounds.events, seconds=bounds.seconds)
        try:
            mark_pause(inbox, channel, datetime.now(UTC))
            first = beginning(inbox, channel, warehouse)
            report = drain(pubsub, inbox, channel, until, first=first)
            if report is not None:
                note_look(inbox, channel, datetime.now(UTC))
            return ChannelTick(channel, report, None)
        except (SalesforceError, LandingError, WarehouseError) as error:
            return ChannelTick(channel, None, str(error))

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="drain") as pool:
        return list(pool.map(one, channels))


def beginning(inbox: Inbox, channel: str, warehouse: Callable[[], Warehouse]) -> Replay:
    """Where to begin if the inbox is empty: behind what the warehouse has, or 72 hours ago.

    An inbox that was deleted would otherwise hide that events are missing.
    """
    if inbox.channel(channel).newest_seq() > 0:
        return EARLIEST
    known = warehouse().position(inbox.org_id, channel)
    return (known.replay_id if known else b"") or EARLIEST
