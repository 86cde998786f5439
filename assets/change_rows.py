"""From decoded change events to rows of a change log: one per record, masked and renamed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.landed import Landed
from assets.row_shape import RowShape
from assets.stretches import EventColumnError
from resources.salesforce.pubsub.decode import DecodedBatch
from resources.warehouse.adapter import ColumnSpec
from resources.warehouse.event_adapter import CHANGE_COLUMNS, LogSpec

#: From the header's columns to the log's; ``id`` comes from ``record_ids``, one row each.
HEADER_COLUMNS = {
    "_change_type": "change_type",
    "_commit_number": "commit_number",
    "_sequence_number": "sequence_number",
    "_commit_timestamp": "commit_timestamp",
    "_transaction_key": "transaction_key",
    "_change_origin": "change_origin",
    "_commit_user": "commit_user",
    "_changed_fields": "changed_fields",
    "_nulled_fields": "nulled_fields",
    "_diff_fields": "diff_fields",
    "_replay_id": "replay_id",
    "_event_id": "event_id",
}


@dataclass(frozen=True)
class ChangeLog:
    """How the changes of one object become rows of its log.

    Fields that the table has, as far as events bring them; masked ones are masked here, too.
    """

    table: str
    landed: Landed
    shape: RowShape

    def rows(self, decoded: DecodedBatch) -> pa.RecordBatch:
        """The changes of one batch of events.

        Raises:
            EventColumnError: Values that fit no more.
        """
        events = decoded.events
        columns: dict[str, pa.Array[Any]] = {}
        for name, source in HEADER_COLUMNS.items():
            columns[name] = events.column(source).cast(CHANGE_COLUMNS[name])
        for field, column in self.shape.columns.items():
            if field != "Id" and field in events.schema.names:
                columns[column] = self._values(field, events.column(field))
        ids: Any = events.column("record_ids")
        changes = pa.RecordBatch.from_pydict(columns)
        if not pc.all(pc.equal(pc.list_value_length(ids), pa.scalar(1)), skip_nulls=False).as_py():
            changes = changes.take(pc.list_parent_indices(ids))
        return changes.add_column(0, "id", ids.flatten())

    def spec(self, batches: Sequence[pa.RecordBatch]) -> LogSpec:
        """The log with the columns that these rows have."""
        columns = [ColumnSpec(name, kind) for name, kind in CHANGE_COLUMNS.items()]
        types: dict[str, pa.DataType] = {}
        for column in (field for batch in batches for field in batch.schema):
            types[column.name] = _wider(types.get(column.name), column.type)
        own = self.shape.columns.values()
        columns += [
            ColumnSpec(name, types[name])
            for name in own
            if name in types and name not in CHANGE_COLUMNS
        ]
        return LogSpec(self.shape.table.schema, self.table, tuple(columns))

    def _values(self, field: str, values: pa.Array[Any]) -> pa.Array[Any]:
        wanted = self.landed.schema.field(field).type
        try:
            typed = values if values.type == wanted else values.cast(wanted)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            if pa.types.is_decimal(values.type) and pa.types.is_decimal(wanted):
                return self.shape.masked_values(field, values)  # more digits than described
            raise EventColumnError(field, str(values.type), str(wanted)) from error
        return self.shape.masked_values(field, typed)


def _wider(one: pa.DataType | None, other: pa.DataType) -> pa.DataType:
    """Of two types of a column the one that holds both; they differ in their digits only."""
    if isinstance(one, pa.Decimal128Type) and isinstance(other, pa.Decimal128Type):
        return max(one, other, key=lambda kind: (kind.scale, kind.precision))
    return other


def change_reader(spec: LogSpec, batches: Sequence[pa.RecordBatch]) -> pa.RecordBatchReader:
    """All rows with all columns of the log; what a batch lacks is null."""
    schema = spec.arrow_schema()
    whole = [
        pa.RecordBatch.from_arrays(
            [
                batch.column(field.name).cast(field.type)
                if field.name in batch.schema.names
                else pa.nulls(batch.num_rows, field.type)
                for field in schema
            ],
            schema=schema,
        )
        for batch in batches
    ]
    return pa.RecordBatchReader.from_batches(schema, iter(whole))
