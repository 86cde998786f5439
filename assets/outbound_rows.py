"""Turns rows of a load's query into what is compared and sent: key, content hash and cells."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute

from resources.salesforce.load_cells import MOST_EXAMPLES, CellProblem, render_cells, shown
from resources.salesforce.load_columns import CLEAR, LEAVE, LoadColumn
from resources.warehouse.load_adapter import HASH, KEY, OUTCOME_SCHEMA

pc: Any = pyarrow.compute  # the stubs know only some of the forms of its functions

#: Why a row isn't sent, as JSON of its outcome's ``error_`` columns; empty for the others. Travels
#: with the row through the comparison.
REFUSED = "_refused"
#: Begins the error codes of rows that weren't sent.
OWN_CODE = "TIDEGATE_"
MISSING = "are null, and every new record needs a value"


@dataclass
class _Seen:
    rows: int = 0
    cause: str = ""
    examples: dict[str, None] = field(default_factory=dict)


class RowProblems:
    """What is wrong with rows of all batches, by column and kind."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], _Seen] = {}

    def add(self, problems: Sequence[CellProblem]) -> None:
        """Count those of one batch."""
        for problem in problems:
            seen = self._seen.setdefault((problem.column, problem.kind), _Seen())
            seen.rows += problem.rows
            seen.cause = problem.cause
            room = MOST_EXAMPLES - len(seen.examples)
            seen.examples |= dict.fromkeys(problem.examples[:room])

    def sentences(self) -> list[str]:
        """One per column and kind, with rows and examples."""
        return [
            f"{column}: {seen.rows:,} row(s) {seen.cause}"
            + (f", such as {', '.join(map(repr, seen.examples))}" if seen.examples else "")
            for (column, _), seen in self._seen.items()
        ]


