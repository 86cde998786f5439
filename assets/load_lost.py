"""Rows of which the org will never tell what became: their job is gone, or it refuses their call.

They end as unprocessed, so that the attempt ends, too, and later runs aren't held up by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from assets.load_spec import Operation
from resources.salesforce.outcomes import RESULT_SCHEMA, outcome_batch

RESULT_LOST = "TIDEGATE_RESULT_LOST"


def lost_message(operation: Operation, cause: str) -> str:
    """What a row's outcome says: why nothing is known of it, and what to do."""
    if operation == "insert":
        remedy = (
            "Look in the org whether it is there, before the load runs again: it is sent again as "
            "long as the source has it"
        )
    else:
        remedy = "The next run computes it anew, and sends it if it still has to be"
    return f"Whether the org took this row is unknown: {cause}. {remedy}."


def lost_outcomes(
    frame: Iterable[pa.RecordBatch], job_id: str | None, message: str
) -> Iterator[pa.RecordBatch]:
    """An outcome per row of a part that never got its own."""
    for rows in frame:
        nothing = {"error_code": RESULT_LOST, "error_message": message}
        results = pa.Table.from_pylist([nothing] * rows.num_rows, schema=RESULT_SCHEMA)
        yield outcome_batch(pa.Table.from_batches([rows]), results, job_id)
