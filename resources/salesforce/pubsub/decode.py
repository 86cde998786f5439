"""Events as received, decoded into Arrow: a header's columns, then one per field.

Columns of the header are in snake_case, those of fields have the API's names, so they never meet.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from resources.salesforce.arrow_types import TEXT_LIST, TIMESTAMP, Numbers
from resources.salesforce.describe import SObjectDescribe
from resources.salesforce.pubsub.avro_columns import Column, read_columns
from resources.salesforce.pubsub.avro_records import MISFITS, read_records
from resources.salesforce.pubsub.avro_shape import Path
from resources.salesforce.pubsub.bitmap import BitmapError, names_in
from resources.salesforce.pubsub.channels import changed_object
from resources.salesforce.pubsub.errors import (
    EventDecodeError,
    SchemaFormatError,
    SchemaUnavailableError,
)
from resources.salesforce.pubsub.event_schema import (
    HEADER,
    HEADER_TYPES,
    EventSchema,
    parse_event_schema,
)
from resources.salesforce.pubsub.event_values import column
from resources.salesforce.pubsub.raw_events import RAW_EVENTS

ENVELOPE_COLUMNS: dict[str, pa.DataType] = {
    "replay_id": pa.binary(),
    "event_id": pa.string(),
    "schema_id": pa.string(),
}
#: The columns of a platform event before those of its fields.
ENVELOPE = pa.schema(ENVELOPE_COLUMNS)
HEADER_FIELDS = {
    "entity": "entityName",
    "record_ids": "recordIds",
    "change_type": "changeType",
    "change_origin": "changeOrigin",
    "transaction_key": "transactionKey",
    "sequence_number": "sequenceNumber",
    "commit_timestamp": "commitTimestamp",
    "commit_number": "commitNumber",
    "commit_user": "commitUser",
}
BITMAPS = {
    "changed_fields": "changedFields",
    "nulled_fields": "nulledFields",
    "diff_fields": "diffFields",
}
#: The columns of a change event before those of its fields.
CHANGE_HEADER = pa.schema(
    ENVELOPE_COLUMNS
    | {name: HEADER_TYPES[key] for name, key in HEADER_FIELDS.items()}
    | {"commit_timestamp": TIMESTAMP}
    | dict.fromkeys(BITMAPS, TEXT_LIST)
)
#: Stands for all records: an overflow's only Id, and what begins the Ids of a type conversion's.
OVERFLOW_ID = "000000000000000AAA"
WILDCARD = "*"


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


@dataclass(frozen=True)
class _Rows:
    """Events of one schema, as they came and as columns of the values that they carry."""

    raw: pa.RecordBatch
    columns: dict[Path, Column]

    def slice(self, start: int, length: int) -> "_Rows":
        columns = {path: column.slice(start, length) for path, column in self.columns.items()}
        return _Rows(self.raw.slice(start, length), columns)

    def take(self, at: Sequence[int]) -> "_Rows":
        kept = pa.array(at, pa.int64())
        columns = {path: column.take(kept) for path, column in self.columns.items()}
        return _Rows(self.raw.take(kept), columns)


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
            Batches of one schema each, in the order in which the schemas first occur; events that
            had to be read by themselves are in another one. And the events that can't be read,
            those without a schema among them.

        Raises:
            TransientError: A schema couldn't be fetched now.
        """
        batches: list[DecodedBatch] = []
        undecoded: list[EventDecodeError] = []
        for schema_id, raw in _by_schema(events):
            try:
                schema = self.schema(schema_id)
            except (SchemaUnavailableError, SchemaFormatError) as error:
                undecoded += _errors(raw, dict.fromkeys(range(raw.num_rows), str(error)))
                continue
            for rows in _read(schema, raw, undecoded):
                batch = _fitting(schema, rows, undecoded)
                if batch is not None:
                    batches.append(DecodedBatch(schema, batch))
        return Decoded(tuple(batches), tuple(undecoded))


