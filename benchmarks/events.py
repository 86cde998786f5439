"""How fast change events are taken, as a ratio to fastavro decoding alone, and what that costs.

`python -m benchmarks.events` starts an emulator that sends bursts encoded beforehand, so that not
the encoding is measured. Each step runs alone, over the same events. Then come the API calls of
runs that read the records anew. With `--memory` only resident memory is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any, NoReturn, TypeVar

import fastavro
import pyarrow as pa

from assets.change_rows import ChangeLog, change_reader
from assets.changes_reads import ObjectReads
from assets.drain import Until
from assets.known_describe import KnownDescribe
from assets.stretches import STRETCH_EVENTS
from benchmarks.event_calls import tell_calls
from benchmarks.event_harbour import RUN, EventHarbour, changes_of, event_harbour
from benchmarks.event_memory import tell_memory
from resources.landing.inbox import Inbox
from resources.landing.inbox_segment import Segment
from resources.salesforce.pubsub.decode import DecodedBatch, EventDecoder
from resources.warehouse.event_adapter import Position

SPEC = changes_of("Account")
RECORDS = 2_000
T = TypeVar("T")


@dataclass(frozen=True)
class Seconds:
    """What each step of one burst took."""

    fastavro: float
    landed: float
    decoded: float
    appended: float

    @property
    def whole(self) -> float:
        """All steps but fastavro's, one after the other."""
        return self.landed + self.decoded + self.appended


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.events", description=__doc__)
    parser.add_argument("--events", type=int, default=50_000, help="events of a burst")
    parser.add_argument("--bursts", type=int, default=5, help="bursts; the median counts")
    parser.add_argument(
        "--memory", type=int, metavar="EVENTS", help="measure memory over so many events instead"
    )
    options = parser.parse_args()
    if options.memory:
        tell_memory(options.memory, options.events)
        return
    with (
        tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name,
        event_harbour(Path(name), RECORDS, ["Account"]) as harbour,
    ):
        bursts = [_burst(harbour, options.events) for _ in range(options.bursts)]
        runs_s = [_run(harbour, options.events) for _ in range(options.bursts)]
    _tell(bursts, options.events)
    rate = options.events / median(runs_s)
    print(f"a run that also reads and merges {RECORDS:,} records: {rate:,.0f} events/s")
    tell_calls()


def _burst(harbour: EventHarbour, events: int) -> Seconds:
    harbour.burst(SPEC, events)
    report, landed_s = _timed(lambda: harbour.land(SPEC, Until(events=events, seconds=600)))
    segments = harbour.channel(SPEC).segments(SPEC.consumer)
    raw, read_s = _timed(lambda: [harbour.channel(SPEC).read(segment) for segment in segments])
    _, avro_s = _timed(lambda: _fastavro(raw, harbour.inbox))
    decoded, decoded_s = _timed(lambda: _decode(raw, harbour))
    log = _log(harbour)
    appended, appended_s = _timed(lambda: _append(harbour, log, segments, decoded))
    assert report.events == appended == sum(batch.num_rows for batch in raw) == events
    return Seconds(avro_s, landed_s, read_s + decoded_s, appended_s)


def _run(harbour: EventHarbour, events: int) -> float:
    """Seconds of applying a burst that has landed, with the org's work on reading records."""
    harbour.burst(SPEC, events)
    harbour.land(SPEC, Until(events=events, seconds=600))
    applied, applied_s = _timed(lambda: harbour.apply(SPEC))
    assert sum(one.appended.appended for one in applied) == events, "events are missing in the log"
    return applied_s


def _fastavro(raw: Sequence[pa.RecordBatch], inbox: Inbox) -> None:
    """What no decoder in Python that goes event by event can do without."""
    parsed: dict[str, Any] = {}
    for batch in raw:
        ids: list[Any] = batch.column("schema_id").to_pylist()
        payloads: list[Any] = batch.column("payload").to_pylist()
        for schema_id in set(ids) - parsed.keys():
            parsed[schema_id] = fastavro.parse_schema(json.loads(inbox.schema(schema_id) or ""))
        for schema_id, payload in zip(ids, payloads, strict=True):
            fastavro.schemaless_reader(BytesIO(payload), parsed[schema_id], None)


def _decode(raw: Sequence[pa.RecordBatch], harbour: EventHarbour) -> list[tuple[DecodedBatch, ...]]:
    """For each segment its events; with types by describe, as in a run."""
    decoder = EventDecoder(harbour.inbox.schema, harbour.client.describe)
    found = [decoder.decode(batch) for batch in raw]
    assert not any(one.undecoded for one in found), "an event of the burst can't be read"
    return [one.batches for one in found]


def _log(harbour: EventHarbour) -> ChangeLog:
    known = KnownDescribe(harbour.client, harbour.inbox.store, SPEC.object.name)
    reads = ObjectReads(SPEC, harbour.client, known, "")
    return ChangeLog(SPEC.log_table, reads.landed, reads.shape)


def _append(
    harbour: EventHarbour,
    log: ChangeLog,
    segments: Sequence[Segment],
    decoded: Sequence[Sequence[DecodedBatch]],
) -> int:
    """As a run does, in transactions as large, but without images of the records."""
    appended, waiting, rows = 0, 0, []
    for segment, batches in zip(segments, decoded, strict=True):
        rows += [log.rows(batch) for batch in batches]
        waiting += segment.events
        if waiting + segment.events > STRETCH_EVENTS or segment is segments[-1]:
            appended += _commit(harbour, log, segment, rows)
            waiting, rows = 0, []
    return appended


def _commit(
    harbour: EventHarbour, log: ChangeLog, last: Segment, rows: Sequence[pa.RecordBatch]
) -> int:
    spec, table = log.spec(rows), log.shape.table
    result, _ = harbour.warehouse.append_changes_and_merge(
        table,
        spec,
        change_reader(spec, rows),
        pa.RecordBatchReader.from_batches(table.image_schema(), iter(())),
        object_name=SPEC.object.name,
        org_id=harbour.org.org_id,
        run_id=RUN.run_id,
        reread=_no_reread,
        position=Position(SPEC.channel, last.position or b"", None),
    )
    harbour.channel(SPEC).mark_consumed(SPEC.consumer, last.seq, last.position)
    return result.appended


def _no_reread(ids: Sequence[str], after: datetime) -> NoReturn:
    raise AssertionError(f"{len(ids):,} records are in doubt, and no images came")


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    begun_s = time.perf_counter()
    return work(), time.perf_counter() - begun_s


def _tell(bursts: Sequence[Seconds], events: int) -> None:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"Medians of {len(bursts)} bursts of {events:,} change events (load average {load})")
    steps: dict[str, Callable[[Seconds], float]] = {
        "fastavro alone": lambda one: one.fastavro,
        "received and landed": lambda one: one.landed,
        "decoded into Arrow": lambda one: one.decoded,
        "appended to the log": lambda one: one.appended,
        "all of it in turn": lambda one: one.whole,
    }
    for what, seconds in steps.items():
        rate = median(events / seconds(one) for one in bursts)
        ratio = median(one.fastavro / seconds(one) for one in bursts)
        print(f"{what:<20} {rate:>9,.0f} events/s {ratio:>6.2f}")


if __name__ == "__main__":
    main()
