"""How fast change events are received, decoded and landed, as a ratio to fastavro decoding alone.

`python -m benchmarks.events` starts an emulator that sends bursts encoded beforehand, so that not
the encoding is measured. Each step runs alone, over the same events.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import fastavro
import pyarrow as pa

from assets.drain import DrainReport, Until, drain
from resources.landing.inbox import Inbox
from resources.landing.local_store import LocalStore
from resources.salesforce.client import SalesforceClient
from resources.salesforce.pubsub.channels import change_channel
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.pubsub.decode import EventDecoder
from resources.salesforce.settings import ClientCredentials, ConnectionSettings
from tests.emulator_process import Org, running_org

CHANNEL = change_channel("Account")
CONSUMER = "benchmark"
T = TypeVar("T")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.events", description=__doc__)
    parser.add_argument("--events", type=int, default=50_000, help="events of the burst")
    events = parser.parse_args().events
    with (
        tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name,
        running_org("--seed", "empty", "--cdc", "Account", "--rows", "Account=2000") as org,
        _connected(org) as pubsub,
    ):
        inbox = Inbox(LocalStore(Path(name)), org.org_id)
        drain(pubsub, inbox, CHANNEL, Until(idle_s=1.0))  # the rows' own creation
        inbox.channel(CHANNEL).mark_consumed(CONSUMER, inbox.channel(CHANNEL).newest_seq())
        before_bytes = _peak_bytes()
        org.control("POST", "events/burst", {"object": "Account", "count": events})
        report, landed_s = _timed(lambda: _drain(pubsub, inbox, events))
        landed_bytes = _peak_bytes()
        raw, read_s = _timed(lambda: _read(inbox))
        _, avro_s = _timed(lambda: _fastavro(raw, inbox))
        decoded, decoded_s = _timed(lambda: _decode(raw, inbox))
    assert report.events == decoded == sum(batch.num_rows for batch in raw) == events
    print(f"{events:,} change events of one object, {_mean_bytes(raw):,.0f} bytes each")
    _tell("fastavro alone", events, avro_s, avro_s)
    _tell("received and landed", events, landed_s, avro_s)
    _tell("decoded into Arrow", events, read_s + decoded_s, avro_s)
    _tell("all of it", events, landed_s + read_s + decoded_s, avro_s)
    print(f"memory grew by {(landed_bytes - before_bytes) / 1e6:,.0f} MB while they landed")


def _drain(pubsub: PubSub, inbox: Inbox, events: int) -> DrainReport:
    report = drain(pubsub, inbox, CHANNEL, Until(events=events, seconds=600))
    assert report is not None, "another process drains the channel"
    return report


def _read(inbox: Inbox) -> list[pa.RecordBatch]:
    landed = inbox.channel(CHANNEL)
    return [landed.read(segment) for segment in landed.segments(CONSUMER)]


def _fastavro(raw: list[pa.RecordBatch], inbox: Inbox) -> None:
    """What no decoder in Python can do without."""
    parsed = {}
    for batch in raw:
        for schema_id in batch.column("schema_id").unique().to_pylist():
            text = inbox.schema(schema_id)
            assert text is not None, f"schema {schema_id} hasn't landed"
            parsed[schema_id] = fastavro.parse_schema(json.loads(text))
        ids, payloads = (batch.column(name).to_pylist() for name in ("schema_id", "payload"))
        for schema_id, payload in zip(ids, payloads, strict=True):
            fastavro.schemaless_reader(BytesIO(payload), parsed[schema_id], None)


def _decode(raw: list[pa.RecordBatch], inbox: Inbox) -> int:
    decoder = EventDecoder(lambda schema_id: inbox.schema(schema_id) or "")
    events = 0
    for batch in raw:
        found = decoder.decode(batch)
        assert not found.undecoded, "an event of the burst can't be read"
        events += sum(one.events.num_rows for one in found.batches)
    return events


@contextmanager
def _connected(org: Org) -> Iterator[PubSub]:
    login = ClientCredentials(org.client_id, org.client_secret)
    with (
        SalesforceClient(ConnectionSettings("salesforce", org.url, login)) as client,
        PubSub(client.transport.login, org.ready["pubsub"]) as pubsub,
    ):
        yield pubsub


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    begun_s = time.perf_counter()
    return work(), time.perf_counter() - begun_s


def _tell(what: str, events: int, seconds: float, avro_s: float) -> None:
    print(f"{what:<20} {events / seconds:>9,.0f} events/s  {avro_s / seconds:>5.2f}")


def _mean_bytes(raw: list[pa.RecordBatch]) -> float:
    payloads = [len(one) for batch in raw for one in batch.column("payload").to_pylist()]
    return sum(payloads) / len(payloads)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
