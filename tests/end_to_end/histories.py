"""Random histories of records: what people and programs do to an org between two reads.

As in an org, a transaction stamps its rows with the second in which it writes them, holds their
locks until it commits, and may commit minutes later. So a record's stamps never go back, but what
a read finds with an old stamp may be new.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

from tests.emulator_process import Org
from tests.end_to_end.scenes import Scene

SECOND = timedelta(seconds=1)


@dataclass
class Record:
    """One record: when it was changed last, and from when on others may change it again."""

    id: str
    stamp: datetime
    free_at: datetime
    deleted: bool = False
    story: list[str] = field(default_factory=list)
    stamps: list[datetime] = field(default_factory=list)


class History:
    """Changes records of an org at random, and remembers what it did.

    `mix` counts what was done, by kind.
    """

    def __init__(self, org: Org, scene: Scene, random: Random, start: datetime) -> None:
        self.org, self.scene, self.random = org, scene, random
        self.records: list[Record] = []
        self.mix: Counter[str] = Counter()
        org.set_clock(start.isoformat())

    # ---- the org's time

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self.org.now())

    def advance(self, by: timedelta) -> datetime:
        answer = self.org.control("POST", "clock/advance", {"seconds": by / SECOND})
        return datetime.fromisoformat(answer["now"])

    # ---- what happens

    def happen(self, stamp: datetime, committed: datetime | None = None) -> None:
        """A few edits, of new and old records, stamped with this second.

        Args:
            committed: When others can see them; at once if None or past.
        """
        if not self.records or self.random.random() < 0.5:
            self.create(stamp, self.random.randint(1, 4), committed)
            return
        free = self.free(stamp)
        for record in self.random.sample(free, k=min(len(free), self.random.randint(1, 2))):
            self.edit(record, stamp, committed)

    def burst(self, stamp: datetime, committed: datetime | None = None) -> None:
        """Several edits of one record within the same second; the last may commit late."""
        if not (free := self.free(stamp)):
            return
        record = self.random.choice(free)
        for _ in range(self.random.randint(1, 2)):
            self.edit(record, stamp)
        self.edit(record, stamp, committed)

    def free(self, stamp: datetime) -> list[Record]:
        """Records that a transaction which wrote at `stamp` can have changed."""
        return [r for r in self.records if r.stamp <= stamp and r.free_at < stamp + SECOND]

    def create(self, stamp: datetime, count: int, committed: datetime | None = None) -> None:
        rows = [self.scene.choose(self.random) for _ in range(count)]
        for record_id in self._commit({"create": rows}, stamp, committed):
            record = Record(record_id, stamp, stamp)
            self.records.append(record)
            self._note(record, "create", stamp, committed)

    def edit(self, record: Record, stamp: datetime, committed: datetime | None = None) -> None:
        """Update or delete a record, or undelete a deleted one."""
        if record.deleted:
            kind, what = "undelete", {"undelete": [record.id]}
        elif self.random.random() < 0.25:
            kind, what = "delete", {"delete": [record.id]}
        else:
            changed = {"Id": record.id, **self.scene.choose(self.random)}
            kind, what = "update", {"update": [changed]}
        self._commit(what, stamp, committed)
        record.deleted = {"delete": True, "undelete": False}.get(kind, record.deleted)
        self._note(record, kind, stamp, committed)

    def _commit(
        self, what: dict[str, list[Any]], stamp: datetime, committed: datetime | None
    ) -> list[str]:
        after_s = (committed - self.now) / SECOND if committed else 0
        late = {"commit_after_s": after_s} if after_s > 0 else {}
        name = self.scene.spec.name
        return self.org.change(name, **what, modstamp=stamp.isoformat(), **late)

    def _note(self, record: Record, kind: str, stamp: datetime, committed: datetime | None) -> None:
        self.mix.update([kind, "edits", *(["late commits"] if committed else [])])
        record.stamps.append(stamp)
        record.stamp = stamp
        record.free_at = committed or stamp
        late = f", seen from {committed:%d %H:%M:%S} on" if committed else ""
        record.story.append(f"{kind} stamped {stamp:%d %H:%M:%S}{late}")

    # ---- what happened

    def edits_within_a_second(self) -> int:
        """Edits that have another edit of the same record within one second."""
        close = 0
        for record in self.records:
            stamps = sorted(record.stamps)
            gaps = [later - earlier <= SECOND for earlier, later in pairwise(stamps)]
            close += sum(a or b for a, b in zip([False, *gaps], [*gaps, False], strict=True))
        return close
