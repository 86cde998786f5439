"""Finds an org's records by a load's key: by short queries, or by one job for all of them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from assets.dry_run_plan import key_range, keys_per_query, sorted_choices
from assets.load_spec import LoadSpec
from assets.load_target import LoadTarget
from assets.scratch_tables import scratch_tables
from resources.salesforce import soql
from resources.salesforce.arrow_types import NUMBER_TYPES
from resources.salesforce.client import SalesforceClient
from resources.salesforce.load_cells import render_cells
from resources.salesforce.load_columns import LEAVE, LoadColumn
from resources.warehouse.load_adapter import KEY

Cells = dict[str, str]
ID_CHARACTERS = 15  # the other three repeat the case of these


class OrgRows(Protocol):
    """Records of the loaded object by key."""

    def find(self, keys: Sequence[str]) -> Mapping[str, Cells]:
        """Values of the mapped fields as cells, by ``folded`` key; who isn't there has none."""
        ...


class RecordShape:
    """How records are asked for, and how their values are compared with cells."""

    def __init__(self, spec: LoadSpec, target: LoadTarget) -> None:
        assert spec.key_field is not None
        self.object, self.key_field = target.describe.name, spec.key_field
        self.columns = [replace(column, nulls="clear") for column in target.columns]
        self._fold = target.fold_keys
        [self._key] = [column for column in target.columns if column.name == spec.key_field]

    @property
    def fields(self) -> list[str]:
        """What is selected, one per column: a parent's field by its relationship."""
        return [_path(column) for column in self.columns]

    def folded(self, key: str) -> str:
        """The key in the form in which keys are compared."""
        if self._key.field.type == "id":
            return key[:ID_CHARACTERS]
        return key.lower() if self._fold else key

    def query(self, keys: Sequence[str]) -> str:
        """The records of these keys."""
        wanted = soql.in_list(self.key_field, [self._literal(key) for key in keys])
        return soql.select(self.object, self.fields, where=wanted)

    @property
    def query_of_all(self) -> str:
        """Every record that has a key."""
        return soql.select(self.object, self.fields, where=f"{self.key_field} != null")

    def cells(self, rows: pa.RecordBatch) -> dict[str, Cells]:
        """By folded key; ``rows`` has a text column per mapped one, null for nothing."""
        rendered, problems = render_cells(rows, [_lenient(column) for column in self.columns])
        texts = {name: rendered.column(name).to_pylist() for name in rendered.schema.names}
        for problem in problems:  # The org holds what it would refuse now: shown as it is.
            raw = rows.column(problem.column).to_pylist()
            for number in problem.row_numbers:
                texts[problem.column][number] = raw[number] or LEAVE
        for column in self.columns:
            if column.typed.type == "multipicklist":
                texts[column.name] = [sorted_choices(text or LEAVE) for text in texts[column.name]]
        found = [dict(zip(texts, row, strict=True)) for row in zip(*texts.values(), strict=True)]
        return {self.folded(cells[self.key_field]): cells for cells in found}

    def _literal(self, key: str) -> soql.Value:
        return Decimal(key) if self._key.field.type in NUMBER_TYPES else key


class RestRows:
    """Asks by short queries, as many keys in each as a URL takes."""

    def __init__(self, client: SalesforceClient, shape: RecordShape) -> None:
        self._client, self._shape = client, shape

    def find(self, keys: Sequence[str]) -> Mapping[str, Cells]:
        """See ``OrgRows.find``."""
        found: dict[str, Cells] = {}
        for some in key_range(keys, query_keys(self._shape, keys)):
            for page in self._client.rest_pages(self._shape.query(some)):
                records = json.loads(page.body, parse_float=Decimal)["records"]
                found |= self._shape.cells(_flat(records, self._shape))
        return found


class BulkRows:
    """Records of one query job in a scratch table."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, shape: RecordShape) -> None:
        self._connection, self._shape = connection, shape

    def find(self, keys: Sequence[str]) -> Mapping[str, Cells]:
        """See ``OrgRows.find``."""
        wanted = pa.table({KEY: [self._shape.folded(key) for key in keys]})
        self._connection.register("wanted", wanted)
        try:
            names = ", ".join(f'"{column.name}"' for column in self._shape.columns)
            answer = self._connection.sql(
                f'SELECT {names} FROM org SEMI JOIN wanted USING ("{KEY}")'
            ).to_arrow_table()
            assert answer is not None
        finally:
            self._connection.unregister("wanted")
        found: dict[str, Cells] = {}
        for batch in answer.to_batches():
            found |= self._shape.cells(batch)
        return found


@contextmanager
def bulk_rows(client: SalesforceClient, shape: RecordShape) -> Iterator[BulkRows]:
    """All records of the object, downloaded by one job into a file that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder, scratch_tables() as tables:
        files = _download(client, shape, Path(folder))
        tables.execute(f'CREATE TABLE org ("{KEY}" VARCHAR, {_column_list(shape)})')
        for file in files:
            tables.execute(
                "CREATE TEMP TABLE page AS SELECT * FROM read_csv("
                "?, header = true, all_varchar = true, quote = '\"', escape = '\"', delim = ',', "
                "nullstr = '', strict_mode = true)",
                [str(file)],
            )
            _add_page(tables, shape)
            tables.execute("DROP TABLE page")
        yield BulkRows(tables, shape)


def query_keys(shape: RecordShape, keys: Sequence[str]) -> int:
    """How many of these keys one query takes."""
    room = soql.LONGEST_QUERY_BYTES - soql.url_bytes(shape.query([""] if keys else []))
    longest = max((soql.url_bytes(key) for key in keys), default=1)
    return keys_per_query(room, longest)


def _download(client: SalesforceClient, shape: RecordShape, folder: Path) -> list[Path]:
    job = client.bulk.submit(shape.query_of_all)
    try:
        complete = client.bulk.wait(job.id)
        files: list[Path] = []

        def open_page(_locator: str | None) -> Any:
            files.append(folder / f"{len(files):05d}.csv")
            return files[-1].open("w+b")

        for _page in client.bulk.pages(complete, open_page):
            pass
        return files
    finally:
        client.bulk.delete(job.id)


def _add_page(tables: duckdb.DuckDBPyConnection, shape: RecordShape) -> None:
    named = tables.execute("SELECT * FROM page LIMIT 0").description or []
    spelled = {column[0].lower(): column[0] for column in named}
    picked = ", ".join(f'"{spelled[field.lower()]}"' for field in shape.fields)
    key = f'"{spelled[shape.key_field.lower()]}"'
    tables.create_function("folded", shape.folded, [str], str)
    tables.execute(f"INSERT INTO org SELECT folded({key}), {picked} FROM page")
    tables.remove_function("folded")


def _column_list(shape: RecordShape) -> str:
    return ", ".join(f'"{column.name}" VARCHAR' for column in shape.columns)


def _flat(records: Sequence[Mapping[str, Any]], shape: RecordShape) -> pa.RecordBatch:
    arrays = [
        pa.array([_text(_value(record, field)) for record in records], pa.string())
        for field in shape.fields
    ]
    return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in shape.columns])


def _value(record: Mapping[str, Any], path: str) -> Any:
    value: Any = record
    for name in path.split("."):
        value = None if value is None else value[name]
    return value


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _path(column: LoadColumn) -> str:
    if column.relationship is None:
        return column.field.name
    assert column.parent is not None
    return f"{column.relationship}.{column.parent.name}"


def _lenient(column: LoadColumn) -> LoadColumn:
    """The org's own values are null where it lets them be."""
    return replace(column, field=replace(column.field, nillable=True))
