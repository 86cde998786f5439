"""Runs one merge on an open DuckDB connection, inside a transaction of the caller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from resources.warehouse import apply_plan, merge_plan, stage_plan
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
from resources.warehouse.duckdb_tables import alter_table, table_columns
from resources.warehouse.errors import ImageError, RereadError, SchemaChangeError
from resources.warehouse.event_adapter import AskedRecords
from resources.warehouse.merge_names import (
    ANSWERS,
    DOUBTS,
    REPEATED,
    STAGE,
    VERDICTS,
    MergeNames,
)
from resources.warehouse.schema_plan import plan_schema, wanted_columns
from resources.warehouse.state import State


class DuckDBMerge:
    """One table's merge: stage, judge, read again where in doubt, apply, count."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, catalog: str, spec: TableSpec, state: State
    ) -> None:
        self._connection, self._spec = connection, spec
        self._name = f"{spec.schema}.{spec.name}"
        self._catalog = catalog
        self._names = MergeNames(
            spec,
            quoted(catalog, spec.schema, spec.name),
            state.table("tombstones"),
            state.table("snapshots"),
        )

    def prepare_table(self) -> None:
        """Create the table, add columns, or make room for longer decimals.

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
        alter_table(self._connection, self._catalog, self._spec.schema, self._spec.name, plan)
        self._columns = plan.columns
        known = {name.lower() for name in wanted}
        self._other_columns = [name for name in existing if name.lower() not in known]

    def _wanted(self) -> dict[str, str]:
        try:
            return wanted_columns(self._spec)
        except TypeError as error:
            raise ImageError(self._name, str(error)) from error

    def stage(self, images: pa.RecordBatchReader, removals: pa.RecordBatchReader | None) -> None:
        """Bring images and removals into a temporary table."""
        self._run(stage_plan.create_stage(STAGE, self._columns))
        self._fill(STAGE, images)
        if removals is not None:
            self._check_columns(removals.schema, {self._spec.key: "VARCHAR"}, REMOVAL_COLUMNS)
            self._from_reader(stage_plan.fill_removals(self._names, "incoming"), removals)
        self._check_images(STAGE)

    def _fill(self, stage: str, images: pa.RecordBatchReader) -> None:
        own = {column.name: sql_type(column.arrow_type) for column in self._spec.columns}
        self._check_columns(images.schema, own, IMAGE_COLUMNS)
        self._from_reader(stage_plan.fill_stage(self._names, stage, "incoming"), images)

    def _from_reader(self, statement: str, reader: pa.RecordBatchReader) -> None:
        self._connection.register("incoming", reader)
        self._run(statement)
        # Not in a finally: after an error the aborted transaction would hide it.
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
        keyless, timeless = self._one(stage_plan.bad_images(self._names, stage))
        if keyless:
            raise ImageError(self._name, f"{keyless:,} have no {self._spec.key}")
        if timeless:
            raise ImageError(self._name, f"{timeless:,} have no read interval, or a reversed one")

    def judge(self, complete_as_of: ReadInterval | None, asked: AskedRecords | None = None) -> None:
        """Decide for every touched record which image is the newest.

        Either the images are all that there are as of a read, or all of the records asked for.
        """
        absent_as_of = asked.read if asked is not None else complete_as_of
        if asked is not None:
            self._find_missing(asked.ids)
        elif complete_as_of is not None:
            self._run(merge_plan.find_absent(self._names))
        if absent_as_of is not None:
            self._note_absent(absent_as_of)
        self._resolve_repeated(STAGE)
        self._run_all(merge_plan.find_same(self._names))
        self._run(merge_plan.create_verdicts(self._names))
        self._run(merge_plan.judge_staged(self._names))
        if absent_as_of is not None:
            self._run(merge_plan.judge_absent(self._names))

    def _find_missing(self, ids: Sequence[str]) -> None:
        self._connection.register("asked", pa.table({"key": pa.array(ids, pa.string())}))
        self._run(merge_plan.find_missing(self._names, "asked"))
        self._connection.unregister("asked")

    def _resolve_repeated(self, stage: str) -> None:
        self._run(stage_plan.find_repeated(self._names, stage))
        if self._number(f"SELECT count(*) FROM {REPEATED}"):
            self._run_all(stage_plan.resolve_repeated(self._names, stage))

    def _note_absent(self, read: ReadInterval) -> None:
        insert, join = merge_plan.note_absent(self._names)
        self._run(insert)
        self._run(join, [read.lo, read.hi])

    def read_again(self, reread: Reread) -> int:
        """Settle what is in doubt, and tell how many records were asked for.

        Raises:
            RereadError: The answer doesn't settle it.
        """
        self._run(merge_plan.find_doubts())
        asked, after = self._one(f"SELECT count(*), max(latest) FROM {DOUBTS}")
        if asked == 0:
            return 0
        rows = self._connection.execute(f"SELECT key FROM {DOUBTS} ORDER BY key")
        answer = reread([row[0] for row in rows.fetchall()], after)
        self._run(stage_plan.create_stage(ANSWERS, self._columns))
        self._fill(ANSWERS, answer.images)
        self._check_images(ANSWERS)
        self._run(merge_plan.keep_asked(self._names))
        self._check_answers(asked, after, answer.read)
        self._run_all(merge_plan.take_answers(self._names))
        self._note_absent(answer.read)
        self._run_all(merge_plan.find_same(self._names))
        self._run_all(merge_plan.judge_again(self._names))
        left = self._number(f"SELECT count(*) FROM {VERDICTS} WHERE doubt")
        if left:
            raise RereadError(self._name, left, "their images are still in doubt")
        return int(asked)

    def _check_answers(self, asked: int, after: datetime, read: ReadInterval) -> None:
        self._resolve_repeated(ANSWERS)
        early, older = self._one(merge_plan.bad_answers(self._names), [after])
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
        rewritten, gone = self._one(apply_plan.count_work())
        by_merge = apply_plan.prefers_merge(rewritten, self.row_count())
        replaced = [] if by_merge else ["rewrite"]
        if gone or (rewritten and replaced):
            self._run(apply_plan.delete_rows(self._names, ["delete", *replaced]))
        extend, flag = apply_plan.update_bookkeeping(self._names)
        self._run(extend)
        self._run(flag, [now, run_id])
        if by_merge:
            self._run(apply_plan.merge_rows(self._names, self._other_columns), [now, run_id])
        else:
            self._run(apply_plan.insert_rows(self._names), [now, run_id])
        self._run_all(apply_plan.write_tombstones(self._names))

    def row_count(self) -> int:
        """Rows in the table now."""
        return self._number(f"SELECT count(*) FROM {self._names.table}")

    def result(self, reread: int, windows: Sequence[WindowRow]) -> MergeResult:
        """What was done, in total and by window."""
        inserted, updated, deleted, unchanged = self._one(apply_plan.count_all())
        return MergeResult(
            inserted=inserted,
            updated=updated,
            deleted=deleted,
            unchanged=unchanged,
            rows_in_table=self.row_count(),
            reread=reread,
            stale_rows=self._number(apply_plan.count_stale(self._names)),
            windows=tuple(self._count_window(window) for window in windows),
        )

    def _count_window(self, window: WindowRow) -> WindowCounts:
        start = "-infinity" if window.open_start else window.start.astimezone(UTC).isoformat()
        end = window.end.astimezone(UTC).isoformat()
        counts = self._one(apply_plan.count_window(), [start, end])
        return WindowCounts(window.start, window.end, *counts)

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._connection.execute(sql, list(parameters))

    def _run_all(self, statements: Sequence[str]) -> None:
        for statement in statements:
            self._run(statement)

    def _one(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
        # All of it: DuckDB takes no other work while a result isn't read to its end.
        (row,) = self._connection.execute(sql, list(parameters)).fetchall()
        return tuple(row)

    def _number(self, sql: str) -> int:
        return int(self._one(sql)[0])
