"""Loads for tests: rows as short tuples, outcomes as short words."""

import hashlib
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from resources.warehouse.load_adapter import HASH, KEY, OUTCOME_SCHEMA

ORG = "00D000000000001AAA"
START = datetime(2026, 9, 1, tzinfo=UTC)


def at(second):
    return START + timedelta(seconds=second)


def content_hash(cells):
    return hashlib.sha256("\x1f".join(cells).encode()).hexdigest()[:32]


def load_rows(rows, cells=("Key__c", "Value__c")):
    """Rows as (key, cell…): the first cell is the key too."""
    rows = [tuple(row) for row in rows]
    columns = [[row[0] for row in rows], [content_hash(row) for row in rows]]
    columns += [[row[n] for row in rows] for n in range(len(cells))]
    batch = pa.RecordBatch.from_arrays(
        [pa.array(column, pa.string()) for column in columns], names=[KEY, HASH, *cells]
    )
    return pa.RecordBatchReader.from_batches(batch.schema, [batch])


def outcome_rows(outcomes):
    """Outcomes of rows as {row: "accepted" | "created" | "failed" | "unprocessed"}."""
    rows = [
        {
            KEY: row[0],
            HASH: content_hash(row),
            "outcome": "accepted" if outcome == "created" else outcome,
            "sf_id": "a00" + row[0] if outcome in ("accepted", "created") else None,
            "created": outcome == "created" if outcome in ("accepted", "created") else None,
            "error_code": "REQUIRED_FIELD_MISSING" if outcome == "failed" else None,
            "error_message": "missing" if outcome == "failed" else None,
            "error_fields": ["Value__c"] if outcome == "failed" else None,
            "payload": None if outcome in ("accepted", "created") else "|".join(row),
            "job_id": "750A",
        }
        for row, outcome in outcomes.items()
    ]
    table = pa.Table.from_pylist(rows, schema=OUTCOME_SCHEMA)
    return pa.RecordBatchReader.from_batches(OUTCOME_SCHEMA, table.to_batches())


def record(warehouse, outcomes, *, attempt="loads/1", part=0, second=10, **settings):
    return warehouse.record_outcomes(
        "orders",
        outcome_rows(outcomes),
        attempt=attempt,
        part=part,
        sent_at=at(second),
        accepted_at=at(second + 1),
        **{"run_id": "run-1", "org_id": ORG, "object_name": "Order__c", **settings},
    )


def compare(warehouse, rows, **settings):
    """Keys to send in order, and the comparison."""
    with warehouse.compare_load("orders", load_rows(rows), **{"org_id": ORG, **settings}) as found:
        return found.rows.read_all().column(KEY).to_pylist(), found
