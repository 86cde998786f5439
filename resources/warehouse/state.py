"""The ``_tidegate`` schema: what the warehouse knows besides the rows of the tables.

``windows``, ``api_calls``, ``load_state``, ``load_outcomes`` and ``positions`` are public.
``tables``, ``tombstones`` and ``snapshots`` are ours: they keep of every record what its row
can't say, so that the order in which images come never matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import duckdb

from resources.warehouse.adapter import (
    ApiCalls,
    ReadInterval,
    StoredWindow,
    WindowCounts,
    WindowRow,
)
from resources.warehouse.dialect import TIMESTAMPTZ, quoted
from resources.warehouse.errors import StateFormatError, WrongOrgError

SCHEMA = "_tidegate"
#: Raised when the meaning of a state table changes.
FORMAT_VERSION = 1

_T = TIMESTAMPTZ
_TABLES = {
    "windows": f"org_id VARCHAR, object VARCHAR, window_start {_T}, window_end {_T}, rows BIGINT,"
    " inserted BIGINT, updated BIGINT, deleted BIGINT, api_calls BIGINT, run_id VARCHAR,"
    f" finished_at {_T}",
    "api_calls": "run_id VARCHAR, org_id VARCHAR, asset VARCHAR, api VARCHAR, calls BIGINT,"
    f' "at" {_T}',
    "tables": "schema_name VARCHAR, table_name VARCHAR, org_id VARCHAR, object VARCHAR,"
    f" format_version INTEGER, created_at {_T}",
    # Per record: the newest image if it has no row (modstamp, read_from, read_to), and the
    # complete reads that it was missing from (absent_from, absent_to).
    "tombstones": f"schema_name VARCHAR, table_name VARCHAR, key VARCHAR, modstamp {_T},"
    f" read_from {_T}, read_to {_T}, absent_from {_T}, absent_to {_T}",
    # Per table: the complete reads that a record never seen was missing from.
    "snapshots": f"schema_name VARCHAR, table_name VARCHAR, absent_from {_T}, absent_to {_T}",
}

#: Made by the first load.
_LOAD_TABLES = {
    "loads": f"load VARCHAR, org_id VARCHAR, object VARCHAR, format_version INTEGER,"
    f" created_at {_T}",
    "load_state": f"load VARCHAR, key VARCHAR, hash VARCHAR, sf_id VARCHAR, accepted_at {_T}",
    "load_outcomes": "load VARCHAR, run_id VARCHAR, key VARCHAR, outcome VARCHAR, sf_id VARCHAR,"
    " created BOOLEAN, error_code VARCHAR, error_message VARCHAR, error_fields VARCHAR[],"
    f" payload VARCHAR, sent_at {_T}, job_id VARCHAR, _attempt VARCHAR, _part INTEGER",
    "load_parts": "load VARCHAR, attempt VARCHAR, part INTEGER, run_id VARCHAR,"
    f" recorded_at {_T}, accepted BIGINT, created BIGINT, failed BIGINT, unprocessed BIGINT,"
    " error_codes VARCHAR",
}
#: Made by the first events.
_EVENT_TABLES = {
    "positions": f"org_id VARCHAR, channel VARCHAR, replay_id BLOB, committed_at {_T}",
    "dead_events": "org_id VARCHAR, channel VARCHAR, replay_id BLOB, event_id VARCHAR,"
    f' schema_id VARCHAR, payload BLOB, problem VARCHAR, run_id VARCHAR, "at" {_T}',
}
Kind = Literal["sync", "loads", "events"]
_MORE_TABLES: dict[Kind, dict[str, str]] = {
    "sync": {},
    "loads": _LOAD_TABLES,
    "events": _EVENT_TABLES,
}


class State:
    """The ``_tidegate`` tables behind one open connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, catalog: str) -> None:
        self.connection, self._catalog = connection, catalog

    def table(self, name: str) -> str:
        """The quoted full name of a state table."""
        return quoted(self._catalog, SCHEMA, name)

    def create(self, kind: Kind = "sync") -> None:
        """Make the tables that aren't there; those of loads and events only for them."""
        self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(self._catalog, SCHEMA)}")
        tables = {**_TABLES, **_MORE_TABLES[kind]}
        for name, columns in tables.items():
            self.connection.execute(f"CREATE TABLE IF NOT EXISTS {self.table(name)} ({columns})")

    def exists(self, table: str = "tables") -> bool:
        """Whether anything was ever written here."""
        rows = self.connection.execute(
            "SELECT count(*) FROM duckdb_tables() "
            "WHERE database_name = ? AND schema_name = ? AND table_name = ?",
            [self._catalog, SCHEMA, table],
        ).fetchall()
        return bool(rows[0][0])

    def claim_table(
        self, schema: str, name: str, org_id: str, object_name: str, now: datetime
    ) -> None:
        """Tie a table to an org, or make sure that it is this org's.

        Raises:
            WrongOrgError: It belongs to another org.
            StateFormatError: Another version of Tidegate wrote it.
        """
        row = self.connection.execute(
            f"SELECT org_id, format_version FROM {self.table('tables')} "
            "WHERE schema_name = ? AND table_name = ?",
            [schema, name],
        ).fetchone()
        if row is None:
            self.connection.execute(
                f"INSERT INTO {self.table('tables')} VALUES (?, ?, ?, ?, ?, ?)",
                [schema, name, org_id, object_name, FORMAT_VERSION, now],
            )
            return
        if row[1] != FORMAT_VERSION:
            raise StateFormatError(f"{schema}.{name}", row[1], FORMAT_VERSION)
        if row[0] != org_id:
            raise WrongOrgError(f"{schema}.{name}", row[0], org_id)

    def add_snapshot(self, schema: str, name: str, read: ReadInterval) -> None:
        """Remember that a complete read was merged."""
        snapshots = self.table("snapshots")
        updated = self.connection.execute(
            f"UPDATE {snapshots} SET absent_from = greatest(absent_from, ?), "
            "absent_to = greatest(absent_to, ?) WHERE schema_name = ? AND table_name = ?",
            [read.lo, read.hi, schema, name],
        ).fetchone()
        if updated is None or updated[0] == 0:
            self.connection.execute(
                f"INSERT INTO {snapshots} VALUES (?, ?, ?, ?)", [schema, name, read.lo, read.hi]
            )

    def put_windows(
        self,
        org_id: str,
        object_name: str,
        windows: Sequence[WindowRow],
        counts: Sequence[WindowCounts],
        run_id: str,
        now: datetime,
    ) -> None:
        """Write finished windows, each instead of what stood there for it."""
        table = self.table("windows")
        for window, count in zip(windows, counts, strict=True):
            self.connection.execute(
                f"DELETE FROM {table} WHERE org_id = ? AND object = ? "
                "AND window_start = ? AND window_end = ?",
                [org_id, object_name, window.start, window.end],
            )
            self.connection.execute(
                f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    *(org_id, object_name, window.start, window.end),
                    *(count.rows, count.inserted, count.updated, count.deleted),
                    *(window.api_calls, run_id, now),
                ],
            )

    def read_windows(self, org_id: str, object_name: str) -> list[StoredWindow]:
        """The windows of an object, oldest first."""
        rows = self.connection.execute(
            "SELECT org_id, object, window_start, window_end, rows, inserted, updated, deleted, "
            f"api_calls, run_id, finished_at FROM {self.table('windows')} "
            "WHERE org_id = ? AND object = ? ORDER BY window_start",
            [org_id, object_name],
        ).fetchall()
        return [StoredWindow(*row) for row in rows]

    def add_api_calls(
        self, run_id: str, org_id: str, calls: Sequence[ApiCalls], now: datetime
    ) -> None:
        """Write down what was spent; a retried step replaces what it had written."""
        table = self.table("api_calls")
        for call in calls:
            self.connection.execute(
                f"DELETE FROM {table} WHERE run_id = ? AND org_id = ? AND asset = ? AND api = ?",
                [run_id, org_id, call.asset, call.api],
            )
            self.connection.execute(
                f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?)",
                [run_id, org_id, call.asset, call.api, call.calls, now],
            )

    def read_api_calls(self, run_id: str) -> list[ApiCalls]:
        """What a run spent."""
        rows = self.connection.execute(
            f"SELECT asset, api, calls FROM {self.table('api_calls')} "
            'WHERE run_id = ? ORDER BY "at"',
            [run_id],
        ).fetchall()
        return [ApiCalls(*row) for row in rows]
