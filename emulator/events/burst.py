"""Bursts: many encoded events at once, so that a benchmark measures who receives them."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from emulator.events.avro_schemas import HEADER, EventSchema
from emulator.events.bitmaps import bitmaps
from emulator.events.change_events import Entry, Event, commit_number, transaction_key
from emulator.events.journal import Journal
from emulator.schema.columns import quoted
from emulator.schema.model import SObject
from emulator.store.database import Connection

BURST = "BURST"
# Events of a burst tell of so many different rows, over and over.
_RECORDS = 2000
# The sequence number and the commit number are set apart in each event: see `burst_events`.
_TEMPLATE_COMMIT = commit_number(1_700_000_000_000)


def add_burst(journal: Journal, sobject: SObject, count: int, rate: float | None) -> int:
    """Put `count` updates of the object's rows on the bus, as one entry of the journal.

    Args:
        rate: How many of them are delivered per second, by the machine's clock; None: at once.

    Returns:
        How many different rows they tell of; 0 when the object has none, and no event is added.
    """
    moment = journal.now()

    def work(connection: Connection) -> int:
        rows = _rows(connection, sobject)
        if rows:
            schema = journal.event_schema(sobject.name)
            first = journal.take_seqs(count)
            first_tx = journal.take_tx(count)
            key = transaction_key(first_tx)
            templates = [
                [part.hex() for part in _template(schema, sobject.name, key, moment, *row)]
                for row in rows
            ]
            body = {"count": count, "rate": rate, "started": time.time(), "templates": templates}
            connection.execute(
                "INSERT INTO _journal (seq, last_seq, tx, committed_at, user_id, origin, object, "
                "kind, schema_id, payload) VALUES (?, ?, ?, ?, '', '', ?, ?, ?, ?)",
                [first, first + count - 1, first_tx, moment.replace(tzinfo=None), sobject.name,
                 BURST, schema.schema_id, json.dumps(body).encode()],
            )  # fmt: skip
        return len(rows)

    return journal.database.write(work)


def burst_events(entry: Entry, after: int) -> Iterator[Event | None]:
    """The events of a burst behind `after`, each a template with its number put in.

    None stands for a moment at which its rate lets no event out.
    """
    body = json.loads(entry.payload or b"{}")
    templates = [[bytes.fromhex(part) for part in one] for one in body["templates"]]
    rate: float | None = body["rate"]
    schema_id, name = entry.schema_id, entry.object
    stem = str(uuid.uuid5(uuid.NAMESPACE_OID, str(entry.tx)))[:24]
    for number in range(max(0, after - entry.seq + 1), body["count"]):
        while rate and time.time() < body["started"] + number / rate:
            yield None
        before, behind = templates[number % len(templates)]
        payload = before + _varint(commit_number(entry.tx + number)) + behind
        yield Event(entry.seq + number, name, schema_id, f"{stem}{number:012x}", payload, True)


def _rows(connection: Connection, sobject: SObject) -> list[tuple[str, str | None]]:
    name = sobject.name_field
    column = f"CAST({quoted(name.name)} AS VARCHAR)" if name and name.is_stored else "NULL"
    return connection.execute(
        f'SELECT "Id", {column} FROM {quoted(sobject.name)} WHERE NOT _deleted '
        f'ORDER BY "Id" LIMIT {_RECORDS}'
    ).fetchall()


def _template(
    schema: EventSchema,
    object_name: str,
    key: str,
    committed_at: datetime,
    record_id: str,
    name: str | None,
) -> tuple[bytes, bytes]:
    """An encoded update of a row, split around its commit number."""
    moment = int(committed_at.replace(microsecond=0).timestamp()) * 1000
    changed: dict[str, Any] = {"LastModifiedDate": moment}
    if name is not None and "Name" in {one.name for one in schema.fields if one.record is None}:
        changed["Name"] = name
    header = {
        "entityName": object_name,
        "recordIds": [record_id],
        "changeType": "UPDATE",
        "changeOrigin": "",
        "transactionKey": key,
        "sequenceNumber": 1,
        "commitTimestamp": moment,
        "commitNumber": _TEMPLATE_COMMIT,
        "commitUser": "",
        "nulledFields": [],
        "diffFields": [],
        "changedFields": bitmaps(schema.fields, changed),
    }
    record = {one.name: changed.get(one.name) for one in schema.fields}
    before, _, behind = schema.encode({HEADER: header} | record).partition(
        _varint(_TEMPLATE_COMMIT)
    )
    return before, behind


def _varint(number: int) -> bytes:
    """A positive long as Avro writes it: zigzag, seven bits a byte, the lowest first."""
    rest, made = number << 1, bytearray()
    while rest > 0x7F:
        made.append(rest & 0x7F | 0x80)
        rest >>= 7
    made.append(rest)
    return bytes(made)
