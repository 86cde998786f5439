"""A field's 57 describe attributes, from its type and what is particular about it.

A field spec names only what differs from the rules of its type. Its keys are describe attributes
under their own names, and besides them:

    values          picklist entries: "Prospect", or {"value", "label", "default", "active"}
    valueSet        the name of a shared list of entries (`objects/value_sets.json`)
    write           "create", "update" or "never"; both when absent
    child           the relation as its parent sees it: {"name", "cascadeDelete", ...}
    formula         DuckDB SQL for a value that is derived on read ({row} = the table's alias)
    defaultFormula  DuckDB SQL over the new row for a value not given on create
    follows         the field whose changes set this one, too
    changeFormula   DuckDB SQL over the row after such a change; as defaultFormula when absent
    numberFormat    of an auto-number field, e.g. "ORD-{000000}"

Source of the rules: 315 field describes of seven standard objects, recorded from real orgs
(tests/data/describes); tests/emulator/test_describe_recorded.py holds the rules to them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Spec = Mapping[str, Any]

# Attributes with the value that nearly every field has. Sorted, as Salesforce sends them.
_PLAIN: dict[str, Any] = {
    "aggregatable": False,
    "aiPredictionField": False,
    "autoNumber": False,
    "byteLength": 0,
    "calculated": False,
    "calculatedFormula": None,
    "cascadeDelete": False,
    "caseSensitive": False,
    "compoundFieldName": None,
    "controllerName": None,
    "createable": False,
    "custom": False,
    "defaultValue": None,
    "defaultValueFormula": None,
    "defaultedOnCreate": False,
    "dependentPicklist": False,
    "deprecatedAndHidden": False,
    "digits": 0,
    "displayLocationInDecimal": False,
    "encrypted": False,
    "externalId": False,
    "extraTypeInfo": None,
    "filterable": False,
    "filteredLookupInfo": None,
    "formulaTreatNullNumberAsZero": False,
    "groupable": False,
    "highScaleNumber": False,
    "htmlFormatted": False,
    "idLookup": False,
    "inlineHelpText": None,
    "label": "",
    "length": 0,
    "mask": None,
    "maskType": None,
    "name": "",
    "nameField": False,
    "namePointing": False,
    "nillable": True,
    "permissionable": False,
    "picklistValues": [],
    "polymorphicForeignKey": False,
    "precision": 0,
    "queryByDistance": False,
    "referenceTargetField": None,
    "referenceTo": [],
    "relationshipName": None,
    "relationshipOrder": None,
    "restrictedDelete": False,
    "restrictedPicklist": False,
    "scale": 0,
    "searchPrefilterable": False,
    "soapType": "xsd:string",
    "sortable": False,
    "type": "",
    "unique": False,
    "updateable": False,
    "writeRequiresMasterRead": False,
}
ATTRIBUTES = tuple(_PLAIN)

EXTRA_KEYS = frozenset(
    {"values", "valueSet", "write", "child", "numberFormat"}
    | {"formula", "defaultFormula", "follows", "changeFormula"}
)

_FILTER, _SORT, _GROUP, _AGGREGATE = "filterable", "sortable", "groupable", "aggregatable"
_TEXT = {"soapType": "xsd:string", "query": (_FILTER, _SORT, _GROUP, _AGGREGATE)}
_NUMBER = {"soapType": "xsd:double", "precision": 18, "query": (_FILTER, _SORT, _AGGREGATE)}
_LOOKUP = {"soapType": "tns:ID", "length": 18, "query": (_FILTER, _SORT, _GROUP, _AGGREGATE)}

# Per type: soapType, which query flags it has, and its usual size.
TYPE_RULES: dict[str, dict[str, Any]] = {
    "id": {**_LOOKUP, "nillable": False, "idLookup": True, "defaultedOnCreate": True},
    "reference": _LOOKUP,
    "string": {**_TEXT, "length": 255},
    "email": {**_TEXT, "length": 80},
    "phone": {**_TEXT, "length": 40},
    "url": {**_TEXT, "length": 255},
    "picklist": {**_TEXT, "length": 255},
    "combobox": {**_TEXT, "length": 255, "query": (_FILTER, _SORT, _AGGREGATE)},
    "textarea": {**_TEXT, "length": 255, "extraTypeInfo": "plaintextarea"},
    "multipicklist": {**_TEXT, "length": 4099, "precision": 4, "query": (_FILTER,)},
    "encryptedstring": {**_TEXT, "length": 175, "query": ()},
    "anyType": {"soapType": "xsd:anyType", "query": ()},
    "base64": {"soapType": "xsd:base64Binary", "query": ()},
    "boolean": {
        "soapType": "xsd:boolean",
        "nillable": False,
        "defaultValue": False,
        "defaultedOnCreate": True,
        "query": (_FILTER, _SORT, _GROUP),
    },
    "int": {
        "soapType": "xsd:int",
        "digits": 8,
        "query": (_FILTER, _SORT, _GROUP, _AGGREGATE),
    },
    "long": {
        "soapType": "xsd:long",
        "digits": 18,
        "query": (_FILTER, _SORT, _GROUP, _AGGREGATE),
    },
    "double": {**_NUMBER, "scale": 2},
    "currency": {**_NUMBER, "scale": 2},
    "percent": {**_NUMBER, "precision": 5, "scale": 2},
    "date": {"soapType": "xsd:date", "query": (_FILTER, _SORT, _GROUP, _AGGREGATE)},
    "datetime": {"soapType": "xsd:dateTime", "query": (_FILTER, _SORT, _AGGREGATE)},
    "time": {"soapType": "xsd:time", "query": (_FILTER, _SORT, _GROUP, _AGGREGATE)},
    "address": {"soapType": "urn:address", "queryByDistance": True, "query": (_FILTER,)},
    "location": {"soapType": "urn:location", "queryByDistance": True, "query": (_FILTER,)},
}

_UNWRITABLE_TYPES = frozenset({"id", "address", "location"})
LONGEST_FILTERABLE_TEXT = 255
_BYTES_AS_LENGTH = frozenset({"id", "reference", "multipicklist"})
_CUSTOM_NAME = re.compile(r".*__(c|e|pc|latitude__s|longitude__s)")


def is_custom(name: str) -> bool:
    """Whether an API name is that of a custom field or object."""
    return _CUSTOM_NAME.fullmatch(name) is not None


def describe_attributes(
    name: str, spec: Spec, value_sets: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    """All 57 attributes of one field, in Salesforce's order.

    Raises:
        KeyError: The spec names no known type or value set; the loaders check that first.
    """
    attributes = {**_PLAIN, "name": name, "type": spec["type"], "custom": is_custom(name)}
    rule = TYPE_RULES[spec["type"]]
    attributes.update({key: value for key, value in rule.items() if key != "query"})
    attributes.update(dict.fromkeys(rule["query"], True))
    attributes["label"] = label_of(name, spec["type"])

    given = {key: value for key, value in spec.items() if key not in EXTRA_KEYS}
    attributes.update(_size(spec["type"], given, attributes))
    attributes.update(_picklist(spec, value_sets))
    attributes.update(_reference(name, spec))
    attributes.update(_writing(spec, {**attributes, **given}))
    attributes.update(given)
    return {key: attributes[key] for key in ATTRIBUTES}


def label_of(name: str, field_type: str = "string") -> str:
    """The label an API name suggests: ``MailingCity`` is "Mailing City", ``OwnerId`` "Owner ID"."""
    bare = re.sub(r"__[a-z]+$", "", name).replace("_", " ")
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", bare)
    return re.sub(r"\bId$", "ID", words) if field_type in ("reference", "id") else words


def _size(field_type: str, given: Spec, usual: Spec) -> dict[str, Any]:
    length = given.get("length", usual["length"])
    size = {"byteLength": length if field_type in _BYTES_AS_LENGTH else 3 * length}
    if field_type == "textarea" and length > LONGEST_FILTERABLE_TEXT:
        size.update(dict.fromkeys((_FILTER, _SORT, _GROUP, _AGGREGATE), False))
    if given.get("calculated") and field_type == "string":
        size[_GROUP] = False
    return size


def _picklist(spec: Spec, value_sets: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    entries = value_sets[spec["valueSet"]] if "valueSet" in spec else spec.get("values", ())
    values = [_picklist_value(entry) for entry in entries]
    default = next((value["value"] for value in values if value["defaultValue"]), None)
    if default is None:
        return {"picklistValues": values}
    return {"picklistValues": values, "defaultValue": default, "defaultedOnCreate": True}


def _picklist_value(entry: Any) -> dict[str, Any]:
    if isinstance(entry, str):
        entry = {"value": entry}
    return {
        "active": entry.get("active", True),
        "defaultValue": entry.get("default", False),
        "label": entry.get("label", entry["value"]),
        "validFor": None,
        "value": entry["value"],
    }


def _reference(name: str, spec: Spec) -> dict[str, Any]:
    if spec["type"] != "reference":
        return {}
    several = len(spec["referenceTo"]) > 1
    return {
        "relationshipName": re.sub(r"__c$", "__r", name) if is_custom(name) else name[:-2],
        "polymorphicForeignKey": several,
        "namePointing": several,
    }


def _writing(spec: Spec, so_far: Spec) -> dict[str, Any]:
    """Who may write the field, and what follows from that."""
    write = "never" if _is_unwritable(so_far) else spec.get("write", "both")
    both = write == "both"
    optional = bool(so_far["nillable"])
    return {
        "createable": write in ("both", "create"),
        "updateable": write in ("both", "update"),
        "permissionable": optional and (both or spec["type"] in ("address", "location")),
        "searchPrefilterable": spec["type"] == "reference" and optional and both,
    }


def _is_unwritable(attributes: Spec) -> bool:
    return bool(
        attributes["type"] in _UNWRITABLE_TYPES
        or attributes["calculated"]
        or attributes["autoNumber"]
    )
