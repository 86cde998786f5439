"""What event followers ask of a warehouse, in a DuckDB file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from resources.warehouse.adapter import ApiCalls, MergeResult, Reread, TableSpec
from resources.warehouse.duckdb_history import DuckDBHistory
from resources.warehouse.duckdb_log import DuckDBLog
from resources.warehouse.duckdb_merge import DuckDBMerge
from resources.warehouse.duckdb_session import DuckDBSession, catalog_of
from resources.warehouse.event_adapter import (
    AppendResult,
    AskedRecords,
    DeadEvent,
    HiddenChanges,
    HistorySpec,
    LogSpec,
    Position,
)
from resources.warehouse.event_state import EventState
from resources.warehouse.state import State


class DuckDBEvents(DuckDBSession):
    """An ``EventWarehouse`` in one DuckDB file."""

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
        """See ``EventWarehouse.append_changes_and_merge``."""
        with self._writing("events") as (connection, state):
            now = datetime.now(UTC)
            state.claim_table(table.schema, table.name, org_id, object_name, now)
            appended = _append(connection, state, log, changes, org_id, object_name, now)
            merge = DuckDBMerge(connection, catalog_of(connection), table, state)
            merge.prepare_table()
            versions = history and DuckDBHistory(
                connection, catalog_of(connection), table, log, history
            )
            if versions:
                versions.begin()
            merge.stage(images, None)
            merge.judge(None, asked)
            reread_rows = merge.read_again(reread)
            merge.apply(run_id, now)
            if versions:
                versions.finish(hidden)
            result = merge.result(reread_rows, ())
            set_aside = _move(connection, state, org_id, position, dead, run_id, now)
            state.add_api_calls(run_id, org_id, api_calls, now)
        return AppendResult(*appended, set_aside), result

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
        """See ``EventWarehouse.append_events``."""
        with self._writing("events") as (connection, state):
            now = datetime.now(UTC)
            appended = _append(connection, state, log, events, org_id, event_name, now)
            set_aside = _move(connection, state, org_id, position, dead, run_id, now)
            state.add_api_calls(run_id, org_id, api_calls, now)
        return AppendResult(*appended, set_aside)

    def position(self, org_id: str, channel: str) -> Position | None:
        """See ``EventWarehouse.position``."""
        with self._reading_state() as state:
            if state is None or not state.exists("positions"):
                return None
            return EventState(state.connection, state).position(org_id, channel)

    def set_events_aside(
        self, org_id: str, channel: str, events: Sequence[DeadEvent], run_id: str
    ) -> int:
        """See ``EventWarehouse.set_events_aside``."""
        with self._writing("events") as (connection, state):
            aside = EventState(connection, state)
            return aside.set_aside(org_id, channel, events, run_id, datetime.now(UTC))

    def dead_events(self, org_id: str, channel: str) -> int:
        """See ``EventWarehouse.dead_events``."""
        with self._reading_state() as state:
            if state is None or not state.exists("dead_events"):
                return 0
            return EventState(state.connection, state).dead(org_id, channel)


def _append(
    connection: duckdb.DuckDBPyConnection,
    state: State,
    log: LogSpec,
    events: pa.RecordBatchReader,
    org_id: str,
    source: str,
    now: datetime,
) -> tuple[int, int]:
    state.claim_table(log.schema, log.name, org_id, source, now)
    duckdb_log = DuckDBLog(connection, catalog_of(connection), log)
    duckdb_log.prepare_table()
    return duckdb_log.append(events)


def _move(
    connection: duckdb.DuckDBPyConnection,
    state: State,
    org_id: str,
    position: Position,
    dead: Sequence[DeadEvent],
    run_id: str,
    now: datetime,
) -> int:
    events = EventState(connection, state)
    events.move(org_id, position)
    return events.set_aside(org_id, position.channel, dead, run_id, now)
