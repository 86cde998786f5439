"""The sensor that follows events of an org: drains channels, starts jobs, asks for runs."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

import dagster as dg
from dagster._core.storage.tags import SENSOR_NAME_TAG

from assets.changes_spec import ChangesSpec
from assets.errors import AssetError
from assets.event_spec import EventSpec, with_table
from pipelines.code_location import project_location
from pipelines.dead_runs import end_dead_runs
from pipelines.event_starts import CONSUMER as STARTS
from pipelines.event_starts import EventStarts, StartPlaces
from pipelines.run_queue import JobStartError, RunQueue
from pipelines.sensors.run_requests import Followed, Waiting, run_requests
from pipelines.sensors.tick_drain import ChannelTick, drain_all
from resources.landing.errors import LandingError
from resources.landing.inbox import Inbox
from resources.landing.resource import LandingResource
from resources.salesforce.client import SalesforceClient
from resources.salesforce.errors import SalesforceError
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.resource import SalesforceResource
from resources.warehouse.adapter import Warehouse
from resources.warehouse.errors import WarehouseError
from resources.warehouse.resource import WarehouseResource

#: Most seconds of a tick that are spent on starting jobs.
START_S = 15.0
#: How long it waits while somebody holds the warehouse; the next tick tries again.
WAREHOUSE_S = 3.0

_OURS = (SalesforceError, LandingError, WarehouseError, AssetError, JobStartError)


@dataclass(frozen=True)
class Follows:
    """What one sensor follows, all of one org and one warehouse; one of the two at least."""

    changes: Sequence[ChangesSpec] = ()
    events: Sequence[EventSpec] = ()

    @property
    def org(self) -> str:
        """The connection's name."""
        return self.changes[0].org if self.changes else self.events[0].org

    @property
    def org_resource(self) -> str:
        """The key of the connection among Dagster's resources."""
        return self.changes[0].sync.org_resource if self.changes else self.events[0].org_resource

    @property
    def warehouse_resource(self) -> str:
        """The key of the warehouse among them."""
        if self.changes:
            return self.changes[0].sync.warehouse_resource
        return self.events[0].warehouse_resource

    @property
    def channels(self) -> list[str]:
        """All of them."""
        return [one.channel for one in self.changes] + [one.channel for one in self.events]

    @property
    def tables(self) -> list[Followed]:
        """What has an asset."""
        tables = [with_table(one) for one in self.events]
        return [*self.changes, *(one for one in tables if one)]

    @property
    def consumers(self) -> list[tuple[str, str]]:
        """Who takes events, and of which channel."""
        tables = [(one.channel, one.consumer) for one in self.tables]
        return [*tables, *((one.channel, STARTS) for one in self.events if one.start)]

    @property
    def names(self) -> list[str]:
        """What is followed, as people call it."""
        return [one.object.name for one in self.changes] + [one.event for one in self.events]


@dataclass
class _Tick:
    """What a tick did before it asks for runs."""

    inbox: Inbox
    channels: list[ChannelTick] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def is_ours(self, channel: str) -> bool:
        """Who drains a channel for longer, as a listener does, does all else with it, too."""
        return not any(one.channel == channel and one.is_elsewhere for one in self.channels)


