"""A channel as the listener sees it: its stream, its part of the inbox, and its runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import dagster as dg

from assets.drain import DrainReport, Until, drain
from pipelines.listener import AppliedRun
from pipelines.project import Project
from resources.landing.inbox import Inbox
from resources.landing.store import LandingStore
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.pubsub.event_stream import EARLIEST, Replay


@dataclass(frozen=True)
class Subscribed:
    """A channel that the project subscribes to.

    Args:
        org: The connection's name.
        warehouse: The warehouse connection's name.
        key: The asset that applies what has landed.
        consumer: Under which name the asset keeps how far it is.
    """

    org: str
    warehouse: str
    channel: str
    key: dg.AssetKey
    consumer: str


class OrgEvents:
    """One org's Pub/Sub API and inbox, connected when first needed; threads may share it."""

    def __init__(self, project: Project, org: str, store: LandingStore) -> None:
        self._project, self._org, self._store = project, org, store
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
                    client, pubsub = opening.enter_context(self._project.events(self._org))
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
        self,
        subscribed: Subscribed,
        org: OrgEvents,
        project: Project,
        run: Callable[[dg.AssetKey], AppliedRun],
    ) -> None:
        self.channel = subscribed.channel
        self._subscribed, self._org, self._project, self._run = subscribed, org, project, run

    def drain(self, until: Until, on_landed: Callable[[int], None]) -> DrainReport | None:
        """See ``ChannelWork.drain``."""
        pubsub, inbox = self._org.connect()
        return drain(
            pubsub, inbox, self.channel, until, first=self._first(inbox), on_landed=on_landed
        )

    def pending(self) -> bool:
        """See ``ChannelWork.pending``."""
        _, inbox = self._org.connect()
        landed = inbox.channel(self.channel)
        return landed.newest_seq() > landed.consumed(self._subscribed.consumer)

    def apply(self) -> AppliedRun:
        """See ``ChannelWork.apply``."""
        return self._run(self._subscribed.key)

    def _first(self, inbox: Inbox) -> Replay:
        """Where to begin if the inbox was emptied: behind what the warehouse has."""
        if inbox.channel(self.channel).newest_seq() > 0:
            return EARLIEST
        warehouse = self._project.warehouse(self._subscribed.warehouse).connect()
        position = warehouse.position(inbox.org_id, self.channel)
        return (position.replay_id if position else b"") or EARLIEST
