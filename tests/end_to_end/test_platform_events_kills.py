"""Each platform event is one row and starts one run, whatever is killed between any two steps."""

import time
from collections import Counter
from pathlib import Path
from random import Random

import dagster as dg
import pytest

from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from tests.assets.platform_events import Publisher
from tests.emulator_process import Org
from tests.end_to_end.event_steps import Kill, Place, Step
from tests.end_to_end.event_truth import query
from tests.end_to_end.platform_steps import (
    ACTION,
    SPEC,
    append,
    channel_of,
    die_before,
    instance_of,
    land,
    listen,
    start,
    tick,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STEPS = 20
STREAM_FAULTS = ("duplicate", "drop", "expire_replay")
SETTLE_S = 20


class PlatformPlay:
    """Events that are published while they are followed by processes that die."""

    def __init__(self, org: Org, folder: Path, seed: int) -> None:
        (folder / "dagster").mkdir()
        self.org, self.random = org, Random(seed)
        self.place = Place.of(org, folder)
        self.publisher = Publisher(org)
        self.published: dict[str, str] = {}
        self.mix: Counter[str] = Counter()
        org.control("PUT", "events", {"keepalive_s": 0.2})

    def publish(self, count: int = 1, action: str = "") -> None:
        for _ in range(count):
            does = action or self.random.choice([ACTION, ACTION, "PAID"])
            self.published[self.publisher.publish(str(len(self.published)), does)] = does

    def step(self, what, kill: Kill | None = None) -> None:
        if kill and kill.before_file:
            done = Step(die_before, self.place, kill.before_file, what).finish()
        else:
            done = Step(what, self.place, kill=kill).finish()
        self.mix[f"{what.__name__} {'done' if done else 'killed'}"] += 1

    def disturb(self) -> None:
        kind = self.random.choice(STREAM_FAULTS)
        self.mix[kind] += 1
        self.org.faults.add({"event": kind}, method="Subscribe")

    def settle(self) -> None:
        """Follow without being killed, until all has landed and been applied."""
        self.org.faults.clear()
        deadline = time.monotonic() + SETTLE_S
        while self.published.keys() - self.landed():
            assert time.monotonic() < deadline, "events never landed"
            self.step(land)
        self.step(start)
        self.step(append)

    def landed(self) -> set[str]:
        channel = channel_of(self.place)
        return {
            uuid
            for segment in channel.segments("nobody")
            for uuid in channel.read(segment).column("event_id").to_pylist()
        }

    def compare(self) -> None:
        rows = query(
            self.place.warehouse_file, "SELECT event_uuid, action_c FROM salesforce.order_events"
        )
        assert sorted(rows) == sorted(self.published.items()), self.mix
        with instance_of(self.place) as instance:
            runs = instance.get_runs(dg.RunsFilter(job_name="erp"))
        matching = [uuid for uuid, action in self.published.items() if action == ACTION]
        started = [run.tags["tidegate/event_uuid"] for run in runs]
        assert sorted(started) == sorted(matching), self.mix
        assert {run.status for run in runs} == {dg.DagsterRunStatus.QUEUED}
        self.assert_quiet()

    def assert_quiet(self) -> None:
        """Whoever looks into the inbox sees that there is nothing left to do."""
        channel = channel_of(self.place)
        newest = channel.newest_seq()
        assert [channel.consumed(name) for name in channel.consumers()] == [newest, newest]
        position = DuckDBWarehouse(self.place.warehouse_file, lock_timeout_s=5).position(
            self.org.org_id, SPEC.channel
        )
        assert position is not None


def test_a_start_that_is_killed_before_each_of_its_steps_starts_each_run_once(
    org: Org, tmp_path: Path, record_property
):
    play = PlatformPlay(org, tmp_path, seed=1)
    play.publish(action=ACTION)
    play.step(land)

    for deeds in range(1, 200, 8):
        killed = play.mix["start killed"]
        play.publish(action=ACTION)
        play.step(land)
        play.step(start, Kill(before_file=deeds))
        if play.mix["start killed"] == killed:
            break  # it hasn't so many steps
    play.settle()

    play.compare()
    assert play.mix["start done"] >= 2, "no start came to its end: sweep further"
    record_property("kills", dict(play.mix))


@pytest.mark.parametrize("seed", [2, 3])
def test_random_kills_and_broken_streams_lose_nothing_and_double_nothing(
    org: Org, tmp_path: Path, record_property, seed: int
):
    play = PlatformPlay(org, tmp_path, seed)
    listener: Step | None = None

    for _ in range(STEPS):
        play.publish(play.random.randint(0, 3))
        if play.random.random() < 0.3:
            play.disturb()
        if listener:
            listener.stop()
            play.mix["listeners killed"] += 1
            listener = None
        elif play.random.random() < 0.15:
            listener = Step(listen, play.place)
        what = play.random.choice([land, land, start, append, tick])
        deeds = round(40 ** play.random.random())
        kill = play.random.choice([None, Kill(before_file=deeds), Kill(before_file=deeds)])
        play.step(what, kill)
    if listener:
        listener.stop()
    play.settle()

    play.compare()
    record_property("kills", dict(play.mix))
