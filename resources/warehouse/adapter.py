"""What a warehouse must be able to do, and the plain values that go in and out.

An *image* is a full row (of the configured columns) read at a known time. A table is a
function of the set of images seen: their order, batches and repetitions don't matter. How two
images of one record are compared stands in ``merge_plan``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

import pyarrow as pa

from resources.warehouse.event_adapter import EventWarehouse
from resources.warehouse.load_adapter import LoadWarehouse

MODSTAMP = "_modstamp"
READ_FROM = "_read_from"
READ_TO = "_read_to"
DELETED = "_deleted"
SYNCED_AT = "_synced_at"
RUN_ID = "_run_id"

#: What every image carries besides the table's own columns, in this order.
IMAGE_COLUMNS = (MODSTAMP, READ_FROM, READ_TO, DELETED)
#: What every removal carries besides the key, in this order.
REMOVAL_COLUMNS = (MODSTAMP, READ_FROM, READ_TO)

UTC_MS = pa.timestamp("ms", "UTC")


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """A column of a table; ``arrow_type`` decides the warehouse's type."""

    name: str
    arrow_type: pa.DataType


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table as the sync wants it, bookkeeping columns left out.

    Args:
        schema: Schema of the table, by default the connection's name.
        name: Table name, already in the warehouse's naming.
        columns: All own columns, the key among them.
        key: The column that holds the record's 18-character Id.
        deletes: What a deleted record's row becomes: kept with ``_deleted``, or removed.
        filtered: The sync has a ``where``. A record that a complete read or a re-read doesn't
            return then no longer matches, and its row is removed whatever ``deletes`` says.
    """

    schema: str
    name: str
    columns: tuple[ColumnSpec, ...]
    key: str = "id"
    deletes: Literal["flag", "remove"] = "flag"
    filtered: bool = False

    def image_schema(self) -> pa.Schema:
        """The Arrow schema that ``merge_images`` expects of images."""
        own: list[pa.Field[Any]] = [
            pa.field(column.name, column.arrow_type) for column in self.columns
        ]
        times: list[pa.Field[Any]] = [
            pa.field(name, UTC_MS) for name in (MODSTAMP, READ_FROM, READ_TO)
        ]
        return pa.schema([*own, *times, pa.field(DELETED, pa.bool_())])

    def removal_schema(self) -> pa.Schema:
        """The Arrow schema that ``merge_images`` expects of removals."""
        times: list[pa.Field[Any]] = [pa.field(name, UTC_MS) for name in REMOVAL_COLUMNS]
        return pa.schema([pa.field(self.key, pa.string()), *times])


@dataclass(frozen=True, slots=True)
class ReadInterval:
    """When something was read, in UTC on the org's clock; both ends are possible."""

    lo: datetime
    hi: datetime


@dataclass(frozen=True, slots=True)
class WindowRow:
    """A window that this merge completes: records changed last in [start, end).

    Args:
        start: Start of the partition, UTC.
        end: End of the partition, UTC.
        open_start: The window also takes what is older than ``start`` (the first partition).
        api_calls: API calls spent on this window.
    """

    start: datetime
    end: datetime
    open_start: bool = False
    api_calls: int = 0


@dataclass(frozen=True, slots=True)
class ApiCalls:
    """API calls that an asset spent: a row of ``_tidegate.api_calls``."""

    asset: str
    api: str
    calls: int


@dataclass(frozen=True, slots=True)
class RereadAnswer:
    """What a re-read brought; Ids that aren't among the images are gone or don't match.

    ``read`` is when it was asked; it must lie after the ``after`` of the call.
    """

    images: pa.RecordBatchReader
    read: ReadInterval


#: ``reread(ids, after)``: read these records again, strictly later than ``after``, deleted ones
#: too, under the sync's ``where`` if it has one.
Reread = Callable[[Sequence[str], datetime], RereadAnswer]


@dataclass(frozen=True, slots=True)
class WindowCounts:
    """What a merge did to one window. ``rows`` counts the records read in it."""

    start: datetime
    end: datetime
    rows: int
    inserted: int
    updated: int
    deleted: int


@dataclass(frozen=True, slots=True)
class MergeResult:
    """What a merge did.

    Args:
        inserted: Records that had no row and now have one.
        updated: Rows whose values changed, undeleted ones among them.
        deleted: Rows that were flagged or removed now.
        unchanged: Records read whose row was already right.
        rows_in_table: Rows afterwards, flagged ones included.
        reread: Records that had to be read again to tell two images apart.
        stale_rows: Rows older than an image of this merge: 0, unless the merge is wrong.
        windows: The same by window, in the order given.
    """

    inserted: int
    updated: int
    deleted: int
    unchanged: int
    rows_in_table: int
    reread: int
    stale_rows: int
    windows: tuple[WindowCounts, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyCounts:
    """What is wrong with the keys of a table; zeros if nothing is."""

    rows: int
    nulls: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class StoredWindow:
    """A row of ``_tidegate.windows``."""

    org_id: str
    object: str
    start: datetime
    end: datetime
    rows: int
    inserted: int
    updated: int
    deleted: int
    api_calls: int
    run_id: str
    finished_at: datetime


class Warehouse(LoadWarehouse, EventWarehouse, Protocol):
    """A place for tables. Methods open what they need and close it before they return."""

    def merge_images(
        self,
        table: TableSpec,
        images: pa.RecordBatchReader,
        *,
        object_name: str,
        org_id: str,
        run_id: str,
        reread: Reread,
        removals: pa.RecordBatchReader | None = None,
        windows: Sequence[WindowRow] = (),
        api_calls: Sequence[ApiCalls] = (),
        complete_as_of: ReadInterval | None = None,
    ) -> MergeResult:
        """Bring images into a table, in one transaction with windows and API calls.

        The table is created, and gets new columns, as ``table`` says.

        Args:
            table: The table as it shall be.
            images: Columns as in ``table.image_schema()``, matched by name. Several images
                of one record are fine.
            object_name: Salesforce's name of the object, for ``_tidegate.windows``.
            org_id: The org that was read, 18 characters.
            run_id: The Dagster run.
            reread: Called at most once, inside the transaction, with records of which two
                images can't be told apart.
            removals: Records that no longer match the sync's ``where``: columns as in
                ``table.removal_schema()``.
            windows: The windows that are complete with this merge.
            api_calls: What was spent, written down with the rows.
            complete_as_of: The images are all records of the object (that match), read in
                this interval: records not among them, and read before, are gone.

        Raises:
            WarehouseLockedError: Another process holds the warehouse for too long.
            SchemaChangeError: The table can't take the columns as they are now.
            WrongOrgError: The table belongs to another org.
            ImageError: Images without a key or read interval, or of another schema.
            RereadError: The re-read doesn't settle the doubt.
        """
        ...

    def table_columns(self, schema: str, name: str) -> Mapping[str, str]:
        """Column names and warehouse types in table order; empty if there is no table."""
        ...

    def row_count(self, schema: str, name: str) -> int:
        """Rows of a table, flagged ones included; 0 if there is no table."""
        ...

    def key_counts(self, schema: str, name: str, key: str = "id") -> KeyCounts:
        """Null and repeated keys of a table."""
        ...

    def windows(self, org_id: str, object_name: str) -> list[StoredWindow]:
        """The windows of an object that are in the warehouse, oldest first."""
        ...

    def api_calls(self, run_id: str) -> list[ApiCalls]:
        """What a run's merges wrote down as spent."""
        ...
