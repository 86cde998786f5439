"""A channel as the listener sees it: its stream, and its part of the inbox."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from assets.drain import DrainReport, Until, drain
from assets.quiet_channel import NOTE_EACH, mark_pause, note_look
from pipelines.event_starts import has_pending_starts
from pipelines.sensors.tick_drain import beginning
from pipelines.subscribed import Subscribed
from resources.landing.inbox import Inbox
from resources.landing.store import LandingStore
from resources.salesforce.client import SalesforceClient
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.resource import SalesforceResource
from resources.warehouse.resource import WarehouseResource


@dataclass(frozen=True)
class OpenOrg:
    """An org that is logged in to."""

    client: SalesforceClient
    pubsub: PubSub
    inbox: Inbox


class OrgEvents:
    """One org's Pub/Sub API and inbox, connected when first needed; threads may share it."""

    def __init__(self, org: SalesforceResource, store: LandingStore) -> None:
        self._org, self._store = org, store
        self._lock = threading.Lock()
        self._open = ExitStack()
        self._found: OpenOrg | None = None

    def connect(self) -> OpenOrg:
        """All of it, logged in.

        Raises:
            SalesforceError: Logging in failed; the next call tries again.
        """
        with self._lock:
            if self._found is None:
                with ExitStack() as opening:
                    client = opening.enter_context(self._org.connect())
                    pubsub = opening.enter_context(self._org.events(client))
                    inbox = Inbox(self._store, client.org_id)
                    self._open = opening.pop_all()
                self._found = OpenOrg(client, pubsub, inbox)
            return self._found

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            self._open.close()
            self._found = None


class ListenedChannel:
    """``ChannelWork`` for one subscribed channel."""

    def __init__(
        self, subscribed: Subscribed, org: OrgEvents, warehouse: WarehouseResource
    ) -> None:
        self.channel = subscribed.channel
        self._subscribed, self._org, self._warehouse = subscribed, org, warehouse

    def drain(self, until: Until, on_landed: Callable[[int], None]) -> DrainReport | None:
        """See ``ChannelWork.drain``."""
        org = self._org.connect()
        for consumer in self._subscribed.consumers:
            org.inbox.channel(self.channel).expect(consumer)
        mark_pause(org.inbox, self.channel, datetime.now(UTC))
        first = beginning(org.inbox, self.channel, self._warehouse.connect)
        return drain(
            org.pubsub,
            org.inbox,
            self.channel,
            until,
            first=first,
            on_landed=on_landed,
            on_heard=_Looks(org.inbox, self.channel).heard,
        )

    def pending(self) -> bool:
        """See ``ChannelWork.pending``."""
        return self.is_table_pending() or self._is_start_pending()

    def is_table_pending(self) -> bool:
        """Whether events have landed that the table doesn't have."""
        table = self._subscribed.table
        if table is None:
            return False
        landed = self._org.connect().inbox.channel(self.channel)
        return landed.newest_seq() > landed.consumed(table.consumer)

    def _is_start_pending(self) -> bool:
        if self._subscribed.event is None:
            return False
        return has_pending_starts(self._org.connect().inbox.channel(self.channel))


class _Looks:
    """Writes down that a channel was heard from, once in a while as long as it is."""

    def __init__(self, inbox: Inbox, channel: str) -> None:
        self._inbox, self._channel = inbox, channel
        self._due_s = 0.0

    def heard(self) -> None:
        if time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + NOTE_EACH.total_seconds()
            note_look(self._inbox, self._channel, datetime.now(UTC))
