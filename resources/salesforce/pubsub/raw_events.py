"""Events as they come, not decoded: what a delivery holds, and their columns in Arrow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pyarrow as pa

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS: dict[str, pa.DataType] = {
    "replay_id": pa.binary(),
    "event_id": pa.string(),
    "schema_id": pa.string(),
    "payload": pa.binary(),
    "received_at": pa.timestamp("us", "UTC"),
}
#: The order of the first four is that of ``RawEvent``; landing keeps the same columns.
RAW_EVENTS = pa.schema(COLUMNS)


class RawEvent(NamedTuple):
    """One event. Replay ids are opaque: only to be kept and sent back."""

    replay_id: bytes
    event_id: str
    schema_id: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one message of the server brought; a sign of life has no events.

    ``replay_id`` is the position after it: subscribing there goes on behind this delivery.
    """

    events: tuple[RawEvent, ...]
    replay_id: bytes
    received_at: datetime
    size_bytes: int  # of the payloads


def raw_batch(deliveries: Sequence[Delivery]) -> pa.RecordBatch:
    """The events of deliveries, in order, as columns of ``RAW_EVENTS``."""
    events = [event for delivery in deliveries for event in delivery.events]
    # Numbers, not datetimes with zones, for which pyarrow imports pandas.
    received = [
        moment_us
        for delivery in deliveries
        for moment_us in [_microseconds(delivery.received_at)] * len(delivery.events)
    ]
    columns = [*(list(values) for values in zip(*events, strict=True))] if events else [[]] * 4
    arrays = [
        pa.array(values, field.type) for values, field in zip(columns, RAW_EVENTS, strict=False)
    ]
    arrays.append(pa.array(received, pa.int64()).cast(COLUMNS["received_at"]))
    return pa.RecordBatch.from_arrays(arrays, schema=RAW_EVENTS)


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
