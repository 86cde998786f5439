"""Events as they come, not decoded: what a delivery holds, and their columns in Arrow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import pyarrow as pa

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

    @property
    def size_bytes(self) -> int:
        """Bytes of the payloads."""
        return sum(len(event.payload) for event in self.events)


def raw_batch(deliveries: Sequence[Delivery]) -> pa.RecordBatch:
    """The events of deliveries, in order, as columns of ``RAW_EVENTS``."""
    events = [event for delivery in deliveries for event in delivery.events]
    received = [
        delivery.received_at.astimezone(UTC) for delivery in deliveries for _ in delivery.events
    ]
    columns = [*(list(values) for values in zip(*events, strict=True))] if events else [[]] * 4
    arrays = [
        pa.array(values, field.type)
        for values, field in zip([*columns, received], RAW_EVENTS, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=RAW_EVENTS)