class RowMaker:
    """Makes rows of batches, all with the same columns.

    Args:
        columns: The mapped columns, in the order of the mapping.
        sources: The query's column of each.
        key_field: Which of them is the key; None: rows are known by their content.
        mapping_version: Goes into the hash.
        required: Columns that need a value in each row.
    """

    def __init__(
        self,
        columns: Sequence[LoadColumn],
        sources: Mapping[str, str],
        key_field: str | None,
        mapping_version: str,
        required: Sequence[str] = (),
    ) -> None:
        self._columns, self._sources = columns, sources
        self._key_field, self._version = key_field, mapping_version
        self._required = [name for name in required if name != key_field]
        self.problems = RowProblems()
        self.source_rows = 0

    @property
    def schema(self) -> pa.Schema:
        return row_schema(self._columns)

    def rows(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch as text, with key, hash and what is wrong with single rows."""
        self.source_rows += batch.num_rows
        picked = pa.RecordBatch.from_arrays(
            [batch.column(self._sources[column.name]) for column in self._columns],
            names=[column.name for column in self._columns],
        )
        cells, problems = render_cells(picked, self._columns)
        cells = _with_refused_values(cells, picked, problems)
        problems += self._missing(cells)
        self.problems.add(problems)
        hashes = content_hashes(cells, self._version)
        key = cells.column(self._key_field) if self._key_field else hashes
        arrays = [_known(key), hashes, *cells.columns, _refusals(batch.num_rows, problems)]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _missing(self, cells: pa.RecordBatch) -> list[CellProblem]:
        """A new record needs a value where an upsert or update may leave the field alone."""
        problems = []
        for name in self._required:
            missing = pc.indices_nonzero(pc.equal(cells.column(name), LEAVE)).to_pylist()
            if missing:
                problems.append(CellProblem(name, "null_not_allowed", tuple(missing), (), MISSING))
        return problems


def _refusals(rows: int, problems: Sequence[CellProblem]) -> pa.Array[Any]:
    """What is wrong with each row."""
    by_row: dict[int, list[tuple[str, str, str]]] = {}
    for problem in problems:
        for number in problem.row_numbers:
            by_row.setdefault(number, []).append((problem.column, problem.kind, problem.cause))
    texts = [""] * rows
    for number, found in by_row.items():
        said = "; ".join(f"values of {column} {cause}" for column, _, cause in found)
        texts[number] = _refusal(
            f"{OWN_CODE}{found[0][1].upper()}",
            f"Not sent: {said}",
            list(dict.fromkeys(column for column, _, _ in found)),
        )
    return pa.array(texts, pa.string())


def _refusal(code: str, message: str, fields: Sequence[str]) -> str:
    return json.dumps({"error_code": code, "error_message": message, "error_fields": fields})


def _with_refused_values(
    cells: pa.RecordBatch, source: pa.RecordBatch, problems: Sequence[CellProblem]
) -> pa.RecordBatch:
    """The cells, with values that can't be sent as they came: they are kept, and shown."""
    columns = dict(zip(cells.schema.names, cells.columns, strict=True))
    for problem in problems:
        numbers = pa.array(problem.row_numbers, pa.int64())
        flags = pc.is_in(pa.array(range(cells.num_rows), pa.int64()), value_set=numbers)
        values = [shown(value) or LEAVE for value in source.column(problem.column).take(numbers)]
        columns[problem.column] = pc.replace_with_mask(
            columns[problem.column], flags, pa.array(values, pa.string())
        )
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def row_schema(columns: Sequence[LoadColumn]) -> pa.Schema:
    """Key, hash, a text column per mapped one, and what is wrong with the row."""
    names = [KEY, HASH, *(column.name for column in columns), REFUSED]
    return pa.schema([pa.field(name, pa.string()) for name in names])


def content_hashes(cells: pa.RecordBatch, version: str) -> pa.Array[Any]:
    """128 bits in hex over all cells of a row and the mapping's version.

    The lengths stand before the texts, so that no two rows are the same text by accident. The
    cells are ordered by field, as the version names the fields: then a field that gets another's
    values is a change, and another order of the mapping is none.
    """
    columns = [cells.column(name) for name in sorted(cells.schema.names)]
    lengths = [pc.cast(pc.binary_length(column), pa.string()) for column in columns]
    joined = pc.binary_join_element_wise(*lengths, *columns, "\x1f")
    start = hashlib.blake2b(version.encode(), digest_size=16)
    return pa.array((_digest(start, text) for text in joined.to_pylist()), pa.string())


def _digest(start: Any, text: str) -> str:
    digest = start.copy()
    digest.update(text.encode())
    return str(digest.hexdigest())


def _known(key: pa.Array[Any]) -> pa.Array[Any]:
    """Null where there's no key, which the comparison refuses."""
    empty = pc.or_(pc.equal(key, LEAVE), pc.equal(key, CLEAR))
    known: pa.Array[Any] = pc.if_else(empty, pa.scalar(None, pa.string()), key)
    return known


def split(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Rows to send, and the outcomes of those that are refused."""
    good = pc.equal(batch.column(REFUSED), "")
    cells = [name for name in batch.schema.names if name != REFUSED]
    return batch.filter(good).select(cells), _outcomes(batch.filter(pc.invert(good)))


def _outcomes(refused: pa.RecordBatch) -> pa.RecordBatch:
    rows = refused.to_pylist()
    return pa.RecordBatch.from_pylist([_outcome(row) for row in rows], schema=OUTCOME_SCHEMA)


def _outcome(row: Mapping[str, str]) -> dict[str, Any]:
    payload = {name: cell for name, cell in row.items() if not name.startswith("_")}
    return {
        KEY: row[KEY],
        HASH: row[HASH],
        "outcome": "failed",
        "sf_id": None,
        "created": None,
        **json.loads(row[REFUSED]),
        "payload": json.dumps(payload, ensure_ascii=False),
        "job_id": None,
    }


def kept_batches(
    kept: Iterator[pa.RecordBatch], schema: pa.Schema, version: str
) -> Iterator[pa.RecordBatch]:
    """Rows as they were sent, from their payload; a field that they hadn't is left alone.

    Those that were refused stay so: their payload holds what the org mustn't get as it stands.
    """
    names = [name for name in schema.names if not name.startswith("_")]
    for batch in kept:
        payloads = [json.loads(text or "{}") for text in batch.column("payload").to_pylist()]
        arrays = [
            pa.array([payload.get(name, LEAVE) for payload in payloads], pa.string())
            for name in names
        ]
        cells = pa.RecordBatch.from_arrays(arrays, names=names)
        refused = pa.array(_kept_refusals(batch), pa.string())
        columns = [batch.column(KEY), content_hashes(cells, version), *arrays, refused]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _kept_refusals(kept: pa.RecordBatch) -> Iterator[str]:
    said = kept.select(["outcome", "error_code", "error_message", "error_fields"]).to_pydict()
    for outcome, code, message, fields in zip(*said.values(), strict=True):
        # An unprocessed one has a code of ours, too, when the org can't tell what became of it.
        own = outcome == "failed" and code is not None and code.startswith(OWN_CODE)
        yield _refusal(code, message, fields) if own else ""
