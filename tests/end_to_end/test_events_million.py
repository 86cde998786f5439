"""Bursts of events, received and applied one after the other: memory stays what it was."""

import os

import pytest

from benchmarks.event_memory import memory_by_burst

EVENTS = int(os.environ.get("TIDEGATE_EVENTS", "180000"))
BURST = 20_000
MOST_GROWTH_MB = 40


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_memory_does_not_grow_with_the_events():
    found = list(memory_by_burst(EVENTS, BURST))

    third, end = found[len(found) // 3 - 1], found[-1]
    assert end.events == EVENTS // BURST * BURST
    assert end.resident_mb - third.resident_mb <= MOST_GROWTH_MB, found
