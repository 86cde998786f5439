"""How much memory following events takes, as more and more of them come."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from assets.drain import Until
from benchmarks.event_harbour import EventHarbour, changes_of, event_harbour

SPEC = changes_of("Account")
RECORDS = 2_000


@dataclass(frozen=True)
class Memory:
    """This process's resident memory after so many events, and the most it ever was."""

    events: int
    resident_mb: float
    peak_mb: float


def tell_memory(events: int, burst: int) -> None:
    """Measure and print."""
    for one in memory_by_burst(events, burst):
        print(
            f"{one.events:>9,} events: {one.resident_mb:,.0f} MB resident, "
            f"{one.peak_mb:,.0f} MB at most",
            flush=True,
        )


def memory_by_burst(events: int, burst: int) -> Iterator[Memory]:
    """After each burst, with nothing under way.

    Bursts are received, landed, decoded, appended, and their records read anew, in turn.
    """
    with (
        tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name,
        event_harbour(Path(name), RECORDS, [SPEC.object.name]) as harbour,
    ):
        for done in range(burst, events + 1, burst):
            _follow(harbour, burst)
            peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            yield Memory(done, psutil.Process().memory_info().rss / 1e6, peak_kib * 1024 / 1e6)


def _follow(harbour: EventHarbour, events: int) -> None:
    harbour.burst(SPEC, events)
    harbour.land(SPEC, Until(events=events, seconds=600))
    applied = harbour.apply(SPEC)
    assert sum(one.appended.appended for one in applied) == events, "events are missing in the log"
