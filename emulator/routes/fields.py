"""Controls of an object's fields, which administrators change while programs go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulator.answer import Answer
from emulator.call import Call
from emulator.errors import ControlError
from emulator.live_schema import add_fields, convert_fields
from emulator.org import Org
from emulator.routes.control_body import json_of
from emulator.schema.model import SObject

Edit = Callable[[Org, SObject, Mapping[str, Any]], None]


def add(call: Call) -> Answer:
    """POST /_emulator/fields/{object} {name: as in a schema file}: new custom fields"""
    return _edit(call, add_fields)


def convert(call: Call) -> Answer:
    """PUT /_emulator/fields/{object} {name: as in a schema file}: fields get other types"""
    return _edit(call, convert_fields)


def _edit(call: Call, edit: Edit) -> Answer:
    name, given = call.arguments["object"], json_of(call)
    sobject = call.org.schema.object(name)
    if sobject is None:
        raise ControlError(f"the org has no object {name}", 404)
    if not isinstance(given, dict) or not given:
        raise ControlError("the body is an object of fields by their names")
    edit(call.org, sobject, given)
    described = call.org.schema.objects[sobject.name].fields
    return Answer(200, {"fields": [described[name].describe for name in given]})
