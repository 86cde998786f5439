"""How much memory following events takes, as more and more of them come."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

from assets.drain import Until
from benchmarks.event_harbour import EventHarbour, changes_of, event_harbour

SPEC = changes_of("Account")
RECORDS = 2_000


def tell_memory(events: int, burst: int) -> None:
    """Measure and print."""
    for done, peak_mb in peaks_mb(events, burst):
        print(f"{done:>9,} events: peak of resident memory {peak_mb:,.0f} MB", flush=True)


def peaks_mb(events: int, burst: int) -> Iterator[tuple[int, float]]:
    """After each burst, how many events were applied so far and this process's peak of memory.

    Bursts are received, landed, decoded, appended, and their records read anew, in turn.
    """
    with (
        tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name,
        event_harbour(Path(name), RECORDS, [SPEC.object.name]) as harbour,
    ):
        for done in range(burst, events + 1, burst):
            yield done, _follow(harbour, burst)


def _follow(harbour: EventHarbour, events: int) -> float:
    harbour.burst(SPEC, events)
    harbour.land(SPEC, Until(events=events, seconds=600))
    applied = harbour.apply(SPEC)
    assert sum(one.appended.appended for one in applied) == events, "events are missing in the log"
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
