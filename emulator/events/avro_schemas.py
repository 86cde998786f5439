"""Avro schemas of events, and their ids, which change when the fields change."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any

import fastavro

from emulator.events.channels import change_event_name
from emulator.events.event_fields import EventField, Part, event_fields, parts_of
from emulator.schema.model import Field, SObject

NAMESPACE = "com.sforce.eventbus"
HEADER = "ChangeEventHeader"
CHANGE_TYPES = (
    "CREATE", "UPDATE", "DELETE", "UNDELETE", "GAP_CREATE", "GAP_UPDATE", "GAP_DELETE",
    "GAP_UNDELETE", "GAP_OVERFLOW", "SNAPSHOT",
)  # fmt: skip
_AVRO_TYPES = {
    "boolean": "boolean", "int": "int", "long": "long", "double": "double", "currency": "double",
    "percent": "double", "date": "long", "datetime": "long", "time": "long",
}  # fmt: skip
_DOC_TYPES = {
    "boolean": "Boolean", "int": "Integer", "long": "Long", "double": "Double",
    "currency": "Currency", "percent": "Percent", "date": "DateOnly", "datetime": "DateTime",
    "time": "TimeOnly", "reference": "EntityId", "picklist": "DynamicEnum", "textarea": "Text",
    "multipicklist": "MultiEnum", "phone": "Phone", "email": "Email", "url": "Url",
}  # fmt: skip


@dataclass(frozen=True)
class EventSchema:
    """The schema of one object's events.

    Attributes:
        fields: What the record holds, after the header in change events.
        schema_id: 22 characters: the base64url of the schema's digest.
        text: The schema as JSON, with its id as `uuid` (recorded of a platform event).
    """

    object_name: str
    fields: tuple[EventField, ...]
    schema_id: str
    text: str

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """All values, nested ones in place."""
        return parts_of(self.fields)

    @cached_property
    def parsed(self) -> Any:
        """As fastavro wants it."""
        return fastavro.parse_schema(json.loads(self.text))

    def encode(self, record: dict[str, Any]) -> bytes:
        """Avro binary of one event, without any header."""
        stream = BytesIO()
        fastavro.schemaless_writer(stream, self.parsed, record)
        return stream.getvalue()


def schema_of(sobject: SObject) -> EventSchema:
    """The schema of an object's change events, or of a platform event."""
    fields = event_fields(sobject)
    platform = sobject.kind == "platform_event"
    body: dict[str, Any] = {
        "name": sobject.name if platform else change_event_name(sobject.name),
        "namespace": NAMESPACE,
        "type": "record",
        "fields": _platform_fields(fields) if platform else [_HEADER, *_change_fields(fields)],
    }
    digest = hashlib.md5(json.dumps(body).encode(), usedforsecurity=False).digest()
    schema_id = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    text = json.dumps({**body, "uuid": schema_id}, separators=(",", ":"))
    return EventSchema(sobject.name, fields, schema_id, text)


def _platform_fields(fields: tuple[EventField, ...]) -> list[dict[str, Any]]:
    made = []
    for one in fields:
        field = one.parts[0].field
        if field.custom:
            made.append(_nullable(one.name, field, ""))
        else:
            kind = _AVRO_TYPES.get(field.type, "string")
            made.append({"name": one.name, "type": kind, "doc": f"{one.name}:{_doc_type(field)}"})
    return made


def _change_fields(fields: tuple[EventField, ...]) -> Iterator[dict[str, Any]]:
    named: set[str] = set()
    for one in fields:
        if one.record is None:
            yield _nullable(one.name, one.parts[0].field, "Data:")
            continue
        record: Any = f"{NAMESPACE}.{one.record}"
        if one.record not in named:
            named.add(one.record)
            known = {part.name: _nullable(part.name, part.field, "Data:") for part in one.parts}
            blank: dict[str, Any] = {"type": ["null", "string"], "default": None}
            nested = [known.get(name, {"name": name, **blank}) for name in one.names]
            record = {"type": "record", "name": one.record, "fields": nested}
        yield {"name": one.name, "type": ["null", record], "default": None}


def _nullable(name: str, field: Field, doc: str) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "type": ["null", _AVRO_TYPES.get(field.type, "string")]}
    if doc:
        made["doc"] = f"{doc}{_doc_type(field)}"
    return {**made, "default": None}


def _doc_type(field: Field) -> str:
    return _DOC_TYPES.get(field.type, "Text")


def _texts(name: str) -> dict[str, Any]:
    return {"name": name, "type": {"type": "array", "items": "string"}}


_HEADER: dict[str, Any] = {
    "name": HEADER,
    "type": {
        "type": "record",
        "name": HEADER,
        "fields": [
            {"name": "entityName", "type": "string"},
            _texts("recordIds"),
            {
                "name": "changeType",
                "type": {"type": "enum", "name": "ChangeType", "symbols": list(CHANGE_TYPES)},
            },
            {"name": "changeOrigin", "type": "string"},
            {"name": "transactionKey", "type": "string"},
            {"name": "sequenceNumber", "type": "int"},
            {"name": "commitTimestamp", "type": "long"},
            {"name": "commitNumber", "type": "long"},
            {"name": "commitUser", "type": "string"},
            _texts("nulledFields"),
            _texts("diffFields"),
            _texts("changedFields"),
        ],
    },
}
