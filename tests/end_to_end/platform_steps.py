"""Steps of following a platform event, each in a process of its own that may be killed.

As `event_steps`, whose processes these are; here a kill may also come before any step that Dagster
takes in its database.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from assets.drain import Until, drain
from assets.event_spec import EventSpec, EventTable, EventTableSpec, JobStart
from assets.event_table import event_table_asset
from pipelines.code_location import project_location
from pipelines.event_starts import EventStarts, StartPlaces
from pipelines.run_queue import RunQueue
from pipelines.sensors.events import Follows, events_sensor
from resources.landing.inbox import ChannelInbox
from resources.landing.resource import LandingResource
from resources.salesforce.client import SalesforceClient
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.resource import ClientCredentialsLogin, SalesforceResource
from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from resources.warehouse.resource import WarehouseResource
from tests.end_to_end.event_steps import FILE_EVENTS, Place

ACTION = "CREATED"
START = JobStart("erp", when=f"Action__c = '{ACTION}'", at_once=10_000)
SPEC = EventSpec("salesforce", "Order_Event__e", table=EventTable("order_events"), start=START)
TABLE = EventTableSpec(SPEC, EventTable("order_events"))
DEEDS = {*FILE_EVENTS, "sqlite3.connect"}
IDLE = Until(idle_s=0.3, seconds=20)
FOR_EVER_S = 10**6


@dg.op
def work() -> None:
    """What an event starts."""


@dg.job
def erp() -> None:
    work()


JOBS = dg.Definitions(jobs=[erp])


def resources(place: Place) -> dict[str, Any]:
    login = ClientCredentialsLogin(client_id=place.client_id, client_secret=place.client_secret)
    url = f"duckdb:///{place.warehouse_file}"
    return {
        "org_salesforce": SalesforceResource(login_url=place.url, auth=login, pubsub=place.pubsub),
        "warehouse_default": WarehouseResource(url=url, lock_timeout_s=30),
        "landing": LandingResource(url=place.landing),
    }


def instance_of(place: Place) -> dg.DagsterInstance:
    return dg.DagsterInstance.local_temp(str(place.folder / "dagster"))


def channel_of(place: Place) -> ChannelInbox:
    return place.inbox.channel(SPEC.channel)


# ---- what the processes do


def die_before(place: Place, deeds: int, what: Callable[[Place], None]) -> None:
    """Do something, and be killed before the n-th deed to a file or a database."""
    left, root = deeds, os.fsencode(place.folder)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event not in DEEDS or isinstance(arguments[0], int):
            return
        if root in os.fsencode(arguments[0]):
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    what(place)


def tick(place: Place) -> None:
    """The sensor itself; runs of the table are started by the play."""
    sensor = events_sensor("live", Follows(events=[SPEC]), 15)
    project = dg.Definitions([event_table_asset(TABLE)], jobs=[erp], resources=resources(place))
    with (
        instance_of(place) as instance,
        dg.build_sensor_context(
            instance=instance,
            repository_def=project.get_repository_def(),
            resources=resources(place),
        ) as context,
    ):
        sensor.evaluate_tick(context)


def land(place: Place) -> None:
    """Drain, as the sensor does it, with less patience."""
    with place.client() as client, place.events(client) as pubsub:
        drain(pubsub, place.inbox, SPEC.channel, IDLE)


def start(place: Place) -> None:
    """Start jobs for what has landed."""
    with (
        place.client() as client,
        place.events(client) as pubsub,
        _starts(place, client, pubsub) as starts,
    ):
        starts.start(time.monotonic() + FOR_EVER_S)


def append(place: Place) -> None:
    """A run of the asset."""
    with instance_of(place) as instance:
        dg.materialize([event_table_asset(TABLE)], instance=instance, resources=resources(place))


def listen(place: Place) -> None:
    """As the listener: drains for ever, and applies what lands."""
    landed = threading.Event()
    with place.client() as client, place.events(client) as pubsub:
        draining = threading.Thread(
            target=_drain_for_ever, args=[place, pubsub, landed], daemon=True
        )
        draining.start()
        with _starts(place, client, pubsub) as starts:
            while draining.is_alive():
                starts.start(time.monotonic() + FOR_EVER_S)
                append(place)
                landed.wait(0.2)
                landed.clear()


def _drain_for_ever(place: Place, pubsub: PubSub, landed: threading.Event) -> None:
    while (
        drain(pubsub, place.inbox, SPEC.channel, Until(), on_landed=lambda _: landed.set()) is None
    ):
        time.sleep(0.05)


@contextmanager
def _starts(place: Place, client: SalesforceClient, pubsub: PubSub) -> Iterator[EventStarts]:
    with instance_of(place) as instance:
        queue = RunQueue(instance, JOBS.get_repository_def(), project_location())
        yield EventStarts(
            SPEC,
            START,
            StartPlaces(
                inbox=place.inbox,
                pubsub=pubsub,
                queue=queue,
                warehouse=lambda: DuckDBWarehouse(place.warehouse_file, lock_timeout_s=30),
                org_now=client.org_now,
                by="play",
                tags={},
            ),
        )
