"""A field as a user declares it, checked, in the words of the field rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from emulator.schema.field_rules import TYPE_RULES, is_custom
from emulator.schema.schema_file import Place

API_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*(?:__[ce])?")

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


def user_field(
    name: str, given: Any, base: Mapping[str, Any], objects: Iterable[str], here: Place
) -> dict[str, Any]:
    spec = here.mapping(given, frozenset(_FIELD_KEYS))
    if not API_NAME.fullmatch(name):
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


def _check_values(spec: Mapping[str, Any], here: Place) -> None:
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


def _check_target(spec: Mapping[str, Any], objects: Iterable[str], here: Place) -> None:
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
        if TYPE_RULES[spec["type"]]["soapType"] == "xsd:string":
            # An empty text is null. Written out, since it makes DuckDB compute the formula twice.
            rules["formula"] = f"nullif(({spec['formula']}), '')"
    if "numberFormat" in spec:
        rules.update(auto_number())
    return rules


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def auto_number() -> dict[str, Any]:
    return {
        "autoNumber": True,
        "nillable": False,
        "defaultedOnCreate": True,
        "groupable": False,
        "idLookup": True,
    }
