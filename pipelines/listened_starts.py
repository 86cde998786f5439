"""Jobs that the listener starts for platform events: put into Dagster's queue, for its daemon."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from functools import cached_property

import dagster as dg

from pipelines.channel_follower import text_of
from pipelines.code_location import project_location
from pipelines.event_starts import EventStarts, Started, StartPlaces
from pipelines.listened_channel import OrgEvents
from pipelines.project import Project
from pipelines.run_queue import RunQueue
from pipelines.subscribed import Subscribed

logger = logging.getLogger(__name__)

#: Most seconds that the tables of other channels wait for it.
START_S = 10.0
BY = "listener"


class ListenedStarts:
    """Starts jobs for channels whose events do."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        project: Project,
        subscribed: Sequence[Subscribed],
        orgs: Mapping[str, OrgEvents],
    ) -> None:
        self._orgs = orgs
        self._starting = {one.channel: one for one in subscribed if one.event}
        # Made here, in the thread that throws away what Dagster makes for it.
        self._warehouses = {
            one.warehouse: project.warehouse(one.warehouse) for one in self._starting.values()
        }
        self._instance, self._project = instance, project

    @cached_property
    def _queue(self) -> RunQueue:
        return RunQueue(self._instance, self._project.repository, project_location())

    def start(self, channels: Sequence[str]) -> tuple[dict[str, Started], dict[str, str]]:
        """By channel what was started, and what failed, as sentences."""
        deadline_s = time.monotonic() + START_S
        started: dict[str, Started] = {}
        problems: dict[str, str] = {}
        for channel in channels:
            if channel not in self._starting:
                continue
            try:
                started[channel] = self._start(self._starting[channel], deadline_s)
            except Exception as error:  # whatever it is, the other channels must go on
                logger.debug("starts of %s", channel, exc_info=error)
                problems[channel] = f"starts nothing: {text_of(error)}"
        return started, problems

    def said(self, channel: str, started: Started) -> list[str]:
        """What was started, as sentences."""
        spec = self._starting[channel].event
        assert spec is not None
        assert spec.start is not None
        return started.said(spec.start.job)

    def _start(self, subscribed: Subscribed, deadline_s: float) -> Started:
        spec = subscribed.event
        assert spec is not None
        assert spec.start is not None
        org = self._orgs[subscribed.org].connect()
        places = StartPlaces(
            inbox=org.inbox,
            pubsub=org.pubsub,
            queue=self._queue,
            warehouse=self._warehouses[subscribed.warehouse].connect,
            org_now=org.client.org_now,
            by=BY,
            tags={},
        )
        return EventStarts(spec, spec.start, places).start(deadline_s)
