"""Plays one random history against an org, reads its windows meanwhile, and compares at the end.

`python -m tests.end_to_end.play --seed 7` plays one again, with an org of its own.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from assets.specs import PartitionSpec
from tests.emulator_process import Org, running_org
from tests.end_to_end.histories import SECOND, History, Record
from tests.end_to_end.scenes import SCENES, Scene
from tests.end_to_end.window_reads import Reads, StageReads, partition_keys

WINDOWS = 30
READS_EACH = 2
LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
TABLE, WHOLE = "by_windows", "at_once"

MakeReads = Callable[[Org, Path, Scene], Reads]


@dataclass
class Window:
    """A window of the play; `reads` counts how often it was read."""

    key: str
    start: datetime
    end: datetime
    reads: int = 0


def stage_reads(org: Org, folder: Path, scene: Scene) -> Reads:
    return StageReads(org, folder, scene.spec, TABLE)


def play(
    seed: int,
    org: Org,
    folder: Path,
    make_reads: MakeReads = stage_reads,
    windows: int = WINDOWS,
) -> Counter[str]:
    """One example: what was done, by kind.

    Raises:
        AssertionError: The table isn't the org's, with the stories of the records that differ.
    """
    random = Random(seed)
    every = random.choice(["hour", "hour", "day"])
    first_day = (datetime.now(UTC) - timedelta(days=40)).date()
    scene = SCENES[seed % len(SCENES)]
    scene = replace(scene, spec=replace(scene.spec, partitions=PartitionSpec(every, first_day)))
    keys = partition_keys(scene.spec, windows)
    reads = make_reads(org, folder, scene)
    return _Play(seed, org, scene, keys, LENGTHS[every], random, reads).act(folder)


class _Play:
    def __init__(
        self,
        seed: int,
        org: Org,
        scene: Scene,
        keys: Sequence[str],
        length: timedelta,
        random: Random,
        reads: Reads,
    ) -> None:
        self.org, self.scene, self.random, self.reads = org, scene, random, reads
        self.name = f"history {seed} of {scene.name}"
        assert scene.spec.partitions is not None
        start = datetime.combine(scene.spec.partitions.start, time(), UTC)
        self.length, self.margin = length, timedelta(seconds=scene.spec.late_commit_margin_s)
        self.windows = [
            Window(key, start + n * length, start + (n + 1) * length) for n, key in enumerate(keys)
        ]
        self.end = self.windows[-1].end
        past = random.randint(1, len(keys) - 1)
        self.history = History(org, scene, random, self.windows[past].start + SECOND)
        self.mix = self.history.mix
        self.in_hand: list[Any] = []

    def act(self, folder: Path) -> Counter[str]:
        self._past()
        while self.in_hand or any(window.reads < READS_EACH for window in self.windows):
            self._step()
        self._compare(folder)
        self.mix["edits within a second"] = self.history.edits_within_a_second()
        self.mix["records read again"] = self.reads.again
        self.mix[f"histories of {self.scene.name}"] = 1
        return self.mix

    def _past(self) -> None:
        """What lies in the org before the first read, older than the first window, too."""
        now = self.history.now
        begin = self.windows[0].start - 5 * self.length
        for share in sorted(self.random.random() for _ in range(25)):
            stamp = (begin + share * (now - SECOND - begin)).replace(microsecond=0)
            self.history.happen(stamp)
            if self.random.random() < 0.5:
                self.history.burst(stamp)

    # ---- the present

    def _step(self) -> None:
        now = self.history.now
        ready = self._ready(now)
        open_still = now < self.end - 2 * SECOND
        choices: list[tuple[float, Callable[[], None]]] = []
        if open_still:
            choices.append((4, self._edit))
        if ready:
            choices += [(4, lambda: self._read(ready)), (1, lambda: self._commit_very_late(now))]
        if self.in_hand:
            # Rare: an old answer that is loaded last finds a table full of newer ones.
            choices.append((0.4, self._load))
        if now < self.end + self.margin:
            choices.append((0.3 if ready else 4, self._advance))
        weights = [weight for weight, _ in choices]
        [(_, act)] = self.random.choices(choices, weights)
        act()

    def _edit(self) -> None:
        """Something happens now, in the last second of a window now and then."""
        now = self.history.advance(self.random.random() * 0.02 * self.length)
        if now >= self.end:
            return
        stamp = now.replace(microsecond=0)
        late = self.random.random() < 0.3
        committed = now + self.random.random() * (self.margin - 10 * SECOND) if late else None
        if self.random.random() < 0.6:
            self.history.burst(stamp, committed)
        else:
            self.history.happen(stamp, committed)

    def _advance(self) -> None:
        now = self.history.now
        by = self.random.choice([0.05, 0.4, 1.1, 2]) * self.length
        if now < self.end:
            # Stop before the end, so that the last window sees edits.
            by = min(by, max(self.end - 5 * SECOND - now, SECOND))
            nearly_over = by <= SECOND
            self.history.advance(self.end + self.margin + SECOND - now if nearly_over else by)
        else:
            self.history.advance(self.end + self.margin + SECOND - now)

    def _commit_very_late(self, now: datetime) -> None:
        """A transaction commits after its window was read, and before another read of it.

        That other read is the window's second one, or that of the next window, which begins to
        read a margin before its start.
        """
        once = [window for window in self.windows if window.reads == 1]
        if once and self.random.random() < 0.5:
            self._edit_again(self.random.choice(once), now)
            return
        twice = [
            window
            for window, following in pairwise(self.windows)
            if window.reads == READS_EACH and following.reads < READS_EACH
        ]
        if not twice:
            return
        begin = self.random.choice(twice).end - self.margin
        stamp = begin + self.random.randrange(int(self.margin / SECOND)) * SECOND
        if free := self.history.free(stamp):
            self._edit_very_late(self.random.choice(free), stamp, now)

    def _edit_again(self, window: Window, now: datetime) -> None:
        """Edit records within the second of their last edit, though the window was read since."""
        known = self._editable(window)
        for record in self.random.sample(known, k=min(len(known), 3)):
            self._edit_very_late(record, record.stamp, now)

    def _editable(self, window: Window) -> list[Record]:
        return [r for r in self._records_of([window]) if r in self.history.free(r.stamp)]

    def _edit_very_late(self, record: Record, stamp: datetime, now: datetime) -> None:
        self.history.edit(record, stamp, committed=now)
        self.mix["commits after a read"] += 1

    def _records_of(self, windows: Sequence[Window]) -> list[Record]:
        begin, end = windows[0].start, windows[-1].end
        return [record for record in self.history.records if begin <= record.stamp < end]

    # ---- reading

    def _ready(self, now: datetime) -> list[Window]:
        return [w for w in self.windows if w.reads < READS_EACH and w.end + self.margin <= now]

    def _read(self, ready: list[Window]) -> None:
        window = self.random.choice(ready)
        chosen = [window]
        if self.random.random() < 0.15:
            after = self.windows[self.windows.index(window) + 1 :][: self.random.randint(1, 5)]
            for other in after:
                if other not in ready:
                    break
                chosen.append(other)
        if window.reads == 0 and self._editable(window) and self.random.random() < 0.7:
            self._read_twice(window)
        else:
            self._take(self._land(chosen), chosen)

    def _read_twice(self, window: Window) -> None:
        """Two reads so close that nobody can tell which came first, with edits between them."""
        self.mix["windows read twice in a moment"] += 1
        landed = [self._land([window])]
        self._edit_again(window, self.history.now)
        self.org.faults.add({"delay_s": 0.3}, path="*/query*")
        landed.append(self._land([window]))
        # Mostly the org's time has gone on when they are loaded, else the merge must wait for it.
        self.history.advance(self.random.choice([3, 3, 3, 0]) * SECOND)
        for one in self.random.sample(landed, k=2):
            self._take(one, [window])

    def _land(self, chosen: Sequence[Window]) -> Any:
        self.mix["reads"] += 1
        self.mix["reads of a range"] += len(chosen) > 1
        for window in chosen:
            window.reads += 1
        return self.reads.read(chosen[0].key, chosen[-1].key)

    def _take(self, landed: Any, windows: Sequence[Window]) -> None:
        """Load an answer now, or keep it until newer ones are loaded."""
        if self.random.random() < 0.6:
            self.reads.load(landed)
            return
        self.in_hand.append(landed)
        self.mix["loads out of order"] += 1
        self._make_old(windows)

    def _make_old(self, windows: Sequence[Window]) -> None:
        """Edit records that are in hand, so that they will be loaded after newer ones."""
        now = self.history.now
        if now < self.end:
            records = self._records_of(windows)
            free = self.history.free(now.replace(microsecond=0))
            for record in self.random.sample(records, k=min(len(records), 2)):
                if record in free:
                    self.history.edit(record, now.replace(microsecond=0))

    def _load(self) -> None:
        self.reads.load(self.in_hand.pop(self.random.randrange(len(self.in_hand))))

    # ---- the end

    def _compare(self, folder: Path) -> None:
        once = replace(self.scene.spec, partitions=None)
        at_once = StageReads(self.org, folder, once, WHOLE)
        at_once.load(at_once.read_whole())
        truth = self.scene.expected(
            self.org.rows(self.scene.spec.name, *self.scene.asked, deleted=True)
        )
        by_windows = _by_id(self.reads.rows(self.scene.select(TABLE)))
        assert truth, "nothing happened"
        self._assert_same(_by_id(at_once.rows(self.scene.select(WHOLE))), truth, "one full load")
        self._assert_same(by_windows, truth, "the table")

    def _assert_same(
        self, found: dict[str, tuple[Any, ...]], truth: dict[str, tuple[Any, ...]], what: str
    ) -> None:
        wrong = [
            key for key in sorted(found.keys() | truth.keys()) if found.get(key) != truth.get(key)
        ]
        stories = {record.id: record.story for record in self.history.records}
        details = "\n".join(
            f"{key}\n  is        {found.get(key)}\n  should be {truth.get(key)}\n  "
            + "\n  ".join(stories[key])
            for key in wrong[:5]
        )
        assert not wrong, (
            f"{self.name}: {what} has {len(wrong)} wrong row(s) of {len(truth)}\n{details}"
        )


def _by_id(rows: list[tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    table = {row[0]: row[1:] for row in rows}
    assert len(table) == len(rows), "an Id stands in two rows"
    return table


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, action="append", required=True)
    parser.add_argument("--windows", type=int, default=WINDOWS)
    options = parser.parse_args()
    with running_org("--seed", "empty") as org:
        for seed in options.seed:
            org.reset()
            with tempfile.TemporaryDirectory(prefix="tidegate-play-") as folder:
                mix = play(seed, org, Path(folder), windows=options.windows)
                print(seed, dict(mix), flush=True)


if __name__ == "__main__":
    main()