def events_sensor(
    name: str, follows: Follows, every_s: int, switched_on: bool = False
) -> dg.SensorDefinition:
    """Follows channels of one org.

    It has no cursor: how far each channel is stands in the landing store, in the same file as the
    events, so that nothing can be ahead of them.
    """
    org_key = follows.org_resource

    @dg.sensor(
        name=sensor_name(name),
        # Shown as its target, and on the assets' pages as what runs them.
        asset_selection=[one.key for one in follows.tables] or None,
        minimum_interval_seconds=every_s,
        required_resource_keys={org_key, "landing", follows.warehouse_resource},
        description=f"Follows {', '.join(follows.names)}.",
        default_status=dg.DefaultSensorStatus.RUNNING
        if switched_on
        else dg.DefaultSensorStatus.STOPPED,
    )
    def follow_events(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        end_dead_runs(context.instance)
        org: SalesforceResource = getattr(context.resources, org_key)
        landing: LandingResource = context.resources.landing
        try:
            with _connected(org, landing) as (client, pubsub, inbox):
                tick = _Tick(inbox)
                _drain(context, pubsub, tick, follows)
                _start_jobs(context, client, pubsub, tick, follows, sensor_name(name))
        except SalesforceError as error:
            yield dg.SkipReason(f"{follows.org}: {error}")
            return
        yield from _answers(context, tick, follows)

    return follow_events


def sensor_name(name: str) -> str:
    """What the sensor of a component is called."""
    return f"{name}_sensor"


@contextmanager
def _connected(
    org: SalesforceResource, landing: LandingResource
) -> Iterator[tuple[SalesforceClient, PubSub, Inbox]]:
    with ExitStack() as stack:
        client = stack.enter_context(org.connect())
        pubsub = stack.enter_context(org.events(client))
        yield client, pubsub, Inbox(landing.open(), client.org_id)


def _drain(
    context: dg.SensorEvaluationContext, pubsub: PubSub, tick: _Tick, follows: Follows
) -> None:
    for name, consumer in follows.consumers:
        tick.inbox.channel(name).expect(consumer)
    # Channels of one tick go to one warehouse; an empty inbox asks it where to begin.
    warehouse = _warehouse(context, follows)
    tick.channels = drain_all(pubsub, tick.inbox, warehouse, follows.channels)
    for channel in tick.channels:
        if channel.problem:
            named = channel.channel in channel.problem
            said = channel.problem if named else f"{channel.channel}: {channel.problem}"
            tick.problems.append(said)


def _warehouse(context: dg.SensorEvaluationContext, follows: Follows) -> Callable[[], Warehouse]:
    """The warehouse, for which a tick doesn't wait as long as a run does."""
    resource: WarehouseResource = getattr(context.resources, follows.warehouse_resource)
    return partial(resource.connect, patience_s=WAREHOUSE_S)


def _start_jobs(
    context: dg.SensorEvaluationContext,
    client: SalesforceClient,
    pubsub: PubSub,
    tick: _Tick,
    follows: Follows,
    sensor: str,
) -> None:
    deadline_s = time.monotonic() + START_S
    for spec in follows.events:
        if spec.start is None or not tick.is_ours(spec.channel):
            continue
        repository = context.repository_def
        assert repository is not None, "Dagster evaluates sensors of a repository"
        places = StartPlaces(
            inbox=tick.inbox,
            pubsub=pubsub,
            queue=RunQueue(
                context.instance, repository, context.code_location_origin or project_location()
            ),
            warehouse=_warehouse(context, follows),
            org_now=client.org_now,
            by=sensor,
            tags={SENSOR_NAME_TAG: sensor},
        )
        try:
            started = EventStarts(spec, spec.start, places).start(deadline_s)
        except _OURS as error:
            tick.problems.append(f"{spec.event} starts nothing: {error}")
            continue
        tick.said += [f"{spec.event}: {said}" for said in started.said(spec.start.job)]


def _answers(
    context: dg.SensorEvaluationContext, tick: _Tick, follows: Follows
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    for problem in tick.problems:
        context.log.error(problem)
    for sentence in tick.said:
        context.log.info(sentence)
    ours = [spec for spec in follows.tables if tick.is_ours(spec.channel)]
    asked, waiting = 0, []
    for answer in run_requests(context.instance, tick.inbox, ours):
        if isinstance(answer, Waiting):
            waiting.append(f"{answer.spec.what} waits: {answer.reason}")
            continue
        asked += 1
        yield answer
    if asked:
        return
    listened = [one.channel for one in tick.channels if one.is_elsewhere]
    if listened:
        waiting.append(f"{', '.join(listened)} is drained by another process")
    sentences = [*tick.problems, *tick.said, *waiting]
    ended = [f"{one.removesuffix('.')}." for one in sentences[:-1]]
    text = " ".join([*ended, *sentences[-1:]])
    yield dg.SkipReason(text or f"Nothing new in {len(tick.channels)} channels")
