"""Platform events made of rows, sent in requests as large as advised, with a result for each."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any, NamedTuple
from uuid import uuid4

import pyarrow as pa
from fastavro import schemaless_writer
from fastavro.validation import validate

from resources.salesforce.errors import TransientError
from resources.salesforce.pubsub.connection import Connection
from resources.salesforce.pubsub.errors import (
    EventFieldsError,
    PubSubCallError,
)
from resources.salesforce.pubsub.event_schema import parse_event_schema
from resources.salesforce.pubsub.generated import pubsub_api_pb2 as api

# Advised: at most 200 events and 3 MB per request; the server refuses 4 MB.
REQUEST_EVENTS = 200
REQUEST_BYTES = 3_000_000
LONGEST_EVENT_BYTES = 1_000_000
BATCH_ROWS = 1_000
CREATED_DATE, CREATED_BY = "CreatedDate", "CreatedById"
COLUMNS: dict[str, pa.DataType] = {
    "row": pa.int64(),
    "event_id": pa.string(),
    "outcome": pa.string(),
    "replay_id": pa.binary(),
    "error": pa.string(),
}
#: A row per event, in the order of the rows. ``queued``: the org has it. ``refused``: it won't.
#: ``in_doubt``: the answer was lost, the org may have it. ``unsent``: never sent.
RESULTS = pa.schema(COLUMNS)


class Result(NamedTuple):
    """What became of one row."""

    row: int
    event_id: str
    outcome: str
    replay_id: bytes | None = None
    error: str | None = None


class Encoded(NamedTuple):
    """One event ready to send."""

    row: int
    event_id: str
    payload: bytes


def publish_rows(
    connection: Connection,
    channel: str,
    schema_id: str,
    schema_json: str,
    rows: Any,
    *,
    on_sent: Callable[[int], None],
) -> pa.RecordBatch:
    """Publish all rows; none is sent before all are encoded.

    ``CreatedDate`` and ``CreatedById`` are filled in where rows lack them; absent fields are null.

    Returns:
        ``RESULTS``; queued means published, there is no later refusal that could be seen.

    Raises:
        EventFieldsError: A column isn't a field of the event, or a value isn't of its type.
        PubSubCallError: The first request was refused as a whole; nothing was published.
    """
    events = _encode(connection, channel, schema_id, schema_json, _as_table(rows))
    results = [
        Result(event.row, event.event_id, "refused", error=_too_long(event))
        for event in events
        if len(event.payload) > LONGEST_EVENT_BYTES
    ]
    ending: str | None = None
    for request in _requests([e for e in events if len(e.payload) <= LONGEST_EVENT_BYTES]):
        on_sent(len(results))
        if ending is not None:
            results += (Result(e.row, e.event_id, "unsent", error=ending) for e in request)
            continue
        try:
            results += _send(connection, channel, schema_id, request)
        except PubSubCallError as error:
            if not any(result.outcome in ("queued", "in_doubt") for result in results) and not (
                isinstance(error, TransientError)
            ):
                raise
            ending = str(error)
            outcome = "in_doubt" if isinstance(error, TransientError) else "refused"
            results += (Result(e.row, e.event_id, outcome, error=ending) for e in request)
    on_sent(len(results))
    ordered = sorted(results)
    return pa.RecordBatch.from_pylist([result._asdict() for result in ordered], schema=RESULTS)


def _send(
    connection: Connection, channel: str, schema_id: str, events: list[Encoded]
) -> list[Result]:
    request = api.PublishRequest(
        topic_name=channel,
        events=[
            api.ProducerEvent(id=event.event_id, schema_id=schema_id, payload=event.payload)
            for event in events
        ],
    )
    answer = connection.call("Publish", channel, request, creates=True)
    found = {result.correlation_key: result for result in answer.results}
    return [_result(event, found.get(event.event_id)) for event in events]


def _result(event: Encoded, answer: Any) -> Result:
    if answer is None:
        problem = "the answer holds no result for this event"
        return Result(event.row, event.event_id, "in_doubt", error=problem)
    if answer.HasField("error"):
        text = f"{api.ErrorCode.Name(answer.error.code)}: {answer.error.msg}"
        return Result(event.row, event.event_id, "refused", error=text)
    return Result(event.row, event.event_id, "queued", replay_id=answer.replay_id)


def _requests(events: list[Encoded]) -> Iterator[list[Encoded]]:
    request: list[Encoded] = []
    size_bytes = 0
    for event in events:
        full = size_bytes + len(event.payload) > REQUEST_BYTES or len(request) == REQUEST_EVENTS
        if request and full:
            yield request
            request, size_bytes = [], 0
        request.append(event)
        size_bytes += len(event.payload)
    if request:
        yield request


def _too_long(event: Encoded) -> str:
    return f"it has {len(event.payload):,} bytes of at most {LONGEST_EVENT_BYTES:,}"


def _as_table(rows: Any) -> pa.Table:
    if isinstance(rows, pa.Table):
        return rows
    if isinstance(rows, pa.RecordBatch):
        return pa.Table.from_batches([rows])
    return pa.Table.from_pandas(rows, preserve_index=False)


def _encode(
    connection: Connection, channel: str, schema_id: str, schema_json: str, rows: pa.Table
) -> list[Encoded]:
    schema = parse_event_schema(schema_id, schema_json)
    fields = [field["name"] for field in schema.parsed["fields"]]
    unknown = [name for name in rows.column_names if name not in fields]
    if unknown:
        problem = f"the event has the fields {', '.join(fields)}, and not"
        raise EventFieldsError(channel, problem, unknown)
    defaults = dict.fromkeys(fields) | {
        CREATED_DATE: int(time.time() * 1000),
        CREATED_BY: connection.login.current().user_id,
    }
    found = []
    for at, row in enumerate(_rows(rows)):
        given = {name: _avro_value(value) for name, value in row.items() if value is not None}
        buffer = BytesIO()
        try:
            schemaless_writer(buffer, schema.parsed, defaults | given, strict_allow_default=True)
        # fastavro has several errors for values that don't fit, all of which quote the value.
        except Exception:
            problem = f"row {at} (the first is 0) has no value, or none of the field's type, in"
            named = _misfits(schema.parsed, defaults | given)
            raise EventFieldsError(channel, problem, named or list(given)) from None
        found.append(Encoded(at, str(uuid4()), buffer.getvalue()))
    return found


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    # Rows in Python take many times the room of a table's.
    for batch in table.to_batches(max_chunksize=BATCH_ROWS):
        yield from batch.to_pylist()


def _misfits(parsed: Any, event: Mapping[str, Any]) -> list[str]:
    """Fields whose value isn't of the type that they have."""
    return [
        field["name"]
        for field in parsed["fields"]
        if not validate(event[field["name"]], field["type"], raise_errors=False)
    ]


def _avro_value(value: Any) -> Any:
    """A value of Arrow's as events carry it: moments and days in milliseconds since 1970, UTC."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    if isinstance(value, date):
        return round(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp() * 1000)
    return float(value) if isinstance(value, Decimal) else value