def _by_schema(events: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    raw = events.select(RAW_EVENTS.names[:4])
    ids: list[Any] = raw.column("schema_id").unique().to_pylist()
    for schema_id in ids:
        mine = pc.equal(raw.column("schema_id"), pa.scalar(schema_id))
        yield schema_id, raw if len(ids) == 1 else raw.filter(mine)


def _errors(raw: pa.RecordBatch, problems: Mapping[int, str]) -> Iterator[EventDecodeError]:
    events = raw.take(pa.array(problems, pa.int64())).to_pylist()
    for event, problem in zip(events, problems.values(), strict=True):
        yield EventDecodeError(**event, problem=problem)


def _read(
    schema: EventSchema, raw: pa.RecordBatch, undecoded: list[EventDecodeError]
) -> Iterator[_Rows]:
    """All that can be read at once, then what is left, one by one."""
    rest = raw
    if schema.shape is not None:
        most = read_columns(schema.shape, raw.column("payload"))
        yield _Rows(raw.take(most.kept), most.columns)
        rest = raw.take(most.refused)
    if rest.num_rows:
        payloads: list[Any] = rest.column("payload").to_pylist()
        few = read_records(schema, payloads)
        undecoded += _errors(rest, few.problems)
        yield _Rows(rest.take(pa.array(few.kept, pa.int64())), few.columns)


def _fitting(
    schema: EventSchema, rows: _Rows, undecoded: list[EventDecodeError]
) -> pa.RecordBatch | None:
    """The rows whose values fit their columns; None if there are none."""
    if not rows.raw.num_rows:
        return None
    try:
        return _batch(schema, rows)
    except MISFITS:
        problems = dict(_misfits(schema, rows, 0))
    undecoded += _errors(rows.raw, problems)
    kept = [at for at in range(rows.raw.num_rows) if at not in problems]
    return _batch(schema, rows.take(kept)) if kept else None


def _misfits(schema: EventSchema, rows: _Rows, first: int) -> Iterator[tuple[int, str]]:
    """Which rows don't fit, and why; those of a half that fits are never looked at."""
    count = rows.raw.num_rows
    try:
        _batch(schema, rows)
    except MISFITS as error:
        if count > 1:
            yield from _misfits(schema, rows.slice(0, count // 2), first)
            yield from _misfits(schema, rows.slice(count // 2, count), first + count // 2)
        else:
            yield first, str(error) if isinstance(error, BitmapError) else type(error).__name__


def _batch(schema: EventSchema, rows: _Rows) -> pa.RecordBatch:
    columns: dict[str, Column] = {name: rows.raw.column(name) for name in ENVELOPE.names}
    if schema.is_change:
        for name, key in HEADER_FIELDS.items():
            columns[name] = rows.columns[HEADER, key].cast(CHANGE_HEADER.field(name).type)
        for name, key in BITMAPS.items():
            columns[name] = _names(rows.columns[HEADER, key], schema)
    for spec in schema.columns:
        columns[spec.name] = column(rows.columns[spec.path], spec.type)
    return pa.RecordBatch.from_pydict(columns)


def _names(bitmaps: Column, schema: EventSchema) -> Column:
    """Names for each event's list of bitmaps. Few differ, and each of those is read once."""
    lengths: Column = pc.list_value_length(bitmaps).cast(pa.string())
    each = pc.binary_join_element_wise(lengths, pc.binary_join(bitmaps, ","), ",")
    distinct = each.dictionary_encode()
    names = [_names_in(entries, schema) for entries in distinct.dictionary.to_pylist()]
    return pa.array(names, TEXT_LIST).take(distinct.indices)


def _names_in(joined: str, schema: EventSchema) -> tuple[str, ...]:
    length, *entries = joined.split(",")
    if length == "0":
        return ()
    if len(entries) != int(length):
        raise BitmapError("an entry isn't a bitmap")
    return names_in(entries, schema.whole, schema.parts)
