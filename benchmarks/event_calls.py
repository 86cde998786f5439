"""How many API calls it takes to bring a burst of changed records into the warehouse."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from assets.changes_spec import ChangesSpec
from assets.drain import Until
from benchmarks.event_harbour import EventHarbour, changes_of, event_harbour

ONE = ("Account",)
FIVE = ("Account", "Contact", "Lead", "Opportunity", "Case")
RECORDS = 10_000
BURSTS = ((ONE, 1_000), (ONE, 2_000), (ONE, RECORDS), (FIVE, 2_000))


def tell_calls() -> None:
    """Measure and print, by what the org itself has counted."""
    with (
        tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name,
        event_harbour(Path(name), RECORDS, FIVE) as harbour,
    ):
        # More than a developer's org may receive in a day.
        harbour.org.faults.add({"limits": {"DailyDeliveredPlatformEvents": 1_000_000}})
        # Descriptions of objects as young as they are wouldn't be kept.
        harbour.org.advance(60)
        changed, calls = _calls(harbour, FIVE, 1)
        print(f"{'first runs of 5 objects':<36} {calls:>4} calls")
        for objects, records in BURSTS:
            changed, calls = _calls(harbour, objects, records)
            what = f"{len(objects)} object(s), {changed:,} records changed"
            print(f"{what:<36} {calls:>4} calls, {calls / changed * 1000:.2f} for 1,000 records")


def _calls(harbour: EventHarbour, objects: Sequence[str], records: int) -> tuple[int, int]:
    """Records that changed, and calls of all that followed from it."""
    before = len(harbour.org.requests_since())
    changed = 0
    for spec in map(changes_of, objects):
        _change(harbour, spec, records)
        harbour.land(spec, Until(events=records, seconds=600))
        changed += sum(applied.returned for applied in harbour.apply(spec))
    assert changed == records * len(objects), "records are missing"
    requests = harbour.org.requests_since(before)
    return changed, sum(request["api_calls"] for request in requests)


def _change(harbour: EventHarbour, spec: ChangesSpec, records: int) -> None:
    """Edit each of so many records differently, so that each has an event, by no API call."""
    ids = harbour.org.ids(spec.object.name)[:records]
    edits = [{"Id": one, "Description": f"{number} of {records}"} for number, one in enumerate(ids)]
    harbour.org.change(spec.object.name, update=edits)
