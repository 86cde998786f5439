"""What became of each row of an upload: the three result files joined with what was sent.

Every row sent gets exactly one outcome. Salesforce keeps no order, so rows are found again by their
key, or by all their cells where there is none; rows found in no file weren't processed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute

from resources.salesforce.csv_parts import cell_names
from resources.salesforce.csv_source import Source
from resources.salesforce.errors import ResultRowsError
from resources.salesforce.result_file import read_result_file
from resources.salesforce.result_match_plan import matched, row_codes
from resources.salesforce.row_error import parse_row_error

compute: Any = pyarrow.compute  # the stubs know only some of the forms of its functions
OUTCOME_FIELDS: list["pa.Field[Any]"] = [
    pa.field("_key", pa.string()),
    pa.field("_hash", pa.string()),
    pa.field("outcome", pa.string()),  # accepted, failed, unprocessed
    pa.field("sf_id", pa.string()),  # 18 characters; null where no row was made or found
    pa.field("created", pa.bool_()),  # null unless accepted
    pa.field("error_code", pa.string()),  # null unless failed, or lost
    pa.field("error_message", pa.string()),
    pa.field("error_fields", pa.list_(pa.string())),
    pa.field("payload", pa.string()),  # JSON of the cells; null when accepted
    pa.field("job_id", pa.string()),  # null without a job
]
OUTCOME_SCHEMA = pa.schema(OUTCOME_FIELDS)
# What an answer says of a row; all null where there is none.
RESULT_FIELDS: list["pa.Field[Any]"] = [
    pa.field("accepted", pa.bool_()),
    pa.field("sf_id", pa.string()),
    pa.field("created", pa.bool_()),
    pa.field("error_code", pa.string()),
    pa.field("error_message", pa.string()),
    pa.field("error_fields", pa.list_(pa.string())),
]
RESULT_SCHEMA = pa.schema(RESULT_FIELDS)
BATCH_ROWS = 16_384
NOT_LISTED = "None of the job's three result files lists this row."


@dataclass(frozen=True)
class ResultFiles:
    """The result files of one job: paths, bytes, or seekable files."""

    successful: Source
    failed: Source
    unprocessed: Source


def read_outcomes(
    frame: Iterable[pa.RecordBatch],
    files: ResultFiles,
    *,
    key: str | None,
    job_id: str,
    job_error: str = "",
) -> Iterator[pa.RecordBatch]:
    """The outcome of every row of one upload, in the frame's order.

    Args:
        frame: The rows that were uploaded: cells, ``_key`` and ``_hash``. Held in memory.
        key: The cell column that tells rows apart: the external id, or ``Id``. None, or values
            that occur twice: rows are told apart by all cells, and equal ones are interchangeable.
        job_error: The job's own error, for rows that weren't processed.

    Yields:
        Batches of ``OUTCOME_SCHEMA``. Rows that no file lists are ``unprocessed``, like those of
        the third file.

    Raises:
        BrokenBodyError: A file stops within a value.
        ColumnMismatchError: A file has other columns than the frame.
        ResultRowsError: A file lists rows that weren't sent; no outcome is yielded.
    """
    sent = pa.Table.from_batches(list(frame))
    names = _telling_apart(sent, key)
    successful = read_result_file(files.successful, ["sf__Id", "sf__Created"], names)
    failed = read_result_file(files.failed, ["sf__Id", "sf__Error"], names)
    unprocessed = read_result_file(files.unprocessed, [], names)
    answered = pa.concat_tables([successful.select(names), failed.select(names)])
    codes = row_codes([sent.select(names), answered, unprocessed.select(names)])
    result_rows, surplus = matched(codes[0], codes[1])
    strangers = int(np.isin(codes[2], codes[0], invert=True).sum())
    if surplus or strangers:
        raise ResultRowsError(job_id, surplus + strangers, sent.num_rows)
    listed, _ = matched(codes[0], codes[2])
    results = pa.concat_tables([_accepted(successful), _failed(failed)])
    messages = pa.array(np.where(listed >= 0, job_error, NOT_LISTED), pa.string())
    places = pa.Array.from_pandas(result_rows, mask=result_rows < 0)
    for start in range(0, sent.num_rows, BATCH_ROWS):
        piece = sent.slice(start, BATCH_ROWS)
        found = results.take(places.slice(start, BATCH_ROWS))
        yield outcome_batch(piece, found, job_id, messages.slice(start, BATCH_ROWS))


def outcome_batch(
    sent: pa.Table,
    results: pa.Table,
    job_id: str | None,
    unprocessed_messages: "pa.Array[Any] | None" = None,
) -> pa.RecordBatch:
    """Outcomes from rows and their results, in the same order; a row of nulls is no result.

    ``results`` has the columns of ``RESULT_SCHEMA``.
    """
    answered = compute.is_valid(results["accepted"])
    outcome = compute.if_else(results["accepted"], "accepted", "failed")
    said = results["error_message"]
    if unprocessed_messages is not None:
        silent = compute.equal(unprocessed_messages, "")
        reasons = compute.if_else(silent, pa.scalar(None, pa.string()), unprocessed_messages)
        said = compute.if_else(answered, said, reasons)
    columns = {
        **{name: sent[name] for name in ("_key", "_hash")},
        **{name: results[name] for name in RESULT_SCHEMA.names},
        "outcome": compute.fill_null(outcome, "unprocessed"),
        "error_message": said,
        "payload": _payloads(sent, results["accepted"].to_pylist()),
        "job_id": pa.repeat(pa.scalar(job_id, pa.string()), sent.num_rows),
    }
    arrays = [_array(columns[field.name], field.type) for field in OUTCOME_SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=OUTCOME_SCHEMA)


def _telling_apart(sent: pa.Table, key: str | None) -> list[str]:
    if key is not None and compute.count_distinct(sent[key]).as_py() == sent.num_rows:
        return [key]
    return cell_names(sent.schema)


def _accepted(successful: pa.Table) -> pa.Table:
    created = compute.equal(compute.utf8_lower(successful["sf__Created"]), "true")
    accepted = pa.repeat(True, successful.num_rows)
    columns = {"accepted": accepted, "sf_id": _ids(successful), "created": created}
    return _with_nulls(columns, successful.num_rows)


def _failed(failed: pa.Table) -> pa.Table:
    # Cells of a result file are never null.
    texts = cast(list[str], failed["sf__Error"].to_pylist())
    errors = [parse_row_error(text) for text in texts]
    columns = {
        "accepted": pa.repeat(False, failed.num_rows),
        "sf_id": _ids(failed),
        "error_code": [error.code or None for error in errors],
        "error_message": [error.message for error in errors],
        "error_fields": [list(error.fields) for error in errors],
    }
    return _with_nulls(columns, failed.num_rows)


def _ids(rows: pa.Table) -> Any:
    none = pa.scalar(None, pa.string())
    return compute.if_else(compute.equal(rows["sf__Id"], ""), none, rows["sf__Id"])


def _with_nulls(columns: Mapping[str, Any], rows: int) -> pa.Table:
    arrays = [
        _array(columns[field.name], field.type)
        if field.name in columns
        else pa.nulls(rows, field.type)
        for field in RESULT_SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=RESULT_SCHEMA)


def _payloads(sent: pa.Table, accepted: Sequence[bool | None]) -> list[str | None]:
    names = cell_names(sent.schema)
    kept = [row for row, good in enumerate(accepted) if not good]
    cells = sent.select(names).take(pa.array(kept, pa.int64())).to_pylist()
    payloads: list[str | None] = [None] * len(accepted)
    for row, values in zip(kept, cells, strict=True):
        payloads[row] = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return payloads


def _array(values: Any, kind: pa.DataType) -> "pa.Array[Any]":
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    return values if isinstance(values, pa.Array) else pa.array(values, kind)
