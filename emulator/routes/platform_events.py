"""Platform events by REST, and the schemas of events."""

from __future__ import annotations

import json

from emulator.answer import Answer
from emulator.call import Call
from emulator.errors import not_found
from emulator.events.channels import object_of_change_event
from emulator.events.publishing import publish_fields
from emulator.ids import make_id
from emulator.schema.model import SObject


def publish(call: Call, sobject: SObject) -> Answer:
    """POST /sobjects/{object} of a platform event: success with an entry among the errors"""
    journal = call.org.journal
    event_uuid = publish_fields(
        journal, call.org.limits, sobject, call.json_object(), call.user.user_id
    )
    queued = {"statusCode": "OPERATION_ENQUEUED", "message": event_uuid, "fields": []}
    # Ids of events in samples are `e01xx0000000001AAA`, one for all of them.
    record_id = make_id(str(sobject.key_prefix), 1, pod="xx")
    return Answer(201, {"id": record_id, "success": True, "errors": [queued]})


def schema_of_object(call: Call) -> Answer:
    """GET /sobjects/{object}/eventSchema?payloadFormat=COMPACT"""
    schema, name = call.org.schema, call.arguments["object"]
    found = object_of_change_event(schema, name)
    if found is None:
        found = schema.object(name)
    if found is None or (found.has_rows and not name.endswith("ChangeEvent")):
        raise not_found()
    return Answer(200, json.loads(call.org.journal.event_schema(found.name).text))


def schema_by_id(call: Call) -> Answer:
    """GET /event/eventSchema/{schema}?payloadFormat=COMPACT"""
    schema = call.org.journal.schema_by_id(call.arguments["schema"])
    if schema is None:
        raise not_found()
    return Answer(200, json.loads(schema.text))
