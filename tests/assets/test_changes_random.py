"""Random histories and trouble: the table ends as the org, and the log has each event once."""

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import dagster as dg
import pytest

from assets.drain import Until
from assets.naming import warehouse_name
from emulator.pubsub.generated import pubsub_api_pb2 as wire
from tests.assets.changes import Follower
from tests.assets.conftest import Harbour, metadata
from tests.emulator.api import Api
from tests.emulator.event_stream import EventBus
from tests.end_to_end.histories import History
from tests.end_to_end.scenes import ACCOUNTS, ACCOUNTS_REMOVED, BANKS, ORDERS, Scene

EXAMPLES = int(os.environ.get("TIDEGATE_EXAMPLES", "2"))
STEPS = 30
SCENES = (ACCOUNTS, ACCOUNTS_REMOVED, BANKS, ORDERS)
FATES = ("gap", "overflow", "wildcard", "duplicate", "drop", "expire_replay")
DO = {"happen": 10, "burst": 4, "late": 2, "fate": 6, "drain": 5, "apply": 4}
RARE = {"outage": 2, "whole": 1, "lose": 1}


class Play:
    """One object, followed through one random history."""

    def __init__(self, seed: int, scene: Scene, harbour: Harbour) -> None:
        self.random, self.scene, self.harbour = Random(seed), scene, harbour
        self.org, self.mix = harbour.org, Counter[str]()
        self.org.control("PUT", "cdc", {"objects": [scene.spec.name]})
        self.history = History(self.org, scene, self.random, datetime.now(UTC))
        self.follower = Follower(harbour, scene.spec)
        self.applied = self.lost = False

    def run(self) -> None:
        weights = {**DO, **RARE}
        for what in self.random.choices([*weights], [*weights.values()], k=STEPS):
            self.mix[what] += 1
            getattr(self, what)()
            self.history.advance(timedelta(seconds=self.random.choice([0, 0, 1, 40])))
        self.history.advance(timedelta(seconds=10))
        self.org.faults.clear()
        self.history.create(self.history.now, 1)
        self.follower.follow()

    def happen(self) -> None:
        self.history.happen(self.history.now)

    def burst(self) -> None:
        self.history.burst(self.history.now)

    def late(self) -> None:
        stamp = self.history.now
        self.history.happen(stamp, stamp + timedelta(seconds=3))
        self.history.advance(timedelta(seconds=5))

    def fate(self) -> None:
        fate = self.random.choice(FATES)
        self.mix[fate] += 1
        self.org.faults.add({"event": fate})

    def drain(self) -> None:
        self.follower.drain(until=Until(idle_s=0.2, events=self.random.choice([1, 3, None])))

    def apply(self) -> None:
        told = metadata(self.follower.apply(), self.follower.specs[0].key)
        self.applied = self.applied or told["salesforce/events"] > 0

    def whole(self) -> None:
        self.harbour.run(self.scene.spec)

    def outage(self) -> None:
        """Changes that nobody takes while the org keeps their events."""
        if self.applied:
            self.history.happen(self.history.now)
            self.history.advance(timedelta(hours=80))
            self.lost = True

    def lose(self) -> None:
        """The landing store is lost; what the warehouse has tells where to go on."""
        if self.applied:
            self.harbour.resources["landing"].open().delete_tree("inbox")

    # ---- what must be true at the end

    def check_table(self) -> None:
        rows = self.org.rows(self.scene.spec.name, *self.scene.asked, deleted=True)
        found = {row[0]: row[1:] for row in self.harbour.query(self.scene.select("salesforce"))}
        live = [row for row in rows if not row["IsDeleted"]]
        flagged = {key for key, row in found.items() if row[-2]}

        assert {k: v for k, v in found.items() if k not in flagged} == self.scene.expected(live)
        assert flagged <= {row["Id"] for row in rows if row["IsDeleted"]}

    def check_log(self) -> None:
        """Every event that the bus has, by code that shares nothing with ours."""
        name = self.scene.spec.name
        event = name.replace("__c", "__") + "ChangeEvent"
        log = warehouse_name(name) + "_changes"
        columns = "_commit_number, _sequence_number, id, _change_type"
        rows = self.harbour.query(f"SELECT {columns} FROM salesforce.{log}")
        told = everything(EventBus(Api(self.org)), f"/data/{event}", self.history.records[-1].id)

        kept = {
            (one["commitNumber"], one["sequenceNumber"], record_id, one["changeType"])
            for one in told
            for record_id in one["recordIds"]
        }
        assert len(set(rows)) == len(rows)
        # What came before the bus forgot, is in the log alone.
        assert kept <= set(rows) if self.lost else kept == set(rows)


def everything(bus, channel, last_id):
    """Headers of all events that the bus keeps, up to that of the last record."""
    stream, headers = bus.subscribe(channel, replay_preset=wire.EARLIEST), []
    try:
        while not headers or last_id not in headers[-1]["recordIds"]:
            headers += [bus.decode(message)["ChangeEventHeader"] for message in stream.take(1)]
    finally:
        stream.close()
    return headers


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_tables_end_as_the_org_whatever_happens_on_the_way(org, tmp_path, scene):
    for seed in range(EXAMPLES):
        org.reset()
        folder = tmp_path / str(seed)
        folder.mkdir()
        with dg.DagsterInstance.ephemeral() as instance:
            play = Play(seed, scene, Harbour(org, folder, instance))
            play.run()
            play.check_table()
            play.check_log()
