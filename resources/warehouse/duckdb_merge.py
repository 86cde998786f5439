"""Runs one merge on an open DuckDB connection, inside a transaction of the caller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from resources.warehouse import merge_plan
from resources.warehouse.adapter import (
    IMAGE_COLUMNS,
    REMOVAL_COLUMNS,
    MergeResult,
    ReadInterval,
    Reread,
    TableSpec,
    WindowCounts,
    WindowRow,
)
from resources.warehouse.dialect import TIMESTAMPTZ, quoted, sql_type
from resources.warehouse.errors import ImageError, RereadError, SchemaChangeError
from resources.warehouse.merge_plan import MergeSql
from resources.warehouse.schema_plan import SchemaPlan, plan_schema, wanted_columns
from resources.warehouse.state import State


class DuckDBMerge:
    """One table's merge: stage, judge, read again where in doubt, apply, count."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, catalog: str, spec: TableSpec, state: State
    ) -> None:
        self._connection, self._spec = connection, spec
        self._name = f"{spec.schema}.{spec.name}"
        self._catalog = catalog
        self._sql = MergeSql(
            spec,
            quoted(catalog, spec.schema, spec.name),
            state.table("tombstones"),
            state.table("snapshots"),
        )

    def prepare_table(self) -> None:
        """Create the table or add columns.

        Raises:
            SchemaChangeError: A column has another type now.
        """
        existing = table_columns(
            self._connection, self._catalog, self._spec.schema, self._spec.name
        )
        wanted = self._wanted()
        plan = plan_schema(existing, wanted)
        if plan.changed:
            raise SchemaChangeError(self._name, plan.changed)
        self._alter(plan, wanted)
        known = {name.lower() for name in wanted}
        self._other_columns = [name for name in existing if name.lower() not in known]

    def _wanted(self) -> dict[str, str]:
        try:
            return wanted_columns(self._spec)
        except TypeError as error:
            raise ImageError(self._name, str(error)) from error

    def _alter(self, plan: SchemaPlan, wanted: dict[str, str]) -> None:
        if plan.create:
            columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in wanted.items())
            schema = quoted(self._catalog, self._spec.schema)
            self._run(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            self._run(f"CREATE TABLE {self._sql.table} ({columns})")
        for name, kind in plan.add:
            self._run(f"ALTER TABLE {self._sql.table} ADD COLUMN {quoted(name)} {kind}")

    def stage(self, images: pa.RecordBatchReader, removals: pa.RecordBatchReader | None) -> None:
        """Bring images and removals into a temporary table."""
        self._run(self._sql.create_stage(merge_plan.STAGE))
        self._fill(merge_plan.STAGE, images)
        if removals is not None:
            self._check_columns(removals.schema, {self._spec.key: "VARCHAR"}, REMOVAL_COLUMNS)
            self._from_reader(self._sql.fill_removals, removals)
        self._check_images(merge_plan.STAGE)

    def _fill(self, stage: str, images: pa.RecordBatchReader) -> None:
        own = {column.name: sql_type(column.arrow_type) for column in self._spec.columns}
        self._check_columns(images.schema, own, IMAGE_COLUMNS)
        self._from_reader(lambda source: self._sql.fill_stage(stage, source), images)

    def _from_reader(self, statement: Any, reader: pa.RecordBatchReader) -> None:
        self._connection.register("incoming", reader)
        try:
            self._run(statement("incoming"))
        finally:
            self._connection.unregister("incoming")

    def _check_columns(
        self, schema: pa.Schema, own: dict[str, str], bookkeeping: Sequence[str]
    ) -> None:
        missing = [name for name in (*own, *bookkeeping) if name not in schema.names]
        if missing:
            raise ImageError(self._name, f"column(s) {', '.join(missing)} are missing")
        naive = [n for n in REMOVAL_COLUMNS if sql_type(schema.field(n).type) != TIMESTAMPTZ]
        if naive:
            raise ImageError(self._name, f"column(s) {', '.join(naive)} have no time zone")
        for name, kind in own.items():
            if sql_type(schema.field(name).type) != kind:
                raise ImageError(self._name, f"{name} is {schema.field(name).type}, not {kind}")

    def _check_images(self, stage: str) -> None:
        _, keyless, timeless = self._one(self._sql.bad_images(stage))
        if keyless:
            raise ImageError(self._name, f"{keyless:,} have no {self._spec.key}")
        if timeless:
            raise ImageError(self._name, f"{timeless:,} have no read interval, or a reversed one")

    def judge(self, complete_as_of: ReadInterval | None) -> None:
        """Decide for every touched record which image is the newest."""
        if complete_as_of is not None:
            self._run(self._sql.find_absent())
            self._note_absent(complete_as_of)
        self._resolve_repeated(merge_plan.STAGE)
        self._run(self._sql.create_verdicts())
        self._run(self._sql.judge())
        if complete_as_of is not None:
            self._run(self._sql.judge_absent())

    def _resolve_repeated(self, stage: str) -> None:
        self._run(self._sql.find_repeated(stage))
        if self._number(f"SELECT count(*) FROM {merge_plan.REPEATED}"):
            self._run_all(self._sql.resolve_repeated(stage))

    def _note_absent(self, read: ReadInterval) -> None:
        insert, join = self._sql.note_absent()
        self._run(insert)
        self._run(join, [read.lo, read.hi])

    def read_again(self, reread: Reread) -> int:
        """Settle what is in doubt, and tell how many records were asked for.

        Raises:
            RereadError: The answer doesn't settle it.
        """
        self._run(self._sql.find_doubts())
        asked, after = self._one(f"SELECT count(*), max(latest) FROM {merge_plan.DOUBTS}")
        if asked == 0:
            return 0
        rows = self._connection.execute(f"SELECT key FROM {merge_plan.DOUBTS} ORDER BY key")
        answer = reread([row[0] for row in rows.fetchall()], after)
        self._run(self._sql.create_stage(merge_plan.ANSWERS))
        self._fill(merge_plan.ANSWERS, answer.images)
        self._check_images(merge_plan.ANSWERS)
        self._run(self._sql.keep_asked())
        self._check_answers(asked, after, answer.read)
        self._run_all(self._sql.take_answers())
        self._note_absent(answer.read)
        self._run_all(self._sql.judge_again())
        left = self._number(f"SELECT count(*) FROM {merge_plan.VERDICTS} WHERE doubt")
        if left:
            raise RereadError(self._name, left, "their images are still in doubt")
        return int(asked)

    def _check_answers(self, asked: int, after: datetime, read: ReadInterval) -> None:
        self._resolve_repeated(merge_plan.ANSWERS)
        early, older = self._one(self._sql.bad_answers(), [after])
        if early or read.lo <= after:
            raise RereadError(
                self._name, asked, f"they were read at {read.lo}, which isn't after {after}"
            )
        if older:
            raise RereadError(
                self._name, asked, f"{older:,} came with an older SystemModstamp than before"
            )

    def apply(self, run_id: str, now: datetime) -> None:
        """Bring the verdicts into the table and the tombstones."""
        rewritten, gone = self._one(
            "SELECT count(*) FILTER (action = 'rewrite'), count(*) FILTER (action = 'delete') "
            f"FROM {merge_plan.VERDICTS}"
        )
        by_merge = rewritten and merge_plan.prefers_merge(rewritten, self.row_count())
        replaced = ["rewrite"] if rewritten and not by_merge else []
        if gone or replaced:
            self._run(self._sql.delete_rows(["delete", *replaced]))
        extend, flag = self._sql.update_bookkeeping()
        self._run(extend)
        self._run(flag, [now, run_id])
        if by_merge:
            self._run(self._sql.merge_rows(self._other_columns), [now, run_id])
        else:
            self._run(self._sql.insert_rows(), [now, run_id])
        self._run_all(self._sql.write_tombstones())

    def row_count(self) -> int:
        """Rows in the table now."""
        return self._number(f"SELECT count(*) FROM {self._sql.table}")

    def result(self, reread: int, windows: Sequence[WindowRow]) -> MergeResult:
        """What was done, in total and by window."""
        inserted, updated, deleted, unchanged = self._one(self._sql.count())
        return MergeResult(
            inserted=inserted,
            updated=updated,
            deleted=deleted,
            unchanged=unchanged,
            rows_in_table=self.row_count(),
            reread=reread,
            stale_rows=self._number(self._sql.count_stale()),
            windows=tuple(self._count_window(window) for window in windows),
        )

    def _count_window(self, window: WindowRow) -> WindowCounts:
        start = "-infinity" if window.open_start else window.start.astimezone(UTC).isoformat()
        end = window.end.astimezone(UTC).isoformat()
        counts = self._one(self._sql.count_window(), [start, end])
        return WindowCounts(window.start, window.end, *counts)

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._connection.execute(sql, list(parameters))

    def _run_all(self, statements: Sequence[str]) -> None:
        for statement in statements:
            self._run(statement)

    def _one(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
        row = self._connection.execute(sql, list(parameters)).fetchone()
        if row is None:
            raise AssertionError("an aggregate without GROUP BY has one row")
        return tuple(row)

    def _number(self, sql: str) -> int:
        return int(self._one(sql)[0])


def table_columns(
    connection: duckdb.DuckDBPyConnection, catalog: str, schema: str, name: str
) -> dict[str, str]:
    """Columns and types of a table in order; empty if there is no table."""
    rows = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = ? "
        "AND schema_name = ? AND table_name = ? ORDER BY column_index",
        [catalog, schema, name],
    ).fetchall()
    return dict(rows)
