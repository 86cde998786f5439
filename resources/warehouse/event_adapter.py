"""What a warehouse must be able to do for events, and the plain values that go in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

if TYPE_CHECKING:
    from resources.warehouse.adapter import (
        ApiCalls,
        ColumnSpec,
        MergeResult,
        ReadInterval,
        Reread,
        TableSpec,
    )

_NAMES = pa.list_(pa.string())
#: What a change log holds of every change before the columns of the fields. A change has a row
#: per record that it names; ``id`` is that record's.
CHANGE_COLUMNS: dict[str, pa.DataType] = {
    "id": pa.string(),
    "_change_type": pa.string(),
    "_commit_number": pa.int64(),
    "_sequence_number": pa.int32(),
    "_commit_timestamp": pa.timestamp("ms", "UTC"),
    "_transaction_key": pa.string(),
    "_change_origin": pa.string(),
    "_commit_user": pa.string(),
    "_changed_fields": _NAMES,
    "_nulled_fields": _NAMES,
    "_diff_fields": _NAMES,
    "_replay_id": pa.binary(),
    "_event_id": pa.string(),
}
#: One change of one record is the same however often it is delivered.
CHANGE_KEY = ("_commit_number", "_sequence_number", "id")


@dataclass(frozen=True, slots=True)
class LogSpec:
    """A table that events are appended to, each once.

    Args:
        schema: Schema of the table.
        name: Name of the table, as ``account_changes``.
        columns: All columns; of a change log ``CHANGE_COLUMNS`` first.
        unique: Columns that tell whether an event is there already: ``CHANGE_KEY``, or the column
            with a platform event's EventUuid.
    """

    schema: str
    name: str
    columns: tuple[ColumnSpec, ...]
    unique: tuple[str, ...] = CHANGE_KEY

    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema that events must have."""
        return pa.schema({column.name: column.arrow_type for column in self.columns})


@dataclass(frozen=True, slots=True)
class HistorySpec:
    """A table beside the object's that holds every version of its records.

    Args:
        name: Name of the table, as ``account_history``.
        fields: By column of the table, the API's name of its field, as in ``_changed_fields``.
            Columns left out (formulas) are as they were in the last image that was kept.
    """

    name: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HiddenChanges:
    """No event names some records that changed, or their events are missing.

    They are in the object's table already. ``since`` is when the first of these changes may have
    been committed; None: at any time.
    """

    since: datetime | None


@dataclass(frozen=True, slots=True)
class Position:
    """How far a channel's events are in the warehouse.

    Args:
        channel: As ``/data/AccountChangeEvent``.
        replay_id: Of the last one, as Salesforce gave it; says nothing by itself.
        committed_at: When the last of them was committed in the org; None: none was yet.
    """

    channel: str
    replay_id: bytes
    committed_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeadEvent:
    """An event that can't be decoded, with its bytes and what is wrong."""

    replay_id: bytes
    event_id: str
    schema_id: str
    payload: bytes
    problem: str


@dataclass(frozen=True, slots=True)
class AskedRecords:
    """Records that were read by Id. Those that didn't come back are gone, or don't match."""

    ids: Sequence[str]
    read: ReadInterval


@dataclass(frozen=True, slots=True)
class AppendResult:
    """What became of events: rows appended, rows that were there already, events set aside."""

    appended: int
    repeated: int
    dead: int


class EventWarehouse(Protocol):
    """What event followers ask of a warehouse. Each call is one transaction."""

    def position(self, org_id: str, channel: str) -> Position | None:
        """Where to go on in a channel; None if nothing of it is in the warehouse."""
        ...

    def append_changes_and_merge(
        self,
        table: TableSpec,
        log: LogSpec,
        changes: pa.RecordBatchReader,
        images: pa.RecordBatchReader,
        *,
        object_name: str,
        org_id: str,
        run_id: str,
        reread: Reread,
        position: Position,
        asked: AskedRecords | None = None,
        dead: Sequence[DeadEvent] = (),
        api_calls: Sequence[ApiCalls] = (),
        history: HistorySpec | None = None,
        hidden: HiddenChanges | None = None,
    ) -> tuple[AppendResult, MergeResult]:
        """Append changes to their log and bring images of touched records into the table.

        All of it, the position too, is one transaction: after a kill the same events are simply
        applied again.

        Args:
            table: The table as it shall be.
            log: The change log as it shall be; new columns are added.
            changes: Columns as in ``log.arrow_schema()``.
            images: As for ``merge_images``.
            object_name: Salesforce's name of the object.
            org_id: The org, 18 characters.
            run_id: The Dagster run.
            reread: As for ``merge_images``.
            position: How far the channel is with these events.
            asked: The records that the images were read for; None if none was read.
            dead: Events that are set aside, since they can't be decoded.
            api_calls: What was spent.
            history: Keep every version of the records, too.
            hidden: Mark in the history what changes without events did.

        Raises:
            As ``merge_images``; LogError: Changes of another shape.
        """
        ...

    def append_events(
        self,
        log: LogSpec,
        events: pa.RecordBatchReader,
        *,
        event_name: str,
        org_id: str,
        run_id: str,
        position: Position,
        dead: Sequence[DeadEvent] = (),
        api_calls: Sequence[ApiCalls] = (),
    ) -> AppendResult:
        """Append platform events to a table, with their position.

        Raises:
            WarehouseLockedError: Another process holds the warehouse for too long.
            SchemaChangeError: A column has another type now.
            WrongOrgError: The table belongs to another org.
            LogError: Events of another shape.
        """
        ...

    def set_events_aside(
        self, org_id: str, channel: str, events: Sequence[DeadEvent], run_id: str
    ) -> int:
        """Keep events that can't be decoded, each once, without a position; how many were new.

        Args:
            run_id: The Dagster run, or the name of who else met them.
        """
        ...

    def dead_events(self, org_id: str, channel: str) -> int:
        """Events of a channel that were set aside in ``_tidegate.dead_events``."""
        ...
