"""From a batch of Salesforce's fields to a batch of the table's images: pruned, renamed, masked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.errors import MaskKeyMissingError
from assets.extract_plan import is_named
from assets.hook import Hook
from assets.landed import Landed
from assets.masking import MASKED_TYPE, mask_column
from assets.naming import column_names, warehouse_name
from assets.specs import ObjectSpec, SyncSpec
from resources.warehouse.adapter import UTC_MS, ColumnSpec, TableSpec


class RowShape:
    """How the rows of one object become rows of its table."""

    def __init__(self, sync: SyncSpec, spec: ObjectSpec, landed: Landed, mask_key: str) -> None:
        self.columns = column_names(landed.own_fields, sync.naming)
        self.key = self.columns["Id"]
        self.masked = frozenset(field for field in landed.own_fields if is_named(field, spec.mask))
        if self.masked and not mask_key:
            raise MaskKeyMissingError(spec.name)
        self._mask_key = mask_key.encode()
        renamed = pa.schema(
            [
                pa.field(
                    column, MASKED_TYPE if name in self.masked else landed.schema.field(name).type
                )
                for name, column in self.columns.items()
            ]
        )
        self._renamed = renamed
        self._hook = Hook(spec.transform, renamed, self.key) if spec.transform else None
        own = self._hook.schema if self._hook else renamed
        self.table = TableSpec(
            schema=sync.schema,
            name=warehouse_name(spec.name, sync.naming),
            columns=tuple(ColumnSpec(field.name, field.type) for field in own),
            key=self.key,
            deletes=spec.deletes,
            filtered=spec.where is not None,
        )

    @property
    def added(self) -> tuple[str, ...]:
        """Columns that the user's transform adds."""
        known = set(self.columns.values())
        return tuple(column.name for column in self.table.columns if column.name not in known)

    def images(self, batch: pa.RecordBatch, lo: datetime, hi: datetime) -> pa.RecordBatch:
        """The table's columns and what orders images in time."""
        own = self._own(batch)
        not_deleted = pa.repeat(False, batch.num_rows)
        deleted = _column(batch, "IsDeleted", lambda: not_deleted)
        arrays: list[pa.Array[Any]] = [*own.columns, *_times(batch, lo, hi)]
        arrays.append(pc.coalesce(deleted, not_deleted))
        return pa.RecordBatch.from_arrays(arrays, schema=self.table.image_schema())

    def removals(self, batch: pa.RecordBatch, lo: datetime, hi: datetime) -> pa.RecordBatch:
        """Ids of rows that no longer match, with what orders them in time."""
        arrays = [batch.column("Id"), *_times(batch, lo, hi)]
        return pa.RecordBatch.from_arrays(arrays, schema=self.table.removal_schema())

    def masked_values(self, name: str, values: pa.Array[Any]) -> pa.Array[Any]:
        """A field's values as they may be shown."""
        return mask_column(values, self._mask_key) if name in self.masked else values

    def _own(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        arrays = [self.masked_values(name, batch.column(name)) for name in self.columns]
        renamed = pa.RecordBatch.from_arrays(arrays, schema=self._renamed)
        return self._hook.apply(renamed) if self._hook else renamed


def _times(batch: pa.RecordBatch, lo: datetime, hi: datetime) -> list[pa.Array[Any]]:
    # Without SystemModstamp the interval alone decides which image is newer.
    modstamp = _column(batch, "SystemModstamp", lambda: pa.nulls(batch.num_rows, UTC_MS))
    return [
        modstamp.cast(UTC_MS),
        pa.repeat(_down_to_ms(lo), batch.num_rows),
        pa.repeat(_up_to_ms(hi), batch.num_rows),
    ]


def _down_to_ms(moment: datetime) -> pa.TimestampScalar[Any, Any]:
    return pa.scalar(moment.replace(microsecond=moment.microsecond // 1000 * 1000), UTC_MS)


def _up_to_ms(moment: datetime) -> pa.TimestampScalar[Any, Any]:
    # An interval may become wider, never narrower.
    return _down_to_ms(moment + timedelta(microseconds=999))


def _column(
    batch: pa.RecordBatch, name: str, otherwise: Callable[[], pa.Array[Any]]
) -> pa.Array[Any]:
    return batch.column(name) if name in batch.schema.names else otherwise()
