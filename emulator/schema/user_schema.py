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

An object: `label`, `plural`, `keyPrefix` (three characters; the next free one when absent),
`owner` (false: rows have no OwnerId), `name`, `fields`. Names end in ``__c`` for objects with rows
and ``__e`` for platform events; a standard object that this org lacks needs its `keyPrefix`.

A field: `type` (a describe type), `label`, `help`, `length`, `precision`, `scale`, `required`,
`default`, `externalId`, `unique`, `caseSensitive`, `values`, `restricted`, `to` (one object or
several), `child` (the relationship's name as seen from there), `numberFormat` (type string),
`formula`: DuckDB SQL over the row, ``{row}`` standing for it; it may hold a scalar subquery.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from emulator.ids import DIGITS
from emulator.schema.errors import SchemaFileError
from emulator.schema.field_rules import TYPE_RULES, is_custom, label_of

ObjectSpecs = Mapping[str, Mapping[str, Any]]

_API_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*(?:__[ce])?")
_OBJECT_KEYS = frozenset({"label", "plural", "keyPrefix", "owner", "name", "fields"})
_NAME_KEYS = frozenset({"label", "length", "numberFormat"})

# What a user writes -> what the field rules read.
_FIELD_KEYS: dict[str, str] = {
    "type": "type",
    "label": "label",
    "help": "inlineHelpText",
    "length": "length",
    "precision": "precision",
    "scale": "scale",
    "required": "nillable",
    "default": "defaultValue",
    "externalId": "externalId",
    "unique": "unique",
    "caseSensitive": "caseSensitive",
    "values": "values",
    "restricted": "restrictedPicklist",
    "to": "referenceTo",
    "child": "child",
    "formula": "formula",
    "numberFormat": "numberFormat",
}
_KEY_TYPES: dict[str, type] = {
    "label": str,
    "help": str,
    "length": int,
    "precision": int,
    "scale": int,
    "required": bool,
    "externalId": bool,
    "unique": bool,
    "caseSensitive": bool,
    "values": list,
    "restricted": bool,
    "child": str,
    "formula": str,
    "numberFormat": str,
}
_TYPE_WORDS = {str: "text", int: "a whole number", bool: "true or false", list: "a list"}
_TYPES = frozenset(TYPE_RULES) - {"id"}
_PICKLISTS = frozenset({"picklist", "multipicklist"})
_AUDIT = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp")


def read_user_schema(path: Path, own: ObjectSpecs) -> dict[str, Mapping[str, Any]]:
    """The org's object specs, with what the file adds.

    Raises:
        SchemaFileError: The file can't be read, or something in it is wrong.
    """
    place = _Place(path)
    given = place.mapping(_load_yaml(path), {"objects"})
    objects = place.at("objects").mapping(given.get("objects"), None)
    names = {**own, **objects}
    specs = dict(own)
    for name, wanted in objects.items():
        here = place.at(str(name))
        body = here.mapping(wanted, _OBJECT_KEYS)
        if name in own:
            here.refuse_keys(body, _OBJECT_KEYS - {"fields"}, "the org has this object already")
            base = own[name]
        else:
            base = _new_object(str(name), body, specs, here)
        fields = here.at("fields").mapping(body.get("fields", {}), None)
        added = {
            str(field): _field(str(field), spec, base, names, here.at(str(field)))
            for field, spec in fields.items()
        }
        specs[str(name)] = {**base, "fields": {**base["fields"], **added}}
    return specs


def _load_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise SchemaFileError(
            path, "", f"can't be read ({error.strerror})", "Check the path given with --schema."
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise SchemaFileError(path, line, f"isn't YAML: {problem}", "Mend that line.") from error


def _new_object(
    name: str, body: Mapping[str, Any], specs: ObjectSpecs, here: _Place
) -> dict[str, Any]:
    if not _API_NAME.fullmatch(name):
        raise here.error("isn't an API name", "Use letters, digits and single underscores.")
    kind = {"__c": "custom", "__e": "platform_event"}.get(name[-3:], "standard")
    for key in ("label", "plural", "keyPrefix"):
        if key in body and not isinstance(body[key], str):
            raise here.at(key).error("must be text", "Quote it.")
    if kind == "standard" and "keyPrefix" not in body:
        raise here.error(
            "a new object without __c at its end is a standard one and needs its keyPrefix",
            f"Add keyPrefix, or call it {name}__c.",
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


def _row_fields(body: Mapping[str, Any], here: _Place) -> dict[str, Any]:
    owner: dict[str, Any] = {} if body.get("owner") is False else {"OwnerId": {}}
    name = here.at("name").mapping(body.get("name", {}), _NAME_KEYS)
    named = {"type": "string", "length": 80, "label": "Name", "nameField": True, **name}
    if "numberFormat" in name:
        named.update(_auto_number())
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


def _auto_number() -> dict[str, Any]:
    return {
        "autoNumber": True,
        "nillable": False,
        "defaultedOnCreate": True,
        "groupable": False,
        "idLookup": True,
    }


def _key_prefix(body: Mapping[str, Any], kind: str, specs: ObjectSpecs, here: _Place) -> str:
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


def _field(
    name: str, given: Any, base: Mapping[str, Any], objects: Iterable[str], here: _Place
) -> dict[str, Any]:
    spec = here.mapping(given, frozenset(_FIELD_KEYS))
    if not _API_NAME.fullmatch(name):
        raise here.error("isn't an API name", "Use letters, digits and single underscores.")
    if name in base["fields"]:
        raise here.error(f"{base['name']} has this field already", "Choose another name.")
    if base.get("kind", "standard") != "standard" and not is_custom(name):
        raise here.error("a custom field ends in __c", f"Call it {name}__c.")
    if "type" not in spec:
        raise here.error("has no type", "Add one, e.g. type: string.")
    here.at("type").one_of(spec["type"], _TYPES, "a field type")
    _check_values(spec, here)
    _check_target(spec, objects, here)
    return _rules_spec(spec)


def _check_values(spec: Mapping[str, Any], here: _Place) -> None:
    for key, value in spec.items():
        wanted = _KEY_TYPES.get(key)
        if wanted and (type(value) is not wanted):
            raise here.at(key).error(
                f"must be {_TYPE_WORDS[wanted]}, not {value!r}", "Change or quote it."
            )
    if "values" in spec and spec["type"] not in _PICKLISTS:
        raise here.at("values").error(f"{spec['type']} fields have no values", "Remove it.")
    if any(not isinstance(value, str) for value in spec.get("values", ())):
        raise here.at("values").error("each value must be text", 'Quote it, e.g. "1" or "yes".')
    if spec.get("scale", 0) > spec.get("precision", 18):
        raise here.at("scale").error("is greater than precision", "precision counts all digits.")
    if "numberFormat" in spec and not re.search(r"\{0+\}", spec["numberFormat"]):
        raise here.at("numberFormat").error("has no {000} for the number", 'E.g. "SH-{00000}".')
    if "formula" in spec and "{row}" not in spec["formula"]:
        raise here.at("formula").error(
            "doesn't name the row", 'Write columns as {row}."Amount__c".'
        )


def _check_target(spec: Mapping[str, Any], objects: Iterable[str], here: _Place) -> None:
    if spec["type"] != "reference":
        if "to" in spec:
            raise here.at("to").error(f"{spec['type']} fields point nowhere", "Remove it.")
        return
    if "to" not in spec:
        raise here.error("a reference needs to know where it points", "Add e.g. to: Account.")
    for target in _as_list(spec["to"]):
        here.at("to").one_of(target, objects, "an object of this org")


def _rules_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The user's words in those of the field rules."""
    rules = {_FIELD_KEYS[key]: value for key, value in spec.items()}
    if "required" in spec:
        rules["nillable"] = not spec["required"]
    if "to" in spec:
        rules["referenceTo"] = _as_list(spec["to"])
    if "child" in spec:
        rules["child"] = {"name": spec["child"]}
    if "default" in spec:
        rules["defaultedOnCreate"] = True
    if spec.get("externalId"):
        rules["idLookup"] = True
    if "formula" in spec:
        rules.update({"calculated": True, "calculatedFormula": spec["formula"]})
    if "numberFormat" in spec:
        rules.update(_auto_number())
    return rules


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True)
class _Place:
    """Where in the file we are, for errors that say so."""

    file: Path
    where: str = ""

    def at(self, part: str) -> _Place:
        return _Place(self.file, f"{self.where}.{part}" if self.where else part)

    def error(self, problem: str, remedy: str) -> SchemaFileError:
        return SchemaFileError(self.file, self.where, problem, remedy)

    def mapping(self, value: Any, keys: Iterable[str] | None) -> Mapping[str, Any]:
        """The value as a mapping, all of whose keys are known."""
        if not isinstance(value, dict):
            raise self.error("must be a mapping", "Write `key: value` lines below it.")
        for key in value if keys is not None else ():
            self.at(str(key)).one_of(key, keys or (), "a key here")
        return value

    def refuse_keys(self, value: Mapping[str, Any], keys: Iterable[str], why: str) -> None:
        for key in sorted(set(value) & set(keys)):
            raise self.at(key).error(why, "Only `fields` can be added to it.")

    def one_of(self, value: Any, known: Iterable[str], what: str) -> None:
        names: dict[str, str] = {name.lower(): name for name in known}
        if value in names.values():
            return
        near = difflib.get_close_matches(str(value).lower(), names, n=1, cutoff=0.5)
        remedy = f"Did you mean {names[near[0]]}?" if near else "Known: " + _few(names.values())
        raise self.error(f"{value!r} is not {what}", remedy)


def _few(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:12]) + (", …" if len(listed) > 12 else ".")
