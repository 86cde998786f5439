"""From decoded platform events to rows of their table: one per event, columns named as a sync's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from assets.event_spec import EventTable
from assets.naming import column_names
from assets.stretches import EventColumnError
from resources.salesforce.arrow_types import TEXT_LIST, TIME, TIMESTAMP
from resources.salesforce.pubsub.decode import ENVELOPE, DecodedBatch
from resources.warehouse.adapter import RUN_ID, SYNCED_AT, ColumnSpec
from resources.warehouse.dialect import sql_type
from resources.warehouse.event_adapter import LogSpec

EVENT_UUID = "event_uuid"
REPLAY_ID = "_replay_id"
UUID_FIELD = "EventUuid"
BOOKKEEPING: dict[str, pa.DataType] = {
    REPLAY_ID: pa.binary(),
    SYNCED_AT: pa.timestamp("us", "UTC"),
    RUN_ID: pa.string(),
}


#: Types that events carry; columns of others aren't ours, and the warehouse refuses them.
_CARRIED = (
    pa.string(),
    pa.bool_(),
    pa.int32(),
    pa.int64(),
    pa.float64(),
    pa.binary(),
    pa.date32(),
    TIME,
    TIMESTAMP,
    TEXT_LIST,
)
_BY_SQL_TYPE = {sql_type(kind): kind for kind in _CARRIED}


class EventRows:
    """Makes the rows of one stretch after the other.

    Args:
        table: Where they go.
        existing: Columns of the table as it is, with the warehouse's types. Values are made to
            fit them: events of before a field's type was changed stand beside those of after it.
    """

    def __init__(
        self, table: EventTable, existing: Mapping[str, str], run_id: str, now: datetime
    ) -> None:
        self._table, self._run_id, self._now = table, run_id, now
        #: By column, the field that it shows.
        self.fields: dict[str, str] = {}
        self._types: dict[str, pa.DataType] = {
            name: _BY_SQL_TYPE[kind] for name, kind in existing.items() if kind in _BY_SQL_TYPE
        }

    def rows(self, decoded: DecodedBatch) -> pa.RecordBatch:
        """The rows of some events of one schema.

        Raises:
            EventColumnError: A field's values don't fit its column.
            NameCollisionError: Two fields would share a column.
        """
        events = decoded.events
        fields = [name for name in events.schema.names if name not in (*ENVELOPE.names, UUID_FIELD)]
        columns = {EVENT_UUID: events.column("event_id")}
        for field, name in column_names(fields, self._table.naming).items():
            columns[name] = self._fitted(field, name, events.column(field))
            self.fields[name] = field
        count = events.num_rows
        columns[REPLAY_ID] = events.column("replay_id")
        columns[SYNCED_AT] = pa.array([self._now] * count, BOOKKEEPING[SYNCED_AT])
        columns[RUN_ID] = pa.array([self._run_id] * count, pa.string())
        return pa.RecordBatch.from_pydict(columns)

    def spec(self, batches: Sequence[pa.RecordBatch]) -> LogSpec:
        """The table with the columns that these rows have."""
        types: dict[str, pa.DataType] = {EVENT_UUID: pa.string()}
        for column in (field for batch in batches for field in batch.schema):
            if column.name not in BOOKKEEPING:
                types[column.name] = column.type
        types |= BOOKKEEPING
        columns = tuple(ColumnSpec(name, kind) for name, kind in types.items())
        return LogSpec(self._table.schema, self._table.name, columns, unique=(EVENT_UUID,))

    def _fitted(self, field: str, column: str, values: pa.Array[Any]) -> pa.Array[Any]:
        wanted = self._types.setdefault(column, values.type)
        try:
            return values.cast(wanted)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise EventColumnError(field, str(values.type), str(wanted)) from error
