"""An org that sends bursts, and where its events go: what the benchmarks of events run on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assets.changes_run import Applied, ChangePlaces, ChangesRun
from assets.changes_spec import ChangesSpec
from assets.drain import DrainReport, Until, drain
from assets.extract import RunIds
from assets.specs import ObjectSpec, SyncSpec
from resources.landing.inbox import ChannelInbox, Inbox
from resources.landing.local_store import LocalStore
from resources.salesforce.client import SalesforceClient
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.settings import ClientCredentials, ConnectionSettings
from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from tests.emulator_process import Org, running_org

SYNC = SyncSpec(name="salesforce", org="salesforce")
RUN = RunIds("benchmark", "benchmark")


@dataclass(frozen=True)
class EventHarbour:
    """A running org, with a landing store and a warehouse of its own."""

    org: Org
    folder: Path
    client: SalesforceClient
    pubsub: PubSub

    @property
    def inbox(self) -> Inbox:
        """Where events land."""
        return Inbox(LocalStore(self.folder / "landing"), self.org.org_id)

    @property
    def warehouse(self) -> DuckDBWarehouse:
        """Where they end."""
        return DuckDBWarehouse(self.folder / "warehouse.duckdb")

    def channel(self, spec: ChangesSpec) -> ChannelInbox:
        """Where an object's events land."""
        return self.inbox.channel(spec.channel)

    def burst(self, spec: ChangesSpec, events: int) -> None:
        """Updates of the object's rows in turn, encoded beforehand."""
        self.org.control("POST", "events/burst", {"object": spec.object.name, "count": events})

    def land(self, spec: ChangesSpec, until: Until) -> DrainReport:
        """Drain an object's channel, as the sensor and the listener do."""
        report = drain(self.pubsub, self.inbox, spec.channel, until)
        assert report is not None, "another process drains the channel"
        return report

    def apply(self, spec: ChangesSpec) -> list[Applied]:
        """Apply what has landed as a run of the asset does, with a login of its own."""
        with connected(self.org) as client:
            places = ChangePlaces(
                client, self.inbox.store, self.warehouse, self.pubsub.schema_json, ""
            )
            return ChangesRun(spec, places, RUN, lambda _: None).apply()


def changes_of(object_name: str) -> ChangesSpec:
    """All fields of an object."""
    return ChangesSpec(SYNC, ObjectSpec(object_name))


@contextmanager
def event_harbour(folder: Path, rows: int, objects: Sequence[str]) -> Iterator[EventHarbour]:
    """With so many rows of each object, whose creation has landed and been applied."""
    seeded = [argument for name in objects for argument in ("--rows", f"{name}={rows}")]
    with (
        running_org("--seed", "empty", "--cdc", ",".join(objects), *seeded) as org,
        connected(org) as client,
        PubSub(client.transport.login, org.ready["pubsub"]) as pubsub,
    ):
        harbour = EventHarbour(org, folder, client, pubsub)
        for name in objects:
            harbour.land(changes_of(name), Until(idle_s=1.0))
            harbour.apply(changes_of(name))
        yield harbour


@contextmanager
def connected(org: Org) -> Iterator[SalesforceClient]:
    """A client of the org."""
    login = ClientCredentials(org.client_id, org.client_secret)
    with SalesforceClient(ConnectionSettings("salesforce", org.url, login)) as client:
        yield client
