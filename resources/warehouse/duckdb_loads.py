"""What loads ask of a warehouse, in a DuckDB file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Literal

import duckdb
import pyarrow as pa

from resources.warehouse import compare_plan
from resources.warehouse.adapter import ApiCalls
from resources.warehouse.compared_cells import WAREHOUSE
from resources.warehouse.dialect import quoted, text
from resources.warehouse.duckdb_compare import CompareSettings, DuckDBCompare
from resources.warehouse.duckdb_query import check_select, stream
from resources.warehouse.duckdb_session import DuckDBSession, catalog_of
from resources.warehouse.load_adapter import (
    KEPT_SCHEMA,
    Drift,
    LoadComparison,
    LoadImage,
    Outcome,
    OutcomeCounts,
)
from resources.warehouse.load_state import LoadState, SentPart
from resources.warehouse.scratch import scratch_folder
from resources.warehouse.state import State


class DuckDBLoads(DuckDBSession):
    """A ``LoadWarehouse`` in one DuckDB file."""

    @contextmanager
    def query(self, sql: str) -> Iterator[pa.RecordBatchReader]:
        """See ``LoadWarehouse.query``."""
        with ExitStack() as held:
            connection = self._open_to_read(held)
            check_select(connection, sql)
            yield stream(connection, sql, str(self.path), held.close)

    def _open_to_read(self, held: ExitStack) -> duckdb.DuckDBPyConnection:
        # A query may well read files alone, before anything was loaded.
        connection = held.enter_context(self._reading()) or held.enter_context(duckdb.connect())
        self._configure(connection)
        connection.execute("SET TimeZone = 'UTC'")
        return connection

    @contextmanager
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
    ) -> Iterator[LoadComparison]:
        """See ``LoadWarehouse.compare_load``."""
        settings = CompareSettings(
            load, org_id, tuple(order_by), send, drift, image, fold_keys, tuple(only_kept)
        )
        with scratch_folder(self.path) as folder:
            file = folder / "rows.duckdb"
            with self._enough_room(), duckdb.connect(str(file)) as connection:
                self._configure(connection)
                connection.execute("SET TimeZone = 'UTC'")
                compare = DuckDBCompare(connection, settings)
                compare.stage(rows)
                if self.path.exists():
                    with self._file.attached(connection, WAREHOUSE):
                        compare.compare()
                else:
                    compare.compare_with_nothing()
                diff = compare.diff()
                drifted, vanished_keys = compare.drift, compare.vanished_keys()
                to_send = compare.rows()
            # Closed and opened again: only one of the two files can be written at a time.
            if diff.in_sync and not dry_run:
                self._remember_in_sync(str(file), settings)
            with duckdb.connect(str(file), read_only=True) as connection:
                self._configure(connection)
                reader = stream(connection, to_send, str(self.path), lambda: None)
                yield LoadComparison(reader, diff, drifted, vanished_keys)

    def _remember_in_sync(self, file: str, settings: CompareSettings) -> None:
        with self._enough_room(), self._file.open() as connection:
            connection.execute(f"ATTACH {text(file)} AS {quoted('rows')} (READ_ONLY)")
            with self._transaction_on(connection, "loads") as state:
                now = datetime.now(UTC)
                loads = LoadState(connection, state)
                object_name = settings.image.table if settings.image else ""
                loads.claim(settings.load, settings.org_id, object_name, now)
                loads.remember(settings.load, compare_plan.in_sync(), settings.fold_keys)

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
        """See ``LoadWarehouse.record_outcomes``."""
        sent = SentPart(load, attempt, part, run_id, sent_at, accepted_at, fold_keys, removes_state)
        with self._writing("loads") as (connection, state):
            now = datetime.now(UTC)
            loads = LoadState(connection, state)
            loads.claim(load, org_id, object_name, now)
            counts = loads.recorded(attempt, part)
            if counts is None:
                counts = loads.record(sent, outcomes, now)
            state.add_api_calls(run_id, org_id, api_calls, now)
        return counts

    @contextmanager
    def kept_rows(
        self, load: str, outcomes: Sequence[Outcome] = ("failed", "unprocessed")
    ) -> Iterator[pa.RecordBatchReader]:
        """See ``LoadWarehouse.kept_rows``."""
        with ExitStack() as held:
            connection = self._open_to_read(held)
            state = State(connection, catalog_of(connection))
            if not state.exists("load_outcomes") or not outcomes:
                yield pa.RecordBatchReader.from_batches(KEPT_SCHEMA, [])
                return
            sql = LoadState(connection, state).kept(load, outcomes)
            reader = stream(connection, sql, str(self.path), held.close)
            yield reader.cast(KEPT_SCHEMA)

    def outcome_counts(self, load: str, attempt: str | None = None) -> OutcomeCounts:
        """See ``LoadWarehouse.outcome_counts``."""
        with self._reading_loads() as loads:
            return loads.count(load, attempt) if loads else OutcomeCounts()

    def accepted_rows(self, load: str) -> int:
        """See ``LoadWarehouse.accepted_rows``."""
        with self._reading_loads() as loads:
            return loads.accepted_rows(load) if loads else 0

    @contextmanager
    def _reading_loads(self) -> Iterator[LoadState | None]:
        with self._reading_state() as state:
            if state is None or not state.exists("loads"):
                yield None
            else:
                yield LoadState(state.connection, state)
