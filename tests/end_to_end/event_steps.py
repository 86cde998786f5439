"""Steps of following events, each in a process of its own that may be killed at any moment.

The processes are forked from one that has all modules loaded, so that hundreds can be killed
within a minute. A kill is SIGKILL: at a random time, or before the n-th thing that the process does
to a file, which hits the short moments between two commits as often as the long ones.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import dagster as dg

from assets.changes import changes_asset
from assets.changes_run import ChangePlaces, ChangesRun
from assets.changes_spec import ChangesSpec
from assets.drain import Until, drain
from assets.extract import RunIds
from assets.mask_key import MaskKeyResource
from assets.specs import ObjectSpec
from pipelines.sensors.events import Follows, events_sensor
from resources.landing.inbox import Inbox
from resources.landing.resource import LandingResource
from resources.landing.store import LandingStore, open_store
from resources.salesforce.client import SalesforceClient
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.resource import ClientCredentialsLogin, SalesforceResource
from resources.salesforce.retry_plan import RetryPolicy
from resources.salesforce.settings import ClientCredentials, ConnectionSettings
from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from resources.warehouse.resource import WarehouseResource
from tests.emulator_process import Org
from tests.end_to_end.window_reads import StageReads, sync_into

TABLES = "followed"
#: Keepalives come more often than that; see `EventPlay`.
SILENCE_S = 0.8
QUICK = RetryPolicy(first_wait_s=0.02, longest_wait_s=0.2)
STEP_S = 90
#: What a step does to files that others see, in Python's names of audit events.
FILE_EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"}
SOON_S, MOST_FILES = 0.7, 24
LEASE_LOOK_S = 0.05

_processes = get_context("forkserver")
_processes.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Place:
    """Where a step finds its org and keeps its files."""

    url: str
    client_id: str
    client_secret: str
    pubsub: str
    org_id: str
    folder: Path

    @classmethod
    def of(cls, org: Org, folder: Path) -> "Place":
        pubsub = org.ready["pubsub"]
        return cls(org.url, org.client_id, org.client_secret, pubsub, org.org_id, folder)

    def client(self) -> SalesforceClient:
        login = ClientCredentials(self.client_id, self.client_secret)
        return SalesforceClient(ConnectionSettings("salesforce", self.url, login))

    def events(self, client: SalesforceClient) -> PubSub:
        login = client.transport.login
        return PubSub(login, self.pubsub, retry=QUICK, silence_timeout_s=SILENCE_S)

    @property
    def landing(self) -> str:
        return str(self.folder / "landing" / "inbox")

    @property
    def store(self) -> LandingStore:
        return open_store(self.landing)

    @property
    def inbox(self) -> Inbox:
        return Inbox(self.store, self.org_id)

    @property
    def warehouse_file(self) -> Path:
        return self.folder / "warehouse.duckdb"


def changes_spec(spec: ObjectSpec) -> ChangesSpec:
    return ChangesSpec(sync_into(TABLES), spec)


# ---- what the processes do


def drain_all(place: Place, specs: Sequence[ObjectSpec], idle_s: float) -> None:
    """As the sensor does it, with less patience: until nothing comes."""
    _drain(place, specs, Until(idle_s=idle_s, seconds=20))


def evaluate_sensor(place: Place, specs: Sequence[ObjectSpec]) -> None:
    """The sensor itself; runs are started by the play."""
    login = ClientCredentialsLogin(client_id=place.client_id, client_secret=place.client_secret)
    url = f"duckdb:///{place.warehouse_file}"
    resources = {
        "org_salesforce": SalesforceResource(login_url=place.url, auth=login, pubsub=place.pubsub),
        "warehouse_default": WarehouseResource(url=url, lock_timeout_s=30),
        "landing": LandingResource(url=place.landing),
    }
    follows = Follows([changes_spec(spec) for spec in specs])
    assets = [changes_asset(spec) for spec in follows.changes]
    defs = dg.Definitions(assets, resources={**resources, "mask_key": MaskKeyResource(key="")})
    sensor = events_sensor("crm", follows, 15)
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(
            instance=instance, repository_def=defs.get_repository_def(), resources=resources
        ) as context,
    ):
        sensor.evaluate_tick(context)


def listen_to_all(place: Place, specs: Sequence[ObjectSpec]) -> None:
    """As the listener: for ever."""
    _drain(place, specs, Until(), wait_for_lease=True)


def apply_changes(place: Place, spec: ObjectSpec, run: int) -> None:
    """What the asset does."""
    with place.client() as client, place.events(client) as pubsub:
        places = ChangePlaces(
            client=client,
            store=place.store,
            warehouse=DuckDBWarehouse(place.warehouse_file, lock_timeout_s=30),
            fetch_schema=pubsub.schema_json,
            mask_key="",
        )
        ids = RunIds(f"changes-{run}", f"changes-{run}")
        ChangesRun(changes_spec(spec), places, ids, lambda _: None).apply()


def read_windows(place: Place, spec: ObjectSpec, first: str, last: str, run: int) -> None:
    """As a night: windows of one object."""
    reads = StageReads(place, place.folder, spec, TABLES, runs_before=run)
    reads.load(reads.read(first, last))


def _drain(
    place: Place, specs: Sequence[ObjectSpec], until: Until, *, wait_for_lease: bool = False
) -> None:
    failures: list[BaseException] = []
    with place.client() as client, place.events(client) as pubsub:

        def one(channel: str) -> None:
            try:
                while drain(pubsub, place.inbox, channel, until) is None and wait_for_lease:
                    threading.Event().wait(LEASE_LOOK_S)
            except BaseException as error:
                failures.append(error)

        channels = [changes_spec(spec).channel for spec in specs]
        threads = [threading.Thread(target=one, args=[channel]) for channel in channels]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for failure in failures:
        raise failure


# ---- processes


@dataclass(frozen=True)
class Kill:
    """When a process is killed: after some seconds, or before its n-th deed to a file."""

    after_s: float | None = None
    before_file: int | None = None

    @classmethod
    def choose(cls, random: Random) -> "Kill":
        if random.random() < 0.4:
            return cls(after_s=random.uniform(0, SOON_S))
        return cls(before_file=round(MOST_FILES ** random.random()))


class Step:
    """A step under way."""

    def __init__(
        self, what: Callable[..., None], *arguments: Any, kill: Kill | None = None
    ) -> None:
        self.name = what.__name__
        self._kill = kill
        self._process = _processes.Process(target=_run, args=[what, arguments, kill])
        self._process.start()

    def finish(self) -> bool:
        """Whether it came to its end; False if it was killed.

        Raises:
            AssertionError: It failed, or hangs.
        """
        after_s = self._kill.after_s if self._kill else None
        self._process.join(STEP_S if after_s is None else after_s)
        assert after_s is not None or not self._process.is_alive(), f"{self.name} hangs"
        return self.stop()

    def stop(self) -> bool:
        """Kill it now, if it hasn't come to its end."""
        self._process.kill()
        self._process.join()
        code = self._process.exitcode
        assert code in (0, -signal.SIGKILL), f"{self.name} failed, see above"
        return code == 0


def _run(what: Callable[..., None], arguments: Sequence[Any], kill: Kill | None) -> None:
    os.setsid()
    if kill and kill.before_file is not None:
        _die_before_file(kill.before_file, arguments[0].folder)
    what(*arguments)


def _die_before_file(count: int, folder: Path) -> None:
    left, root = count, os.fsencode(folder)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event not in FILE_EVENTS or isinstance(arguments[0], int):
            return
        if os.fsencode(arguments[0]).startswith(root):
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
