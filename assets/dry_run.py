"""What a load would do to the org, found out without writing anything anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from assets.dry_run_plan import Change, Effect, cheaper_api, effect, sorted_choices
from assets.load_target import LoadTarget
from assets.org_rows import OrgRows, RecordShape, RestRows, bulk_rows, query_keys
from assets.outbound_rows import split
from assets.outbound_run import OutboundRows
from resources.salesforce.client import SalesforceClient
from resources.warehouse.load_adapter import KEY, LoadComparison

MOST_EXAMPLES = 20
ROWS_AT_ONCE = 2_000


@dataclass(frozen=True)
class DryRunExample:
    """A record that would be created or changed."""

    key: str
    effect: Effect
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class DryRun:
    """Rows by what sending them would do.

    Args:
        creates: No record has the key.
        updates: The record has other values.
        deletes: The record is there, and would be deleted.
        same_in_org: They would be sent, and the record has these values already.
        not_in_org: There's no record to update or delete: such rows will fail.
        refused: They have a value that the org can't take, and won't be sent.
        unchanged: Accepted earlier as they are; not sent.
        problems: What is wrong with the refused ones, in sentences.
    """

    creates: int
    updates: int
    deletes: int
    same_in_org: int
    not_in_org: int
    refused: int
    unchanged: int
    api_calls: int
    problems: tuple[str, ...]
    examples: tuple[DryRunExample, ...]


def dry_run(client: SalesforceClient, rows: OutboundRows) -> DryRun:
    """Compare the rows that would be sent with the org's records.

    Raises:
        LoadMappingError, LoadKeyError: As a run would.
    """
    target = rows.check()
    counts: Counter[str] = Counter()
    examples: list[DryRunExample] = []
    with rows.compared(target, None, dry_run=True) as comparison:
        with _records(client, rows, target, comparison) as (shape, records):
            for batch in _pieces(comparison.rows):
                good, refused = split(batch)
                counts["refused"] += refused.num_rows
                for found in _effects(rows, shape, records, good):
                    counts[found.effect] += 1
                    if found.changes and len(examples) < MOST_EXAMPLES:
                        examples.append(found)
        diff = comparison.diff
    return DryRun(
        creates=counts["creates"],
        updates=counts["updates"],
        deletes=counts["deletes"],
        same_in_org=counts["same_in_org"],
        not_in_org=counts["not_in_org"],
        refused=counts["refused"],
        unchanged=diff.unchanged + diff.in_sync,
        api_calls=client.api_calls,
        problems=rows.problems,
        examples=tuple(examples),
    )


def _effects(
    rows: OutboundRows, shape: RecordShape | None, records: OrgRows | None, batch: pa.RecordBatch
) -> Iterator[DryRunExample]:
    keys: list[str] = [str(key) for key in batch.column(KEY).to_pylist()]
    found = records.find(keys) if records is not None and keys else {}
    for key, row in zip(keys, batch.to_pylist(), strict=True):
        there = found.get(shape.folded(key)) if shape else None
        cells = {
            name: _comparable(shape, name, cell)
            for name, cell in row.items()
            if not name.startswith("_") and name != rows.spec.key_field
        }
        what, changes = effect(rows.spec.operation, cells, there)
        yield DryRunExample(key, what, tuple(changes))


@contextmanager
def _records(
    client: SalesforceClient, rows: OutboundRows, target: LoadTarget, comparison: LoadComparison
) -> Iterator[tuple[RecordShape | None, OrgRows | None]]:
    """The org's records by the API that needs fewer calls; an insert looks for none."""
    if rows.spec.operation == "insert" or comparison.diff.to_send == 0:
        yield None, None
        return
    shape = RecordShape(rows.spec, target)
    per_query = query_keys(shape, ["0" * _usual_key_characters(target, shape)])
    if cheaper_api(comparison.diff.to_send, per_query) == "rest":
        yield shape, RestRows(client, shape)
        return
    with bulk_rows(client, shape) as records:
        yield shape, records


def _usual_key_characters(target: LoadTarget, shape: RecordShape) -> int:
    """Keys are shorter than their field most of the time; this only decides by which API."""
    [key] = [column for column in target.columns if column.name == shape.key_field]
    return min(key.typed.length or 18, 24)


def _comparable(shape: RecordShape | None, name: str, cell: str) -> str:
    if shape is None:
        return cell
    [column] = [one for one in shape.columns if one.name == name]
    return sorted_choices(cell) if column.typed.type == "multipicklist" else cell


def _pieces(batches: Sequence[pa.RecordBatch] | pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, ROWS_AT_ONCE):
            yield batch.slice(start, ROWS_AT_ONCE)
