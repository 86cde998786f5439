"""Further objects and fields from the user's YAML file (`--schema FILE`).

    objects:
      Account:                        # an object the org has: its fields are added
        fields:
          Region__c: {type: picklist, values: [North, South], restricted: true}
      Shipment__c:                    # a new one
        label: Shipment
        plural: Shipments
        name: {numberFormat: "SH-{00000}"}    # or {label: Shipment Name, length: 80}
        fields:
          Order__c: {type: reference, to: Order__c, child: Shipments__r}
          Weight__c: {type: double, precision: 10, scale: 3, label: Weight (kg)}
          Sent_At__c: {type: datetime, required: true}
          ERP_Id__c: {type: string, length: 30, externalId: true, unique: true}
          Is_Heavy__c: {type: boolean, formula: '{row}."Weight__c" > 100'}
        validationRules:
          Weight_Positive:
            {expression: '{row}."Weight__c" <= 0', message: Weigh it, field: Weight__c}

An object: `label`, `plural`, `keyPrefix` (three characters; the next free one when absent),
`owner` (false: rows have no OwnerId), `name`, `fields`, `validationRules`. Names
end in ``__c`` for objects with rows and ``__e`` for platform events; a standard object that this
org lacks needs its `keyPrefix`.

A field: `type` (a describe type), `label`, `help`, `length`, `precision`, `scale`, `required`,
`default`, `externalId`, `unique`, `caseSensitive`, `values`, `restricted`, `to` (one object or
several), `child` (the relationship's name as seen from there), `numberFormat` (type string),
`formula`: DuckDB SQL over the row, ``{row}`` standing for it; it may hold a scalar subquery.

A validation rule: `expression`, such SQL that is true for a row to refuse, `message`, and the
`field` that the message is shown at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.ids import DIGITS
from emulator.schema.field_rules import label_of
from emulator.schema.schema_file import Place, load_yaml, nearest
from emulator.schema.user_fields import API_NAME, auto_number, user_field
from emulator.schema.user_rules import user_rules

ObjectSpecs = Mapping[str, Mapping[str, Any]]

_ADDITIONS = frozenset({"fields", "validationRules"})
_OBJECT_KEYS = frozenset({"label", "plural", "keyPrefix", "owner", "name"}) | _ADDITIONS
_NAME_KEYS = frozenset({"label", "length", "numberFormat"})

_AUDIT = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp")


def read_user_schema(path: Path, own: ObjectSpecs) -> dict[str, Mapping[str, Any]]:
    """The org's object specs, with what the file adds.

    Raises:
        SchemaFileError: The file can't be read, or something in it is wrong.
    """
    place = Place(path)
    given = place.mapping(load_yaml(path), {"objects"})
    objects = place.at("objects").mapping(given.get("objects"), None)
    names = {**own, **objects}
    specs = dict(own)
    for name, wanted in objects.items():
        here = place.at(str(name))
        body = here.mapping(wanted, _OBJECT_KEYS)
        if name in own:
            here.refuse_keys(body, _OBJECT_KEYS - _ADDITIONS, "the org has this object already")
            base = own[name]
        else:
            base = _new_object(str(name), body, specs, here)
        given_fields = here.at("fields").mapping(body.get("fields", {}), None)
        added = {
            str(field): user_field(str(field), spec, base, names, here.at(str(field)))
            for field, spec in given_fields.items()
        }
        fields = {**base["fields"], **added}
        rules = user_rules(body.get("validationRules", {}), fields, here.at("validationRules"))
        specs[str(name)] = {**base, "fields": fields, "validationRules": rules}
    return specs


def _new_object(
    name: str, body: Mapping[str, Any], specs: ObjectSpecs, here: Place
) -> dict[str, Any]:
    if not API_NAME.fullmatch(name):
        raise here.error("isn't an API name", "Use letters, digits and single underscores.")
    kind = {"__c": "custom", "__e": "platform_event"}.get(name[-3:], "standard")
    for key in ("label", "plural", "keyPrefix"):
        if key in body and not isinstance(body[key], str):
            raise here.at(key).error("must be text", "Quote it.")
    if kind == "standard" and "keyPrefix" not in body:
        raise here.error(
            "a new object without __c at its end is a standard one and needs its keyPrefix",
            nearest(name, specs) or f"Add keyPrefix, or call it {name}__c.",
        )
    label = body.get("label", label_of(name))
    return {
        "name": name,
        "label": label,
        "labelPlural": body.get("plural", f"{label}s"),
        "keyPrefix": _key_prefix(body, kind, specs, here),
        "kind": kind,
        "scopes": [["everything", f"All {body.get('plural', label + 's').lower()}"]],
        "fields": _event_fields() if kind == "platform_event" else _row_fields(body, here),
    }


def _row_fields(body: Mapping[str, Any], here: Place) -> dict[str, Any]:
    owner: dict[str, Any] = {} if body.get("owner") is False else {"OwnerId": {}}
    name = here.at("name").mapping(body.get("name", {}), _NAME_KEYS)
    named = {"type": "string", "length": 80, "label": "Name", "nameField": True, **name}
    if "numberFormat" in name:
        named.update(auto_number())
    else:
        named.update({"idLookup": True, "defaultedOnCreate": True, "permissionable": False})
    audit: dict[str, Any] = {field: {} for field in _AUDIT}
    return {"Id": {}, **owner, "IsDeleted": {}, "Name": named, **audit}


def _event_fields() -> dict[str, Any]:
    return {
        "ReplayId": {"type": "string", "length": 1000, "label": "Replay ID", "write": "never"},
        "CreatedDate": {},
        "CreatedById": {},
        "EventUuid": {"type": "string", "length": 36, "label": "Event UUID", "write": "never"},
    }


def _key_prefix(body: Mapping[str, Any], kind: str, specs: ObjectSpecs, here: Place) -> str:
    taken = {spec["keyPrefix"]: name for name, spec in specs.items()}
    if "keyPrefix" in body:
        prefix = body["keyPrefix"]
        if not re.fullmatch(r"[0-9A-Za-z]{3}", prefix):
            raise here.at("keyPrefix").error("isn't three letters or digits", "For example a0S.")
        if prefix in taken:
            raise here.at("keyPrefix").error(
                f"{prefix} is the prefix of {taken[prefix]}", "Leave it out to get a free one."
            )
        return str(prefix)
    first = "e" if kind == "platform_event" else "a"
    return next(p for a in DIGITS for b in DIGITS if (p := f"{first}{a}{b}") not in taken)
