"""Writing a batch of CSV rows: every row that is right, and for each other one why it isn't."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pyarrow as pa

from emulator.events.recording import Recorder
from emulator.schema.model import Schema
from emulator.store.database import Connection
from emulator.store.ingest_checks import check, refuse_contested, refuse_locked
from emulator.store.ingest_stage import Batch, find_rows, stage
from emulator.store.ingest_writes import write
from emulator.store.numbers import Numbers


def ingest(
    connection: Connection,
    schema: Schema,
    numbers: Numbers,
    batch: Batch,
    recorder: Recorder,
    *,
    held: Iterable[str] = (),
    lose: Callable[[set[str]], set[str]] | None = None,
) -> pa.Table:
    """Write a batch, inside the writer's transaction.

    Args:
        held: Ids of rows that late commits hold.
        lose: Which of the batch's parents are locked by batches beside it; None for none.

    Returns:
        A row per row of the batch: `row`, `sf_id` (empty for a row that wasn't created),
        `created`, `error` (null for a row that is written).
    """
    stage(connection, schema, batch)
    find_rows(connection, batch.target)
    refuse_locked(connection, held)
    check(connection, schema, batch, numbers)
    if lose is not None:
        refuse_contested(connection, schema, batch.target, lose)
    write(connection, schema, batch, numbers, recorder)
    # A result of which only a row was fetched would be in the way of `sql`.
    connection.complete()
    outcomes: pa.Table = connection.sql(
        "SELECT row, CASE WHEN creates AND error IS NOT NULL THEN '' ELSE coalesce(id, '') END "
        "AS sf_id, coalesce(creates, false) AS created, error FROM _ingest"
    ).to_arrow_table()
    return outcomes
