"""A channel as the listener sees it: its stream, and its part of the inbox."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack

from assets.drain import DrainReport, Until, drain
from pipelines.sensors.tick_drain import beginning
from pipelines.subscribed import Subscribed
from resources.landing.inbox import Inbox
from resources.landing.store import LandingStore
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.resource import SalesforceResource
from resources.warehouse.resource import WarehouseResource


class OrgEvents:
    """One org's Pub/Sub API and inbox, connected when first needed; threads may share it."""

    def __init__(self, org: SalesforceResource, store: LandingStore) -> None:
        self._org, self._store = org, store
        self._lock = threading.Lock()
        self._open = ExitStack()
        self._found: tuple[PubSub, Inbox] | None = None

    def connect(self) -> tuple[PubSub, Inbox]:
        """Both, logged in.

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
                self._found = pubsub, inbox
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
        pubsub, inbox = self._org.connect()
        first = beginning(inbox, self.channel, self._warehouse.connect)
        return drain(pubsub, inbox, self.channel, until, first=first, on_landed=on_landed)

    def pending(self) -> bool:
        """See ``ChannelWork.pending``."""
        _, inbox = self._org.connect()
        landed = inbox.channel(self.channel)
        return landed.newest_seq() > landed.consumed(self._subscribed.consumer)
