"""Platform events from the fields that a caller gives."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from emulator.errors import ApiError
from emulator.events.avro_schemas import EventSchema
from emulator.events.journal import Journal
from emulator.limits import PUBLISHED_EVENTS, Limits
from emulator.schema.model import Field, SObject
from emulator.store.rows_plan import check_required, columns_of, default_columns

_CREATED_DATE, _CREATED_BY = "CreatedDate", "CreatedById"


def publish_fields(
    journal: Journal, limits: Limits, sobject: SObject, given: Mapping[str, Any], user_id: str
) -> str:
    """Put one event on the bus; its EventUuid.

    Raises:
        ApiError: A field is wrong, or no more events may be published this hour.
    """
    columns = columns_of(journal.schema, sobject, given, creating=True, internal=False)
    check_required(sobject, columns, creating=True)
    texts = default_columns(sobject, user_id) | columns
    check_publish_limit(limits)
    schema = journal.event_schema(sobject.name)
    record = _record(schema, texts, int(journal.now().timestamp() * 1000), user_id)
    event_uuid = str(uuid.uuid4())
    event = (sobject.name, schema.schema_id, event_uuid, schema.encode(record))
    journal.publish([event], user_id)
    return event_uuid


def check_publish_limit(limits: Limits) -> None:
    """Count one published event.

    Raises:
        ApiError: None is left for this hour.
    """
    if limits.left(PUBLISHED_EVENTS) < 1:
        raise ApiError(
            400,
            "LIMIT_EXCEEDED",
            "The number of platform event messages published in an hour exceeded the limit.",
            [],
        )
    limits.use(PUBLISHED_EVENTS)


def _record(
    schema: EventSchema, texts: Mapping[str, str | None], now_ms: int, user_id: str
) -> dict[str, Any]:
    record: dict[str, Any] = {
        part.name: _value(part.field, texts.get(part.name)) for part in schema.parts
    }
    return record | {_CREATED_DATE: now_ms, _CREATED_BY: user_id}


def _value(field: Field, text: str | None) -> Any:
    """What Avro holds, from the text that a column would store."""
    if text is None:
        return None
    if field.type == "boolean":
        return text == "true"
    if field.type in ("int", "long"):
        return int(text)
    if field.type in ("double", "currency", "percent"):
        return float(text)
    if field.type == "datetime":
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
    if field.type == "date":
        day = date.fromisoformat(text)
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    if field.type == "time":
        clock = time.fromisoformat(text)
        return ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1000 + (
            clock.microsecond // 1000
        )
    return text
