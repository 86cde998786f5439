"""Events as received, decoded into Arrow: a header's columns, then one per field.

Columns of the header are in snake_case, those of fields have the API's names, so they never meet.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pyarrow as pa
from fastavro import schemaless_reader

from resources.salesforce.arrow_types import TIMESTAMP, Numbers
from resources.salesforce.describe import SObjectDescribe
from resources.salesforce.pubsub.bitmap import BitmapError, names_in
from resources.salesforce.pubsub.channels import changed_object
from resources.salesforce.pubsub.errors import (
    EventDecodeError,
    SchemaFormatError,
    SchemaUnavailableError,
)
from resources.salesforce.pubsub.event_schema import HEADER, EventSchema, parse_event_schema
from resources.salesforce.pubsub.event_values import column
from resources.salesforce.pubsub.raw_events import RAW_EVENTS

NAMES = pa.list_(pa.string())
ENVELOPE_COLUMNS: dict[str, pa.DataType] = {
    "replay_id": pa.binary(),
    "event_id": pa.string(),
    "schema_id": pa.string(),
}
#: The columns of a platform event before those of its fields.
ENVELOPE = pa.schema(ENVELOPE_COLUMNS)
HEADER_FIELDS: dict[str, tuple[str, pa.DataType]] = {
    "entity": ("entityName", pa.string()),
    "record_ids": ("recordIds", NAMES),
    "change_type": ("changeType", pa.string()),
    "change_origin": ("changeOrigin", pa.string()),
    "transaction_key": ("transactionKey", pa.string()),
    "sequence_number": ("sequenceNumber", pa.int32()),
    "commit_timestamp": ("commitTimestamp", TIMESTAMP),
    "commit_number": ("commitNumber", pa.int64()),
    "commit_user": ("commitUser", pa.string()),
}
BITMAPS = {
    "changed_fields": "changedFields",
    "nulled_fields": "nulledFields",
    "diff_fields": "diffFields",
}
#: The columns of a change event before those of its fields.
CHANGE_HEADER = pa.schema(
    ENVELOPE_COLUMNS
    | {name: kind for name, (_, kind) in HEADER_FIELDS.items()}
    | dict.fromkeys(BITMAPS, NAMES)
)
#: Stands for all records: an overflow's only Id, and what begins the Ids of a type conversion's.
OVERFLOW_ID = "000000000000000AAA"
WILDCARD = "*"
#: Measured: decoded records of so many events stay in the processor's cache.
BATCH_EVENTS = 1_000
MISFITS = (pa.ArrowException, TypeError, ValueError, ArithmeticError, KeyError)


def names_all_records(record_id: str) -> bool:
    """Whether an entry of ``record_ids`` stands for more records than one: read them all again.

    GAP_OVERFLOW carries 000000000000000AAA, a changed field type ``001*``.
    """
    return record_id == OVERFLOW_ID or record_id.endswith(WILDCARD)


@dataclass(frozen=True)
class DecodedBatch:
    """Events of one schema, in the order in which they came.

    ``events`` has the columns of ``CHANGE_HEADER`` (``ENVELOPE`` for platform events), then those
    of the schema's fields. In an UPDATE a null means unchanged, unless ``nulled_fields`` has the
    name; a CREATE has no ``changed_fields``; a GAP has nulls only.
    """

    schema: EventSchema
    events: pa.RecordBatch


@dataclass(frozen=True)
class Decoded:
    """What became of a batch; each event is in exactly one of the two."""

    batches: tuple[DecodedBatch, ...]
    undecoded: tuple[EventDecodeError, ...]


@dataclass
class _Rows:
    """Events of one schema on their way into columns."""

    raw: list[tuple[bytes, str, str, bytes]] = field(default_factory=list)
    records: list[Any] = field(default_factory=list)

    def take(self, kept: Sequence[int]) -> "_Rows":
        return _Rows([self.raw[at] for at in kept], [self.records[at] for at in kept])


class EventDecoder:
    """Decodes events, each by its own schema; keeps the schemas it has seen. Threads may share it.

    Args:
        schema_json: Finds a schema by id: ``PubSub.schema_json``, or the inbox's, without network;
            None if it isn't kept there.
        describe: Finds an object's description for exact types; may answer None.
        numbers: As for result pages.
    """

    def __init__(
        self,
        schema_json: Callable[[str], str | None],
        describe: Callable[[str], SObjectDescribe | None] | None = None,
        numbers: Numbers = "decimal",
    ) -> None:
        self._schema_json, self._describe, self._numbers = schema_json, describe, numbers
        self._schemas: dict[str, EventSchema] = {}
        self._lock = threading.Lock()

    def schema(self, schema_id: str) -> EventSchema:
        """The schema of that id.

        Raises:
            SchemaUnavailableError: It can't be had.
            SchemaFormatError: It isn't understood.
        """
        with self._lock:
            known = self._schemas.get(schema_id)
        if known is not None:
            return known
        text = self._schema_json(schema_id)
        if text is None:
            raise SchemaUnavailableError("Lookup", schema_id, "", "NOT_FOUND", "it isn't kept")
        found = parse_event_schema(schema_id, text)
        changed = changed_object(f"/data/{found.event}") if found.is_change else None
        describe = self._describe(changed) if self._describe and changed else None
        if describe is not None:
            found = parse_event_schema(schema_id, text, describe, self._numbers)
        with self._lock:
            self._schemas[schema_id] = found
        return found

    def decode(self, events: pa.RecordBatch) -> Decoded:
        """Decode events of the columns of ``RAW_EVENTS``.

        Returns:
            Batches of one schema each, in the order in which the schemas first occur, and the
            events that can't be read. An event without a schema is one of those.

        Raises:
            TransientError: A schema couldn't be fetched now.
        """
        batches: list[DecodedBatch] = []
        undecoded: list[EventDecodeError] = []
        for schema_id, raw in _by_schema(events).items():
            try:
                schema = self.schema(schema_id)
            except (SchemaUnavailableError, SchemaFormatError) as error:
                undecoded += (EventDecodeError(*event, str(error)) for event in raw)
                continue
            for start in range(0, len(raw), BATCH_EVENTS):
                rows = _read(schema, raw[start : start + BATCH_EVENTS], undecoded)
                if rows.raw:
                    batches += _batches(schema, rows, undecoded)
        return Decoded(tuple(batches), tuple(undecoded))


def _by_schema(events: pa.RecordBatch) -> dict[str, list[tuple[bytes, str, str, bytes]]]:
    found: dict[str, list[tuple[bytes, str, str, bytes]]] = {}
    columns = [events.column(name).to_pylist() for name in RAW_EVENTS.names[:4]]
    for event in zip(*columns, strict=True):
        found.setdefault(event[2], []).append(event)
    return found


def _read(
    schema: EventSchema,
    raw: list[tuple[bytes, str, str, bytes]],
    undecoded: list[EventDecodeError],
) -> _Rows:
    rows = _Rows()
    for event in raw:
        payload = event[3]
        stream = BytesIO(payload)
        try:
            record = schemaless_reader(stream, schema.parsed, None)
        # fastavro has no error of its own for bytes that aren't of the schema: EOFError,
        # IndexError, ValueError and OverflowError were seen.
        except Exception as error:
            undecoded.append(EventDecodeError(*event, type(error).__name__))
            continue
        if stream.tell() != len(payload):
            problem = f"{len(payload) - stream.tell():,} bytes are left over"
            undecoded.append(EventDecodeError(*event, problem))
            continue
        rows.raw.append(event)
        rows.records.append(record)
    return rows


def _batches(
    schema: EventSchema, rows: _Rows, undecoded: list[EventDecodeError]
) -> list[DecodedBatch]:
    """One batch of all rows; rows that fit no column are sorted out one by one."""
    try:
        return [DecodedBatch(schema, _batch(schema, rows))]
    except MISFITS:
        kept = []
        for at, event in enumerate(rows.raw):
            try:
                _batch(schema, rows.take([at]))
            except MISFITS as error:
                problem = str(error) if isinstance(error, BitmapError) else type(error).__name__
                undecoded.append(EventDecodeError(*event, problem))
            else:
                kept.append(at)
        return [DecodedBatch(schema, _batch(schema, rows.take(kept)))] if kept else []


def _batch(schema: EventSchema, rows: _Rows) -> pa.RecordBatch:
    replay_ids, event_ids, schema_ids, _ = zip(*rows.raw, strict=True)
    columns: dict[str, Any] = {
        "replay_id": pa.array(replay_ids, pa.binary()),
        "event_id": pa.array(event_ids, pa.string()),
        "schema_id": pa.array(schema_ids, pa.string()),
    }
    if schema.is_change:
        columns |= _header(schema, [record[HEADER] for record in rows.records])
    records = rows.records
    nested: dict[str, list[Any]] = {}
    for spec in schema.columns:
        if spec.part is None and spec.parent not in schema.mixed:
            values = [record[spec.parent] for record in records]
        else:
            whole = nested.get(spec.parent)
            if whole is None:
                whole = nested[spec.parent] = [record[spec.parent] for record in records]
            values = _of_part(whole, spec.part)
        columns[spec.name] = column(values, spec.type)
    return pa.RecordBatch.from_pydict(columns)


def _of_part(values: list[Any], part: str | None) -> list[Any]:
    """A part of each nested record; what isn't nested (a plain name) has none, and the reverse."""
    if part is None:
        return [None if type(value) is dict else value for value in values]
    return [value[part] if type(value) is dict else None for value in values]


def _header(schema: EventSchema, headers: list[Any]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, (key, kind) in HEADER_FIELDS.items():
        columns[name] = pa.array([header[key] for header in headers], kind)
    known: dict[tuple[str, ...], tuple[str, ...]] = {(): ()}
    for name, key in BITMAPS.items():
        lists = []
        for header in headers:
            entries = tuple(header[key])
            found = known.get(entries)
            if found is None:
                found = known[entries] = names_in(entries, schema.whole, schema.parts)
            lists.append(found)
        columns[name] = pa.array(lists, NAMES)
    return columns
