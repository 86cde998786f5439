"""Rows sent by sObject collections: up to 200 in one call, answered at once."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal
from urllib.parse import quote

import pyarrow as pa

from resources.salesforce.collection_body import collection_body
from resources.salesforce.errors import AnswerError, RecordError
from resources.salesforce.load_columns import LoadColumn
from resources.salesforce.outcomes import RESULT_SCHEMA, outcome_batch
from resources.salesforce.transport import ApiRequest, JsonAnswer, Transport

CALL_ROWS = 200  # REST API guide; more are refused
CollectionOperation = Literal["upsert", "update"]


class Collections:
    """The sObject collections of one org. Deletes and inserts go by Bulk.

    A lost answer to an insert couldn't be made up for; an upsert or update is simply sent again.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def write(
        self,
        object_name: str,
        operation: CollectionOperation,
        external_id: str | None,
        rows: pa.RecordBatch,
        columns: Sequence[LoadColumn],
    ) -> pa.RecordBatch:
        """Send up to 200 rows by one call; each succeeds or fails by itself.

        When the org can't read the call as a whole, its halves are sent apart, until only the rows
        that it can't read are left; these are ``failed``.

        Args:
            external_id: The field by which rows are found; None for ``update``, by ``Id``.
            rows: Cells, ``_key`` and ``_hash``.
            columns: What the cells are; gives them their JSON types.

        Returns:
            ``OUTCOME_SCHEMA``, in the order of ``rows``, without job. ``created`` is false for rows
            that a first try made whose answer was lost.

        Raises:
            TransientError: Some rows may have been written; send the same again.
            SalesforceError: The org refuses the call for another reason than its rows.
        """
        if rows.num_rows > CALL_ROWS:
            raise ValueError(f"{rows.num_rows:,} rows; a call takes {CALL_ROWS}")
        results = self._results(object_name, operation, external_id, rows, columns)
        table = pa.Table.from_pylist(results, schema=RESULT_SCHEMA)
        sent = pa.Table.from_batches([rows])
        return outcome_batch(sent, table, None)

    def _results(
        self,
        object_name: str,
        operation: CollectionOperation,
        external_id: str | None,
        rows: pa.RecordBatch,
        columns: Sequence[LoadColumn],
    ) -> list[dict[str, Any]]:
        path = f"{self._transport.base}/composite/sobjects"
        if operation == "upsert":
            path = f"{path}/{quote(object_name)}/{quote(external_id or 'Id')}"
        body = collection_body(object_name, rows, columns)
        headers = {"Content-Type": "application/json; charset=UTF-8"}
        try:
            answer = self._transport.json(ApiRequest("PATCH", path, headers, body=body))
        except RecordError as error:
            if rows.num_rows == 1:
                return [_unreadable(error)]
            half = rows.num_rows // 2
            halves = (rows.slice(0, half), rows.slice(half))
            return [
                result
                for part in halves
                for result in self._results(object_name, operation, external_id, part, columns)
            ]
        return _parsed(answer, path, rows.num_rows)


def calls(frame: Iterable[pa.RecordBatch], call_rows: int = CALL_ROWS) -> Iterator[pa.RecordBatch]:
    """The rows of a frame as batches of ``call_rows``, the last one maybe shorter."""
    waiting: list[pa.RecordBatch] = []
    for batch in frame:
        waiting.append(batch)
        while sum(piece.num_rows for piece in waiting) >= call_rows:
            whole = _one_batch(waiting)
            yield whole.slice(0, call_rows)
            waiting = [whole.slice(call_rows)]
    if sum(piece.num_rows for piece in waiting):
        yield _one_batch(waiting)


def _one_batch(pieces: list[pa.RecordBatch]) -> pa.RecordBatch:
    return pa.Table.from_batches(pieces).combine_chunks().to_batches()[0]


def _parsed(answer: JsonAnswer, path: str, rows: int) -> list[dict[str, Any]]:
    found = answer.json
    if not isinstance(found, list) or len(found) != rows:
        cause = f"it isn't a list of {rows} results"
        kind = answer.headers.get("Content-Type", "")
        raise AnswerError("PATCH", path, answer.status, kind, len(answer.body), cause)
    return [_result(entry) for entry in found]


def _result(entry: dict[str, Any]) -> dict[str, Any]:
    """A record's answer as ``RESULT_SCHEMA``; errors name their code ``statusCode`` here."""
    if entry.get("success"):
        created = bool(entry.get("created", False))
        return {"accepted": True, "sf_id": entry.get("id"), "created": created}
    errors = entry.get("errors") or [{}]
    fields = [name for error in errors for name in error.get("fields") or ()]
    return {
        "accepted": False,
        "sf_id": entry.get("id"),
        "error_code": str(errors[0].get("statusCode") or errors[0].get("errorCode") or ""),
        "error_message": "; ".join(str(error.get("message", "")) for error in errors),
        "error_fields": list(dict.fromkeys(fields)),
    }


def _unreadable(error: RecordError) -> dict[str, Any]:
    return {
        "accepted": False,
        "error_code": error.code,
        "error_message": "The org couldn't read this row.",
        "error_fields": list(error.fields),
    }
