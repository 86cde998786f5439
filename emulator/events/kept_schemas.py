"""Schemas that events have or had, kept beside the journal: an event is told by its own one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from emulator.events.avro_schemas import EventSchema
from emulator.events.event_fields import EventField, Part
from emulator.events.images import create_sql
from emulator.schema.model import Field
from emulator.store.database import Connection

CREATE_SQL = """
CREATE TABLE IF NOT EXISTS _event_schemas (
    schema_id VARCHAR, object VARCHAR, text VARCHAR, fields VARCHAR
)
"""
# What the values of an event depend on; the rest of a field stands in the Avro schema.
_ATTRIBUTES = ("name", "type", "length")


def keep(connection: Connection, schemas: Iterable[EventSchema]) -> None:
    """Remember them, and make room for the values of their events."""
    for schema in schemas:
        connection.execute(create_sql(schema))
        connection.execute("DELETE FROM _event_schemas WHERE schema_id = ?", [schema.schema_id])
        connection.execute(
            "INSERT INTO _event_schemas VALUES (?, ?, ?, ?)",
            [schema.schema_id, schema.object_name, schema.text, _as_json(schema.fields)],
        )


def find(connection: Connection, schema_id: str) -> EventSchema | None:
    """The schema of that id; None if no event ever had it."""
    row = connection.execute(
        "SELECT object, text, fields FROM _event_schemas WHERE schema_id = ?", [schema_id]
    ).fetchone()
    return None if row is None else EventSchema(row[0], _from_json(row[2]), schema_id, row[1])


def _as_json(fields: Iterable[EventField]) -> str:
    return json.dumps([[one.name, one.record, [_part(p) for p in one.parts]] for one in fields])


def _part(part: Part) -> list[Any]:
    return [part.name, {name: part.field.describe[name] for name in _ATTRIBUTES}]


def _from_json(text: str) -> tuple[EventField, ...]:
    return tuple(
        EventField(name, record, tuple(Part(part, Field(describe)) for part, describe in parts))
        for name, record, parts in json.loads(text)
    )
