"""The journal's entries of one transaction as the events that subscribers get."""

from __future__ import annotations

import difflib
import hashlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from emulator.events.avro_schemas import HEADER, EventSchema
from emulator.events.bitmaps import bitmaps
from emulator.events.event_fields import is_long_text
from emulator.events.recording import UPDATE

# An event of many records stays below MOST_BYTES; no document gives a number.
MOST_RECORDS = 10_000
MOST_BYTES = 1_000_000
GAP = "GAP_"
_NAMES = uuid.UUID("6f0d5c52-91f7-4b53-9d3c-0a7e3f1b2c4d")


@dataclass(frozen=True)
class Entry:
    """One row of the journal, with its values (see `images.read_images`) if it has any."""

    seq: int
    last_seq: int
    tx: int
    committed_at: datetime
    user_id: str
    origin: str
    object: str
    kind: str
    record_id: str
    schema_id: str
    changed: str | None
    payload: bytes | None
    uuid: str | None
    values: tuple[Any, ...] | None = None


@dataclass(frozen=True)
class Event:
    """One event on the bus. Its replay id follows from `seq`; `free`: not counted as delivered."""

    seq: int
    object_name: str
    schema_id: str
    uuid: str
    payload: bytes
    free: bool = False


@dataclass
class _Group:
    """Entries of one identical change: one event, told at its first entry's place."""

    first: Entry
    record_ids: list[str] = field(default_factory=list)


def events_of(
    entries: Sequence[Entry], schema_by_id: Callable[[str], EventSchema], wanted: frozenset[str]
) -> Iterator[Event]:
    """The events of one whole transaction, in order, for the objects that are wanted.

    All of its entries are needed, as `sequenceNumber` counts those of the other objects, too.
    """
    for number, group in enumerate(_groups(entries), start=1):
        if group.first.object in wanted:
            yield _event(group, number, schema_by_id(group.first.schema_id))


def _groups(entries: Sequence[Entry]) -> list[_Group]:
    open_groups: dict[tuple[Any, ...], _Group] = {}
    groups = []
    for entry in entries:
        key = (entry.object, entry.kind, entry.changed, entry.values)
        group = open_groups.get(key)
        if group is None or len(group.record_ids) >= MOST_RECORDS:
            group = open_groups[key] = _Group(entry)
            groups.append(group)
        group.record_ids.append(entry.record_id)
    return groups


def _event(group: _Group, number: int, schema: EventSchema) -> Event:
    entry = group.first
    payload = schema.encode(_record(group, number, schema))
    if len(payload) > MOST_BYTES and not entry.kind.startswith(GAP):
        payload = schema.encode(_header_only(group, number, schema, f"{GAP}{entry.kind}"))
    name = str(uuid.uuid5(_NAMES, f"{entry.tx}/{number}"))
    return Event(entry.seq, entry.object, schema.schema_id, name, payload)


def _header_only(group: _Group, number: int, schema: EventSchema, kind: str) -> dict[str, Any]:
    record: dict[str, Any] = {one.name: None for one in schema.fields}
    return record | {HEADER: _header(group, number) | {"changeType": kind}}


def _record(group: _Group, number: int, schema: EventSchema) -> dict[str, Any]:
    entry = group.first
    record = _header_only(group, number, schema, entry.kind)
    if entry.values is None:
        return record
    values = _values(entry, schema)
    diffs = _differences(entry, schema)
    values |= diffs
    for one in schema.fields:
        parts = {part.name: values.get(part.field.name) for part in one.parts}
        if one.record is None:
            record[one.name] = values.get(one.name)
        elif any(value is not None for value in parts.values()):
            record[one.name] = dict.fromkeys(one.names) | parts
    if entry.kind == UPDATE:
        nulled = {name for name, value in values.items() if value is None}
        record[HEADER] |= {
            "changedFields": bitmaps(schema.fields, values),
            "nulledFields": bitmaps(schema.fields, nulled),
            "diffFields": bitmaps(schema.fields, diffs),
        }
    return record


def _values(entry: Entry, schema: EventSchema) -> dict[str, Any]:
    """By the columns' names: all of a row, or what an update changed."""
    names = [part.field.name for part in schema.parts]
    marks = entry.changed or "1" * len(names)
    pairs = zip(names, entry.values or (), marks, strict=False)
    return {name: value for name, value, mark in pairs if mark == "1"}


def _differences(entry: Entry, schema: EventSchema) -> dict[str, str]:
    """Of the long texts that changed, by column."""
    values, count = entry.values or (), len(schema.parts)
    places = [n for n, part in enumerate(schema.parts) if is_long_text(part.field)]
    return {
        schema.parts[place].field.name: _difference(old, values[place])
        for place, old in zip(places, values[count:], strict=True)
        if old is not None
    }


def _header(group: _Group, number: int) -> dict[str, Any]:
    entry = group.first
    moment = entry.committed_at.replace(tzinfo=UTC, microsecond=0)
    return {
        "entityName": entry.object,
        "recordIds": group.record_ids,
        "changeType": entry.kind,
        "changeOrigin": entry.origin,
        "transactionKey": transaction_key(entry.tx),
        "sequenceNumber": number,
        # Whole seconds, as in all samples.
        "commitTimestamp": int(moment.timestamp()) * 1000,
        "commitNumber": commit_number(entry.tx),
        "commitUser": entry.user_id,
        "nulledFields": [],
        "diffFields": [],
        "changedFields": [],
    }


def commit_number(tx: int) -> int:
    """Rises with the transactions, and is beyond 2**53, as the real ones are."""
    return tx * 1_000_000


def transaction_key(tx: int) -> str:
    """``0000ade9-3f74-0b99-dbc4-42e73424b774``."""
    digits = hashlib.md5(str(tx).encode(), usedforsecurity=False).hexdigest()[4:]
    return f"0000{digits[:4]}-{digits[4:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:28]}"


def _difference(old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="")
    return "\n".join(lines)
