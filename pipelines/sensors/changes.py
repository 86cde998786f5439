"""The sensor that follows the changes of an org: drains channels, then asks for runs."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import dagster as dg

from assets.changes_spec import ChangesSpec
from pipelines.dead_runs import end_dead_runs
from pipelines.run_tags import ALL_ASSETS_JOB
from pipelines.sensors.change_requests import Waiting, change_requests
from pipelines.sensors.tick_drain import ChannelTick, drain_all
from resources.landing.inbox import Inbox
from resources.landing.resource import LandingResource
from resources.salesforce.errors import SalesforceError
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.resource import SalesforceResource
from resources.warehouse.resource import WarehouseResource


def changes_sensor(
    name: str, specs: Sequence[ChangesSpec], every_s: int, switched_on: bool = False
) -> dg.SensorDefinition:
    """Follows the channels of some objects of one org.

    It has no cursor: how far each channel is stands in the landing store, in the same file as the
    events, so that nothing can be ahead of them.
    """
    org_key = specs[0].sync.org_resource
    warehouse_keys = {spec.sync.warehouse_resource for spec in specs}

    @dg.sensor(
        name=f"{name}_sensor",
        job_name=ALL_ASSETS_JOB,
        minimum_interval_seconds=every_s,
        required_resource_keys={org_key, "landing", *warehouse_keys},
        description=f"Follows changes of {', '.join(spec.object.name for spec in specs)}.",
        default_status=dg.DefaultSensorStatus.RUNNING
        if switched_on
        else dg.DefaultSensorStatus.STOPPED,
    )
    def follow_changes(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        end_dead_runs(context.instance)
        org: SalesforceResource = getattr(context.resources, org_key)
        landing: LandingResource = context.resources.landing
        try:
            with _connected(org, landing) as (pubsub, inbox):
                ticks = _drain(context, pubsub, inbox, specs)
        except SalesforceError as error:
            yield dg.SkipReason(f"{specs[0].org}: {error}")
            return
        yield from _answers(context, inbox, specs, ticks)

    return follow_changes


@contextmanager
def _connected(org: SalesforceResource, landing: LandingResource) -> Iterator[tuple[PubSub, Inbox]]:
    with ExitStack() as stack:
        client = stack.enter_context(org.connect())
        pubsub = stack.enter_context(org.events(client))
        yield pubsub, Inbox(landing.open(), client.org_id)


def _drain(
    context: dg.SensorEvaluationContext, pubsub: PubSub, inbox: Inbox, specs: Sequence[ChangesSpec]
) -> list[ChannelTick]:
    # Channels of one tick go to one warehouse each; an empty inbox asks it where to begin.
    warehouse: WarehouseResource = getattr(context.resources, specs[0].sync.warehouse_resource)
    return drain_all(pubsub, inbox, warehouse.connect, [spec.channel for spec in specs])


def _answers(
    context: dg.SensorEvaluationContext,
    inbox: Inbox,
    specs: Sequence[ChangesSpec],
    ticks: Sequence[ChannelTick],
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    by_channel = {tick.channel: tick for tick in ticks}
    problems = [f"{tick.channel}: {tick.problem}" for tick in ticks if tick.problem]
    for problem in problems:
        context.log.error(problem)
    # Who drains a channel for longer, as a listener does, applies its events, too.
    ours = [spec for spec in specs if not by_channel[spec.channel].is_elsewhere]
    asked, waiting = 0, []
    for answer in change_requests(context.instance, inbox, ours):
        if isinstance(answer, Waiting):
            waiting.append(f"{answer.spec.object.name} waits: {answer.reason}")
            continue
        asked += 1
        yield answer
    if asked:
        return
    listened = [tick.channel for tick in ticks if tick.is_elsewhere]
    if listened:
        waiting.append(f"{', '.join(listened)} is drained by another process")
    yield dg.SkipReason(". ".join([*problems, *waiting]) or f"Nothing new in {len(ticks)} channels")
