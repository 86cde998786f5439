"""Runs one comparison of a load's rows with what Salesforce is known to hold.

The rows lie in a DuckDB file of their own, so that any number fits beside little memory, and the
warehouse is only attached while it is looked into.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import duckdb
import pyarrow as pa

from resources.warehouse import compare_plan
from resources.warehouse.adapter import DELETED, READ_FROM, READ_TO
from resources.warehouse.compared_cells import WAREHOUSE, ComparedImage
from resources.warehouse.dialect import quoted
from resources.warehouse.duckdb_tables import table_columns
from resources.warehouse.errors import LoadColumnError, LoadKeyError
from resources.warehouse.load_adapter import (
    HASH,
    KEY,
    Drift,
    DriftExample,
    LoadDiff,
    LoadImage,
    Outcome,
)
from resources.warehouse.load_state import LoadState, kept_rows
from resources.warehouse.state import SCHEMA, State


@dataclass(frozen=True, slots=True)
class CompareSettings:
    """What is asked of a comparison; see ``LoadWarehouse.compare_load``."""

    load: str
    org_id: str
    order_by: tuple[str, ...]
    send: Literal["changed", "all"]
    drift: Drift
    image: LoadImage | None
    fold_keys: bool
    only_kept: tuple[Outcome, ...]


class DuckDBCompare:
    """One comparison: stage, compare while the warehouse is attached, tell."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, settings: CompareSettings) -> None:
        self._connection, self._settings = connection, settings
        self._compared: ComparedImage | None = None
        self._drift: tuple[DriftExample, ...] = ()

    def stage(self, rows: pa.RecordBatchReader) -> None:
        """Take all rows in.

        Raises:
            LoadColumnError: A column is missing.
            LoadKeyError: Rows without key, or several of one.
        """
        names = rows.schema.names
        wanted = (KEY, HASH, *self._settings.order_by)
        if missing := tuple(name for name in wanted if name not in names):
            raise LoadColumnError(self._settings.load, "the rows", missing)
        self._columns = tuple(names)
        source = _Source(rows)
        self._connection.register("incoming", source.reader())
        try:
            self._run(f"CREATE TABLE {compare_plan.STAGED} AS SELECT * FROM incoming")
        except duckdb.Error as error:
            # DuckDB knows what a reader raises as text alone.
            raise source.error or error from None
        self._connection.unregister("incoming")
        self._check_keys()

    def _check_keys(self) -> None:
        fold = self._settings.fold_keys
        keyless, keys, rows = self._one(compare_plan.key_problems(fold))
        if keyless or keys:
            examples = tuple(self._texts(compare_plan.key_examples(fold)))
            raise LoadKeyError(self._settings.load, keyless, keys, rows, examples)

    def compare_with_nothing(self) -> None:
        """There is no warehouse yet."""
        self._run(compare_plan.no_state())
        self._no_kept()
        self._judge()

    def compare(self) -> None:
        """Compare with the attached warehouse.

        Raises:
            LoadOrgError: The load has written to another org.
            LoadColumnError: The image's table lacks a column.
        """
        settings = self._settings
        state = State(self._connection, WAREHOUSE)
        if state.exists("loads"):
            LoadState(self._connection, state).check_org(settings.load, settings.org_id)
            self._run(compare_plan.copy_state(settings.load, settings.fold_keys))
            self._find_kept()
        else:
            self._run(compare_plan.no_state())
            self._no_kept()
        if settings.image is not None and not settings.only_kept:
            self._compared = self._describe(settings.image)
        if self._compared is not None:
            self._run(compare_plan.find_pairs(self._compared, settings.fold_keys))
            self._run(compare_plan.find_same(self._compared))
        self._judge()
        self._drift = self._drift_examples()

    def _find_kept(self) -> None:
        settings = self._settings
        if not settings.only_kept:
            self._no_kept()
            return
        table = quoted(WAREHOUSE, SCHEMA, "load_outcomes")
        key = compare_plan.folded(KEY, settings.fold_keys)
        self._run(
            f"CREATE TABLE {compare_plan.KEPT} AS SELECT DISTINCT {key} AS key "
            f"FROM ({kept_rows(table, settings.load, settings.only_kept)})"
        )

    def _no_kept(self) -> None:
        self._run(f"CREATE TABLE {compare_plan.KEPT} (key VARCHAR)")

    def _describe(self, image: LoadImage) -> ComparedImage | None:
        """None if the table isn't there (the sync never ran), or shows none of the cells."""
        columns = self._table(image.schema, image.table)
        if not columns:
            return None
        wanted = [image.key, image.id_column, READ_FROM, READ_TO, DELETED]
        self._check_columns(image.schema, image.table, columns, wanted)
        types: dict[str, str] = {}
        known = []
        for column in image.columns:
            self._check_columns(image.schema, image.table, columns, [column.column])
            kind = columns[column.column]
            if column.parent is not None:
                parent = self._table(column.parent.schema, column.parent.name)
                if not parent:
                    continue
                wanted = [column.parent.column, column.parent.key]
                self._check_columns(column.parent.schema, column.parent.name, parent, wanted)
                kind = parent[column.parent.column]
            types[column.cell] = kind
            known.append(column)
        if not known:
            return None
        image = LoadImage(image.schema, image.table, image.key, tuple(known), image.id_column)
        cells = tuple(name for name in self._columns if name not in (KEY, HASH))
        return ComparedImage(image, columns[image.key], types, cells)

    def _table(self, schema: str, name: str) -> dict[str, str]:
        return table_columns(self._connection, WAREHOUSE, schema, name)

    def _check_columns(
        self, schema: str, name: str, columns: dict[str, str], wanted: Sequence[str]
    ) -> None:
        if missing := tuple(column for column in wanted if column not in columns):
            raise LoadColumnError(self._settings.load, f"{schema}.{name}", missing)

    def _judge(self) -> None:
        settings = self._settings
        kept = bool(settings.only_kept)
        self._run(compare_plan.judge(self._compared, settings.drift, settings.fold_keys, kept))

    def _drift_examples(self) -> tuple[DriftExample, ...]:
        if self._compared is None or self._settings.drift == "ignore":
            return ()
        rows = self._connection.execute(compare_plan.drift_examples(self._compared)).fetchall()
        return tuple(DriftExample(*row) for row in rows)

    @property
    def drift(self) -> tuple[DriftExample, ...]:
        """Some cells that somebody changed in Salesforce."""
        return self._drift

    def diff(self) -> LoadDiff:
        """Counts of all."""
        found = dict(self._connection.execute(compare_plan.count_verdicts()).fetchall())
        sent = self._sent_verdicts()
        return LoadDiff(
            new=found.get("new", 0),
            changed=found.get("changed", 0),
            unchanged=found.get("unchanged", 0),
            in_sync=found.get("in_sync", 0),
            drifted=found.get("drifted", 0),
            vanished=self._one(f"SELECT count(*) FROM ({self._vanished()})")[0],
            to_send=sum(n for verdict, n in found.items() if sent is None or verdict in sent),
        )

    def vanished_keys(self) -> tuple[str, ...]:
        """Some keys that aren't among the rows any more."""
        sql = f"{self._vanished()} ORDER BY 1 LIMIT {compare_plan.EXAMPLES}"
        return tuple(self._texts(sql))

    def _vanished(self) -> str:
        return compare_plan.vanished(self._settings.fold_keys, bool(self._settings.only_kept))

    def rows(self) -> str:
        """SELECT for the rows to send."""
        return compare_plan.rows_to_send(
            self._columns, self._settings.order_by, self._sent_verdicts()
        )

    def _sent_verdicts(self) -> list[str] | None:
        if self._settings.send == "all" or self._settings.only_kept:
            return None
        overwritten = ["drifted"] if self._settings.drift == "overwrite" else []
        return ["new", "changed", *overwritten]

    def _run(self, sql: str) -> None:
        self._connection.execute(sql)

    def _one(self, sql: str) -> tuple[Any, ...]:
        row = self._connection.execute(sql).fetchone()
        if row is None:
            raise AssertionError("an aggregate without GROUP BY has one row")
        return tuple(row)

    def _texts(self, sql: str) -> list[str]:
        return [row[0] for row in self._connection.execute(sql).fetchall()]


class _Source:
    """Hands a reader's batches on, and keeps what it raises."""

    def __init__(self, rows: pa.RecordBatchReader) -> None:
        self._rows = rows
        self.error: Exception | None = None

    def reader(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(self._rows.schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._rows
        except Exception as error:
            self.error = error
            raise
