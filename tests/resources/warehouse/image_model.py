"""What a table must hold for a set of images: a model that shares no code with the merge."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

START = datetime(2026, 9, 1, tzinfo=UTC)
GONE = "gone"


def second(number):
    """A moment, some seconds into the test's day; None stays None."""
    return None if number is None else START + timedelta(seconds=number)


@dataclass(frozen=True)
class Image:
    """A record as read within [lo, hi]; ``value`` is GONE for "no longer matches"."""

    key: str
    s: int | None
    lo: int
    hi: int
    value: str | None
    deleted: bool = False


@dataclass(frozen=True)
class Snapshot:
    """A complete read: all keys that it returned."""

    lo: int
    hi: int
    keys: frozenset


@dataclass
class Seen:
    """Everything that was ever given to the warehouse."""

    images: set = field(default_factory=set)
    snapshots: set = field(default_factory=set)
    missing: set = field(default_factory=set)  # (key, lo, hi) of re-reads

    def table(self, deletes, filtered):
        """Allowed rows per key, as a set of (value, deleted, s, lo, hi) or None for no row."""
        return {key: self._rows(key, deletes, filtered) for key in {i.key for i in self.images}}

    def history(self, key):
        """What was given of one record, for a failing test's message."""
        snapshots = [(s.lo, s.hi, key in s.keys) for s in self.snapshots]
        missing = [m for m in self.missing if m[0] == key]
        return [i for i in self.images if i.key == key], snapshots, missing

    def _rows(self, key, deletes, filtered):
        mine = [i for i in self.images if i.key == key]
        top = max(_rank(i) for i in mine)
        newest = [i for i in mine if _rank(i) == top]
        latest, until = max(i.lo for i in newest), max(i.hi for i in newest)
        standing = [i for i in newest if i.hi >= latest]
        absences = [(s.lo, s.hi) for s in self.snapshots if key not in s.keys]
        absences += [(lo, hi) for k, lo, hi in self.missing if k == key]
        if absences and max(lo for lo, _ in absences) > until:
            if filtered or deletes == "remove":
                return {None}
            return {(i.value, True, i.s, latest, until) for i in newest}
        assert not absences or latest > max(hi for _, hi in absences), "should have been re-read"
        rows = set()
        for image in standing:
            gone = image.value == GONE or (deletes == "remove" and image.deleted)
            rows.add(None if gone else (image.value, image.deleted, image.s, latest, until))
        assert len(rows) == 1, "should have been re-read"
        return rows


def _rank(image):
    return -1 if image.s is None else image.s
