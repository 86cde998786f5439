"""Plays one random history of several objects, follows it by events meanwhile, and compares.

Sensor, listener, runs and nights are processes that are killed again and again; gaps, overflows,
duplicates, silent and broken streams, refused and outlived positions come between.
`python -m tests.end_to_end.event_play --seed 7` plays one again, with an org of its own.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as day_time
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

from assets.specs import PartitionSpec
from tests.emulator_process import Org, running_org
from tests.end_to_end.event_checks import HistoryModel, values_logged_wrongly
from tests.end_to_end.event_scenes import event_scenes
from tests.end_to_end.event_steps import (
    TABLES,
    Kill,
    Place,
    Step,
    apply_changes,
    changes_spec,
    drain_all,
    evaluate_sensor,
    listen_to_all,
    read_windows,
)
from tests.end_to_end.event_truth import (
    BusReader,
    Logged,
    Published,
    landed_events,
    logged,
    query,
    versions,
)
from tests.end_to_end.histories import SECOND, History
from tests.end_to_end.scenes import Scene
from tests.end_to_end.window_reads import partition_keys

STEPS = 40
DAYS, FIRST_DAYS = 60, 3
DAY = timedelta(days=1)
MARGIN = timedelta(minutes=15)
RETENTION = timedelta(hours=72)
KEEPALIVE_S = 0.2
KILLED = 0.55
SETTLE_S = 15
# More deeds to files than a step has, and moments of what it does without files.
SWEEP = [*(Kill(before_file=n) for n in range(1, 15)), *(Kill(after_s=n / 10) for n in range(1, 8))]
# Those who compare read a channel of their own, so that no fault meets them.
WATCHED = "Watched__chn"
CHANGE_FAULTS = ("gap", "overflow", "wildcard")
STREAM_FAULTS = ("drop", "silence", "duplicate", "expire_replay")


def play(seed: int, org: Org, folder: Path, steps: int = STEPS) -> Counter[str]:
    """One example: what was done, by kind.

    Raises:
        AssertionError: A table isn't the org's, or a change log not what was delivered.
    """
    one = EventPlay(seed, org, folder)
    try:
        return one.act(steps)
    finally:
        one.end()


def sweep(seed: int, org: Org, folder: Path) -> Counter[str]:
    """Kill who follows before each thing that it does to a file, one after the other."""
    one = EventPlay(seed, org, folder)
    return one.kill_everywhere()


class EventPlay:
    """One history."""

    def __init__(self, seed: int, org: Org, folder: Path) -> None:
        self.seed, self.org, self.random = seed, org, Random(seed)
        self.place = Place.of(org, folder)
        first_day = (datetime.now(UTC) - DAYS * DAY).date()
        self.start = datetime.combine(first_day, day_time(), UTC)
        partitions = PartitionSpec("day", first_day)
        self.scenes = [
            replace(scene, spec=replace(scene.spec, partitions=partitions))
            for scene in event_scenes(seed)
        ]
        self.specs = [scene.spec for scene in self.scenes]
        self.keys = partition_keys(self.scenes[0].spec, DAYS)
        begin = self.start + FIRST_DAYS * DAY
        self.histories = [History(org, scene, self.random, begin) for scene in self.scenes]
        self.mix: Counter[str] = Counter()
        self.published = {scene.name: Published() for scene in self.scenes}
        self.nights = dict.fromkeys((scene.name for scene in self.scenes), 0)
        self.stream_faults = cycle(self.random.sample(STREAM_FAULTS, k=len(STREAM_FAULTS)))
        self.change_faults = cycle(self.random.sample(CHANGE_FAULTS, k=len(CHANGE_FAULTS)))
        self.dates = {scene.name: 0 for scene in self.scenes}
        self.listener: Step | None = None
        self.runs = 0

    @property
    def now(self) -> datetime:
        return self.histories[0].now

    def act(self, steps: int) -> Counter[str]:
        self._past()
        for number in range(steps):
            self._step()
            if number == steps // 3:
                self._outlive_positions()
            if number == steps // 2:
                self._settle()
        self._settle()
        self._end_unclearly()
        self._settle()
        self._end_with_nights()
        for history in self.histories:
            self.mix += history.mix
            self.mix["edits within a second"] += history.edits_within_a_second()
        return self.mix

    def kill_everywhere(self) -> Counter[str]:
        """Nothing but the events can make good what a kill loses: no break, no night."""
        self._past()
        *_, contacts = self.histories
        followed: list[tuple[Callable[..., None], list[Any]]] = [
            (drain_all, [[contacts.scene.spec], 0.3]),
            (apply_changes, [contacts.scene.spec, 0]),
        ]
        for what, arguments in followed:
            for kill in SWEEP:
                contacts.create(contacts.now.replace(microsecond=0), 1)
                if what is apply_changes:
                    Step(drain_all, self.place, [contacts.scene.spec], 0.3).finish()
                self._finished(Step(what, self.place, *arguments, kill=kill))
        self._compare_everything(self.scenes[-1:])
        return self.mix

    def end(self) -> None:
        """Leave no process behind."""
        if self.listener:
            self.listener.stop()

    def _past(self) -> None:
        """What was there before events were selected comes by a night."""
        for history in self.histories:
            for share in sorted(self.random.random() for _ in range(6)):
                stamp = self.start + share * (FIRST_DAYS * DAY - SECOND)
                history.happen(stamp.replace(microsecond=0))
        self._advance_to(self.start + FIRST_DAYS * DAY + MARGIN + SECOND)
        for scene in self.scenes:
            self._night(scene, kill=None)
        names = [scene.spec.name for scene in self.scenes]
        self.org.control("PUT", "cdc", {"objects": names, "channels": {WATCHED: names}})
        self.org.control("PUT", "events", {"keepalive_s": KEEPALIVE_S})
        # Reading the bus needs a session that outlives days of the org's time.
        self.org.control("PUT", "auth", {"session_s": 10**8})
        self.bus = BusReader(self.org)
        self._begin_to_follow()

    def _begin_to_follow(self) -> None:
        """Only what is lost after a first position can be noticed."""
        deadline = time.monotonic() + SETTLE_S
        channels = [self.place.inbox.channel(changes_spec(spec).channel) for spec in self.specs]
        while any(channel.position() is None for channel in channels):
            assert time.monotonic() < deadline, f"{self._name}: no keepalive came"
            Step(drain_all, self.place, self.specs, 0.6).finish()

    # ---- the present

    def _step(self) -> None:
        choices: list[tuple[float, Callable[[], None]]] = [
            (7, self._edit),
            (4, self._edit_unclearly),
            (3, self._disturb_a_stream),
            (6, self._tick),
            (5, self._apply),
            (2, self._listen),
            (2, self._pass_time),
            (1.5, self._some_night),
            (1.5, self._change_fields),
        ]
        [(_, act)] = self.random.choices(choices, [weight for weight, _ in choices])
        act()

    def _edit(self) -> None:
        """Several edits of some objects, most of them within one second."""
        for history in self.random.sample(self.histories, k=self.random.randint(1, 3)):
            self._edit_some(history)

    def _edit_some(self, history: History) -> None:
        now = history.advance(self.random.choice([0, 0.3, 40]) * SECOND)
        stamp = now.replace(microsecond=0)
        late = self.random.random() < 0.25
        committed = now + self.random.random() * (MARGIN - 20 * SECOND) if late else None
        for _ in range(self.random.randint(1, 3)):
            if self.random.random() < 0.6:
                history.burst(stamp)
            else:
                history.happen(stamp)
        if late:
            history.happen(stamp, committed)

    def _edit_unclearly(self) -> None:
        """The next change is told by an event without values, or by none that names records."""
        history = self.random.choice(self.histories)
        kind = next(self.change_faults)
        self.mix[kind] += 1
        self.org.faults.add({"event": kind}, object=history.scene.spec.name)
        history.happen(history.now.replace(microsecond=0))

    def _change_fields(self) -> None:
        """The schema of events changes; a conversion is told by one event for all records."""
        scene = self.random.choice(self.scenes)
        name, number = scene.spec.name, self.dates[scene.name]
        self.dates[scene.name] += 1
        fields = f"fields/{name}"
        if number % 2:
            text = {"type": "string", "length": 9}
            self.org.control("PUT", fields, {f"Extra_{number - 1}__c": text})
            self.mix["fields converted"] += 1
        else:
            self.org.control("POST", fields, {f"Extra_{number}__c": {"type": "date"}})
            self.mix["fields added"] += 1

    def _end_unclearly(self) -> None:
        """Changes that only these events tell of: no break and no night makes them good."""
        accounts, orders, contacts = self.histories
        for history, kind in ((contacts, "gap"), (orders, "overflow"), (accounts, "wildcard")):
            name, stamp = history.scene.spec.name, history.now.replace(microsecond=0)
            self.org.faults.add({"event": kind}, times=2, object=name)
            history.create(stamp, 4)
            history.edit(self.random.choice(history.free(stamp)), stamp)

    def _disturb_a_stream(self) -> None:
        kind = next(self.stream_faults)
        scene = self.random.choice(self.scenes)
        self.mix[kind] += 1
        channel = changes_spec(scene.spec).channel
        self.org.faults.add({"event": kind}, method="Subscribe", path=channel)

    def _pass_time(self) -> None:
        self._advance_to(self.now + self.random.choice([0.1, 1, 7, 24]) * timedelta(hours=1))

    def _outlive_positions(self) -> None:
        """Nobody follows for so long that the org forgets events."""
        self._stop_listener()
        for history in self.histories:
            self._edit_some(history)
        self._advance_to(self.now + RETENTION + self.random.random() * DAY)
        self.mix["positions outlived"] += 1

    def _advance_to(self, moment: datetime) -> None:
        if moment - self.now > timedelta(hours=12):
            self._note_published()  # before the org forgets it
        self.histories[0].advance(moment - self.now)

    # ---- following

    def _tick(self) -> None:
        if self.random.random() < 0.5:
            self._run(evaluate_sensor, self.specs)
        else:
            self._run(drain_all, self.specs, 0.3)

    def _apply(self) -> None:
        """Runs of one object, or of all beside each other."""
        chosen = self.scenes if self.random.random() < 0.4 else [self.random.choice(self.scenes)]
        steps = [self._start(apply_changes, scene.spec, self._next_run()) for scene in chosen]
        self._edit()
        for step in steps:
            self._finished(step)

    def _listen(self) -> None:
        if self.listener:
            self._stop_listener()
        else:
            self.listener = Step(listen_to_all, self.place, self.specs)

    def _stop_listener(self) -> None:
        if self.listener:
            listener, self.listener = self.listener, None
            assert not listener.stop(), "the listener ended by itself"
            self.mix["listeners killed"] += 1

    def _some_night(self) -> None:
        scene = self.random.choice(self.scenes)
        if self._ready() > self.nights[scene.name]:
            self._night(scene, self._maybe_kill())

    def _ready(self) -> int:
        """How many windows are over."""
        return int((self.now - MARGIN - SECOND - self.start) / DAY)

    def _night(self, scene: Scene, kill: Kill | None) -> None:
        """Windows that are over, the last one of the night before again."""
        first, ready = max(self.nights[scene.name] - 1, 0), self._ready()
        keys = self.keys[first], self.keys[ready - 1]
        step = Step(read_windows, self.place, scene.spec, *keys, self._next_run(), kill=kill)
        if self._finished(step):
            self.nights[scene.name] = ready

    def _next_run(self) -> int:
        self.runs += 1
        return self.runs

    def _maybe_kill(self) -> Kill | None:
        return Kill.choose(self.random) if self.random.random() < KILLED else None

    def _start(self, what: Callable[..., None], *arguments: Any) -> Step:
        return Step(what, self.place, *arguments, kill=self._maybe_kill())

    def _run(self, what: Callable[..., None], *arguments: Any) -> bool:
        return self._finished(self._start(what, *arguments))

    def _finished(self, step: Step) -> bool:
        done = step.finish()
        self.mix[f"{step.name} {'done' if done else 'killed'}"] += 1
        return done

    # ---- comparing

    def _settle(self) -> None:
        """Let all that is under way come to its end, then compare."""
        self._stop_listener()
        self.org.faults.clear()
        self._advance_to(self.now + MARGIN)
        self._compare_everything(self.scenes)

    def _compare_everything(self, scenes: Sequence[Scene]) -> None:
        on_bus = self._note_published()
        self._land_everything(on_bus)
        for scene in scenes:
            Step(apply_changes, self.place, scene.spec, self._next_run()).finish()
            self._assert_quiet(scene)
            self._compare_rows(scene)
            self._compare_log(scene, on_bus[scene.spec.name])

    def _land_everything(self, on_bus: Mapping[str, Published]) -> None:
        deadline = time.monotonic() + SETTLE_S
        # Once in any case: what the bus has forgotten is noticed by asking for it.
        Step(drain_all, self.place, self.specs, 0.3).finish()
        while missing := self._not_landed(on_bus):
            assert time.monotonic() < deadline, f"{self._name}: {missing} never landed"
            Step(drain_all, self.place, self.specs, 0.3).finish()

    def _note_published(self) -> Mapping[str, Published]:
        """Remember what is on the bus, by object."""
        on_bus = self.bus.read(f"/data/{WATCHED}")
        for scene in self.scenes:
            self.published[scene.name].add(on_bus[scene.spec.name])
        return on_bus

    def _not_landed(self, on_bus: Mapping[str, Published]) -> str:
        """A channel with events on the bus that aren't in the inbox."""
        for scene in self.scenes:
            spec = changes_spec(scene.spec)
            if on_bus[spec.object.name].events - landed_events(self.place.inbox, spec):
                return f"events of {spec.channel}"
        return ""

    def _assert_quiet(self, scene: Scene) -> None:
        """Whoever looks into the inbox sees that there is nothing left to apply."""
        spec = changes_spec(scene.spec)
        channel = self.place.inbox.channel(spec.channel)
        newest, consumed = channel.newest_seq(), channel.consumed(spec.consumer)
        assert consumed == newest, (
            f"{self._name}: {spec.channel} looks as if it had events to apply "
            f"(segment {newest}, consumed {consumed})"
        )

    def _compare_rows(self, scene: Scene) -> None:
        self._assert_same(scene, self._table(scene), self._truth(scene), "by events")

    def _end_with_nights(self) -> None:
        """Windows up to the last edit: then deleted rows, too, are as the org has them."""
        self._advance_to(self.now + DAY + MARGIN + SECOND)
        for scene in self.scenes:
            self._night(scene, kill=None)
            self._assert_same(scene, self._table(scene), self._truth(scene), "after a night")

    def _truth(self, scene: Scene) -> dict[str, tuple[Any, ...]]:
        rows = self.org.rows(scene.spec.name, *scene.asked, deleted=True)
        truth = scene.expected(rows)
        assert truth, "nothing happened"
        return truth

    def _table(self, scene: Scene) -> dict[str, tuple[Any, ...]]:
        rows = query(self.place.warehouse_file, scene.select(TABLES))
        table = {row[0]: row[1:] for row in rows}
        assert len(table) == len(rows), "an Id stands in two rows"
        return table

    def _assert_same(
        self,
        scene: Scene,
        found: dict[str, tuple[Any, ...]],
        truth: dict[str, tuple[Any, ...]],
        when: str,
    ) -> None:
        wrong = sorted(
            key for key in found.keys() | truth.keys() if found.get(key) != truth.get(key)
        )
        [history] = [one for one in self.histories if one.scene is scene]
        stories = {record.id: record.story for record in history.records}
        details = "\n".join(
            f"{key}\n  is        {found.get(key)}\n  should be {truth.get(key)}\n  "
            + "\n  ".join(stories[key])
            for key in wrong[:5]
        )
        assert not wrong, (
            f"{self._name}: {scene.name} {when}: {len(wrong)} wrong row(s) of {len(truth)}\n"
            f"{details}\n{dict(self.mix)}"
        )

    def _compare_log(self, scene: Scene, on_bus: Published) -> None:
        """All that was delivered stands in the log, once, as the org told it."""
        spec = changes_spec(scene.spec)
        told = self.published[scene.name].changes
        rows = logged(self.place.warehouse_file, spec)
        counts = Counter(row.change for row in rows)
        twice = [change for change, n in counts.items() if n > 1]
        invented = [r.change for r in rows if r.change not in told or told[r.change].kind != r.kind]
        otherwise = list(values_logged_wrongly(scene, told, rows))
        lacking = landed_events(self.place.inbox, spec) - {row.event_id for row in rows}
        kept = on_bus.changes.keys() - counts.keys()
        wrong = [*twice, *invented, *otherwise, *lacking, *kept]
        assert not wrong, (
            f"{self._name}: wrong row(s) in {spec.log_table}: {len(twice)} twice {twice[:3]}, "
            f"{len(invented)} that nobody told {invented[:3]}, {len(otherwise)} told otherwise "
            f"{otherwise[:3]}, {len(lacking)} event(s) that landed "
            f"and {len(kept)} change(s) on the bus are missing: {sorted(kept)[:3]}"
        )
        self.mix["changes logged"] = max(self.mix["changes logged"], len(rows))
        if scene.spec.history:
            self._compare_history(scene, rows)

    def _compare_history(self, scene: Scene, rows: list[Logged]) -> None:
        """Each change is a version, whose values are those that were told."""
        found = versions(self.place.warehouse_file, changes_spec(scene.spec))
        live = {key: row for key, row in self._truth(scene).items() if not row[-2]}
        model = HistoryModel(scene, self.published[scene.name].changes, rows)
        wrong = list(model.problems(found, live))
        assert not wrong, (
            f"{self._name}: {len(wrong)} wrong row(s) in the history of {scene.name}: {wrong[:5]}"
        )
        self.mix["versions"] = max(self.mix["versions"], len(found))
        self.mix["certain versions"] += sum(not one["_uncertain"] for one in found)

    @property
    def _name(self) -> str:
        return f"history {self.seed}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, action="append", required=True)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--sweep", action="store_true", help="kill before each deed to a file")
    options = parser.parse_args(arguments)
    with running_org("--seed", "empty") as org:
        for seed in options.seed:
            org.reset()
            with tempfile.TemporaryDirectory(prefix="tidegate-play-") as folder:
                begun = time.monotonic()
                if options.sweep:
                    mix = sweep(seed, org, Path(folder))
                else:
                    mix = play(seed, org, Path(folder), options.steps)
                print(seed, f"{time.monotonic() - begun:.0f} s", dict(mix), flush=True)


if __name__ == "__main__":
    main()
