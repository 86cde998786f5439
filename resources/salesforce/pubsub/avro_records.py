"""Avro records read one by one, by fastavro: what isn't read column by column, and the last word.

Whether such bytes are a record, and of which values, fastavro says. The columns are those that
``avro_columns`` makes, so that both can be joined.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pyarrow as pa
from fastavro import schemaless_reader

from resources.salesforce.pubsub.avro_columns import Column
from resources.salesforce.pubsub.avro_shape import Path
from resources.salesforce.pubsub.event_schema import (
    HEADER,
    HEADER_TYPES,
    EventSchema,
)

MISFITS = (pa.ArrowException, TypeError, ValueError, ArithmeticError, KeyError)


@dataclass(frozen=True)
class RecordsRead:
    """``columns`` of the records at ``kept`` positions, ascending; why the others aren't there."""

    columns: dict[Path, Column]
    kept: list[int]
    problems: dict[int, str]


class _LeftOverError(ValueError):
    """A record that ends before its bytes do."""


def read_records(schema: EventSchema, payloads: Sequence[bytes]) -> RecordsRead:
    """Read payloads of one schema."""
    records: dict[int, Any] = {}
    problems: dict[int, str] = {}
    for at, payload in enumerate(payloads):
        try:
            records[at] = _record(schema, payload)
        except _LeftOverError as error:
            problems[at] = str(error)
        # fastavro has no error of its own for bytes that aren't of the schema: EOFError,
        # IndexError, ValueError and OverflowError were seen.
        except Exception as error:
            problems[at] = type(error).__name__
    try:
        columns = _columns(schema, list(records.values()))
    except MISFITS:
        problems |= _misfits(schema, records)
        records = {at: record for at, record in records.items() if at not in problems}
        columns = _columns(schema, list(records.values()))
    return RecordsRead(columns, list(records), problems)


def _record(schema: EventSchema, payload: bytes) -> Any:
    stream = BytesIO(payload)
    record = schemaless_reader(stream, schema.parsed, None)
    left = len(payload) - stream.tell()
    if left:
        raise _LeftOverError(f"{left:,} bytes are left over")
    return record


def _misfits(schema: EventSchema, records: Mapping[int, Any]) -> dict[int, str]:
    found = {}
    for at, record in records.items():
        try:
            _columns(schema, [record])
        except MISFITS as error:
            found[at] = type(error).__name__
    return found


def _columns(schema: EventSchema, records: Sequence[Any]) -> dict[Path, Column]:
    columns: dict[Path, Column] = {}
    if schema.is_change:
        headers = [record[HEADER] for record in records]
        for key, kind in HEADER_TYPES.items():
            columns[HEADER, key] = pa.array([header[key] for header in headers], kind)
    for column in schema.columns:
        values = [record[column.parent] for record in records]
        if column.part is not None:
            values = [value[column.part] if type(value) is dict else None for value in values]
        elif column.parent in schema.mixed:
            values = [None if type(value) is dict else value for value in values]
        columns[column.path] = _array(values, column.carried)
    return columns


def _array(values: Sequence[Any], kind: pa.DataType) -> Column:
    if not pa.types.is_string(kind):
        return pa.array(values, kind)
    return pa.array([_as_text(value) for value in values], kind)


def _as_text(value: Any) -> str | None:
    """A type without columns of its own (maps, unknown records) as JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value, default=str)
