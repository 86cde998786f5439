"""What a warehouse must be able to do for loads, and the plain values that go in and out.

The rows of a load are *cells*: a string column per mapped Salesforce column, each cell exactly
the text that stands in the upload: "" leaves the field alone, "#N/A" sets it null, and none is
null. Beside them stand ``_key``, which names the record, and ``_hash`` over all that was mapped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

import pyarrow as pa

if TYPE_CHECKING:
    from resources.warehouse.adapter import ApiCalls

KEY = "_key"
HASH = "_hash"
#: A cell that leaves the field as it is, and one that sets it null.
LEAVE = ""
SET_NULL = "#N/A"

#: Rows with these columns say what became of each row of a part, in any order.
_outcome_fields: list[pa.Field[Any]] = [
    pa.field(KEY, pa.string()),
    pa.field(HASH, pa.string()),
    pa.field("outcome", pa.string()),
    pa.field("sf_id", pa.string()),
    pa.field("created", pa.bool_()),
    pa.field("error_code", pa.string()),
    pa.field("error_message", pa.string()),
    pa.field("error_fields", pa.list_(pa.string())),
    pa.field("payload", pa.string()),
    pa.field("job_id", pa.string()),
]
OUTCOME_SCHEMA = pa.schema(_outcome_fields)
_kept_fields: list[pa.Field[Any]] = [
    *(OUTCOME_SCHEMA.field(name) for name in OUTCOME_SCHEMA.names if name != HASH),
    pa.field("run_id", pa.string()),
    pa.field("sent_at", pa.timestamp("ms", "UTC")),
]
#: What ``kept_rows`` gives: rows that weren't accepted, with their payload.
KEPT_SCHEMA = pa.schema(_kept_fields)

Outcome = Literal["accepted", "failed", "unprocessed"]
Drift = Literal["overwrite", "report", "ignore"]


@dataclass(frozen=True, slots=True)
class ParentTable:
    """A table whose row a reference points to, and the column that a cell names it by."""

    schema: str
    name: str
    column: str
    key: str = "id"


@dataclass(frozen=True, slots=True)
class ImageColumn:
    """A mapped cell column and the table column that holds the same field.

    Args:
        cell: Name of the cell column, as ``Amount__c`` or ``Account__r.ERP_Id__c``.
        column: Column of the table, as ``amount_c``; of a relationship the reference's own, as
            ``account_c``.
        parent: For relationships: where the reference's record is.
    """

    cell: str
    column: str
    parent: ParentTable | None = None


@dataclass(frozen=True, slots=True)
class LoadImage:
    """The inbound table of the object that a load writes to.

    Args:
        schema: Schema of the table.
        table: Name of the table.
        key: The table's column that ``_key`` is compared with, as ``erp_order_id_c`` or ``id``.
        columns: The cells that can be compared, masked columns left out. Without all of them no
            row is in sync, and drift is seen in these alone.
        id_column: The table's column with the record's Id.
    """

    schema: str
    table: str
    key: str
    columns: tuple[ImageColumn, ...]
    id_column: str = "id"


@dataclass(frozen=True, slots=True)
class LoadDiff:
    """What a comparison found; each row is counted in exactly one of the first five.

    Args:
        new: No row of this key was accepted yet.
        changed: Another content was accepted last.
        unchanged: This content was accepted last.
        in_sync: It differs from what was accepted last, but Salesforce is known to hold it:
            the row came from there, or somebody made the same change. Not sent.
        drifted: This content was accepted last, and Salesforce holds another one since.
        vanished: Keys that were accepted once and aren't among the rows any more.
        to_send: Rows that ``LoadComparison.rows`` gives.
    """

    new: int
    changed: int
    unchanged: int
    in_sync: int
    drifted: int
    vanished: int
    to_send: int

    @property
    def rows(self) -> int:
        """All rows that were compared."""
        return self.new + self.changed + self.unchanged + self.in_sync + self.drifted


@dataclass(frozen=True, slots=True)
class DriftExample:
    """A cell that somebody changed in Salesforce; ``there`` is None for null.

    ``column`` is None if the record was deleted.
    """

    key: str
    column: str | None
    ours: str | None
    there: str | None


@dataclass(frozen=True, slots=True)
class LoadComparison:
    """Rows to send, as they came in and in the order asked for, and what the others are.

    ``rows`` must be read inside the block that lent the comparison.
    """

    rows: pa.RecordBatchReader
    diff: LoadDiff
    drift: tuple[DriftExample, ...] = ()
    vanished_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """How many rows ended how. ``created`` are among the accepted ones.

    ``by_error_code`` counts rows that weren't accepted; those without a code stand under "".
    """

    accepted: int = 0
    created: int = 0
    failed: int = 0
    unprocessed: int = 0
    by_error_code: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """All rows."""
        return self.accepted + self.failed + self.unprocessed


class LoadWarehouse(Protocol):
    """What loads ask of a warehouse. Methods open it only while they need it."""

    def query(self, sql: str) -> AbstractContextManager[pa.RecordBatchReader]:
        """The rows of one SELECT, streamed, read-only; constant memory.

        The warehouse is held until the last row was read or the block ends, whichever is first,
        so the reader may be handed on to ``compare_load``.

        Raises:
            LoadQueryError: The SQL is wrong, isn't one SELECT, or fails while it runs (then the
                reader raises it).
            WarehouseLockedError: Another process holds the warehouse for too long.
        """
        ...

    def compare_load(
        self,
        load: str,
        rows: pa.RecordBatchReader,
        *,
        org_id: str,
        order_by: Sequence[str] = (),
        send: Literal["changed", "all"] = "changed",
        drift: Drift = "report",
        image: LoadImage | None = None,
        fold_keys: bool = False,
        only_kept: Sequence[Outcome] = (),
        dry_run: bool = False,
    ) -> AbstractContextManager[LoadComparison]:
        """Find the rows that must be sent. Disk-backed; constant memory.

        ``rows`` is read to its end before the warehouse is opened, and the warehouse is closed
        before the block begins. Rows found in sync are remembered as accepted.

        Args:
            load: Name of the load.
            rows: Columns ``_key``, ``_hash`` and cells; all text.
            org_id: The org that the load writes to, 18 characters.
            order_by: Columns to sort the rows to send by: the parents' cells.
            send: "all": also rows whose content was accepted last, or is in sync.
            drift: What becomes of drifted rows: sent again, reported, or not even looked for
                (then they count as unchanged).
            image: The inbound table of the object, if this warehouse has it. Images count only
                if they were read after the last acceptance of their row.
            fold_keys: Keys that differ in upper and lower case alone are the same.
            only_kept: Only rows whose latest outcome is one of these, whatever their content:
                a replay. ``vanished`` then counts kept rows that aren't there any more.
            dry_run: Remember nothing.

        Raises:
            LoadKeyError: Rows without a key, or several of one key.
            LoadColumnError: A column is missing from the rows, or from the image's table.
            LoadOrgError: The load has written to another org.
            WarehouseLockedError: Another process holds the warehouse for too long.
            WarehouseSpaceError: No memory or disk left.
        """
        ...

    def record_outcomes(
        self,
        load: str,
        outcomes: pa.RecordBatchReader,
        *,
        attempt: str,
        part: int,
        run_id: str,
        org_id: str,
        object_name: str,
        sent_at: datetime,
        accepted_at: datetime,
        api_calls: Sequence[ApiCalls] = (),
        fold_keys: bool = False,
        removes_state: bool = False,
    ) -> OutcomeCounts:
        """Keep what became of a part's rows, in one transaction with what was accepted.

        A part that was recorded before is left as it is, and its counts are given back. A row
        that an earlier part of the same attempt had (and that was sent again) has the later
        part's outcome alone.

        Args:
            load: Name of the load.
            outcomes: Columns as in ``OUTCOME_SCHEMA``, one row per row of the part.
            attempt: The attempt at sending, from the upload ledger.
            part: Number of the part in it.
            run_id: The Dagster run.
            org_id: The org that was written to, 18 characters.
            object_name: Salesforce's name of the object.
            sent_at: When the part was closed (or the chunk sent), UTC on the org's clock.
            accepted_at: A moment when the part was through, UTC on the org's clock: images read
                after it show what it changed.
            api_calls: All that this run has spent so far, written down with the rows.
            fold_keys: As in ``compare_load``.
            removes_state: Accepted rows aren't in Salesforce any more (delete): forget them.

        Raises:
            OutcomeError: A row without key, with an unknown outcome, or twice in the part.
            LoadOrgError: The load has written to another org.
            WarehouseLockedError: Another process holds the warehouse for too long.
        """
        ...

    def kept_rows(
        self, load: str, outcomes: Sequence[Outcome] = ("failed", "unprocessed")
    ) -> AbstractContextManager[pa.RecordBatchReader]:
        """Rows whose latest outcome is one of these, as ``KEPT_SCHEMA``, by key; streamed.

        The warehouse is held as by ``query``. Nothing if the load never ran.
        """
        ...

    def outcome_counts(self, load: str, attempt: str | None = None) -> OutcomeCounts:
        """How the rows of an attempt ended; without one, the latest outcome of each key."""
        ...

    def accepted_rows(self, load: str) -> int:
        """Keys of which a content is known to be in Salesforce."""
        ...
