"""Answers of the describe resources, from the schema.

Source: describes recorded from real orgs at versions 48 to 59, a global describe at 52.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from emulator.schema.model import ChildRelationship, Schema, SObject

MAX_BATCH_SIZE = 200
MASTER_RECORD_TYPE_ID = "012000000000000AAA"

# Standard objects for which Salesforce can publish changes (sobject-types has their event classes).
CHANGE_EVENT_OBJECTS = frozenset(
    {
        "Account",
        "Asset",
        "Campaign",
        "CampaignMember",
        "Case",
        "Contact",
        "Event",
        "Lead",
        "Opportunity",
        "OpportunityContactRole",
        "OpportunityLineItem",
        "Order",
        "OrderItem",
        "Pricebook2",
        "PricebookEntry",
        "Product2",
        "Task",
        "User",
    }
)

# The first recorded version with associateEntityType is 52 and the last without it 48; with
# sobjectDescribeOption 53 and 48.
ASSOCIATE_ENTITY_SINCE = 50.0
DESCRIBE_OPTION_SINCE = 53.0
# Recorded in every describe at 48 and in none from 53 on.
DEFAULT_VALUES_URL_UNTIL = 52.0

_EXTRA_URLS: dict[str, dict[str, str]] = {
    "Case": {
        "caseArticleSuggestions": "/suggestedArticles",
        "caseRowArticleSuggestions": "/{ID}/suggestedArticles",
    },
    "Event": {"eventSeriesUpdates": "/{ID}/fromThisEventOnwards"},
    "User": {
        "namedLayouts": "/describe/namedLayouts/{LayoutName}",
        "passwordUtilities": "/{ID}/password",
    },
}
_WITHOUT_LIST_VIEWS = frozenset({"Event", "Task", "User"})


@dataclass(frozen=True)
class RecordTypeInfo:
    """One of the object's record types besides Master."""

    record_type_id: str
    name: str
    developer_name: str


def describe_object(
    schema: Schema,
    sobject: SObject,
    version: float,
    base_path: str,
    *,
    instance_url: str = "",
    record_types: Iterable[RecordTypeInfo] = (),
) -> dict[str, Any]:
    """The answer of ``/sobjects/X/describe``.

    Args:
        base_path: Path of the REST API, e.g. ``/services/data/v66.0``.
        instance_url: The org's address, which the ``ui…`` URLs begin with.
        record_types: The object's record types; Master is added.
    """
    answer = {
        **sobject.flags,
        "actionOverrides": [],
        "childRelationships": [_child(one) for one in _children(sobject)],
        "compactLayoutable": sobject.flags["layoutable"],
        "custom": sobject.custom,
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [dict(one.describe) for one in sobject.fields.values()],
        "implementedBy": None,
        "implementsInterfaces": None,
        "keyPrefix": sobject.key_prefix,
        "label": sobject.label,
        "labelPlural": sobject.label_plural,
        "listviewable": None,
        "lookupLayoutable": None,
        "name": sobject.name,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": _record_types(sobject, base_path, record_types),
        "searchLayoutable": sobject.flags["searchable"],
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": label, "name": name} for name, label in sobject.scopes],
        "urls": _all_urls(sobject, version, base_path, instance_url),
    }
    if version < DESCRIBE_OPTION_SINCE:
        del answer["sobjectDescribeOption"]
    return _for_version(answer, version)


def describe_global(schema: Schema, version: float) -> dict[str, Any]:
    """The answer of ``/sobjects``: every object, and the change events of those that have them."""
    entries = [basic_describe(one, version) for one in schema.objects.values()]
    entries += [_change_event(one, version) for one in schema.objects.values() if has_changes(one)]
    entries.sort(key=lambda entry: str(entry["name"]))
    return {"encoding": "UTF-8", "maxBatchSize": MAX_BATCH_SIZE, "sobjects": entries}


def basic_describe(sobject: SObject, version: float) -> dict[str, Any]:
    """An object's entry in the global describe; ``/sobjects/X`` calls it `objectDescribe`."""
    base_path = f"/services/data/v{version:.1f}"
    entry = {
        **sobject.flags,
        "custom": sobject.custom,
        "keyPrefix": sobject.key_prefix,
        "label": sobject.label,
        "labelPlural": sobject.label_plural,
        "name": sobject.name,
        "urls": _data_urls(sobject, base_path),
    }
    return _for_version(entry, version)


def has_changes(sobject: SObject) -> bool:
    """Whether the object can be selected for change data capture."""
    return sobject.kind == "custom" or sobject.name in CHANGE_EVENT_OBJECTS


def change_event_name(sobject: SObject) -> str:
    """``AccountChangeEvent``; a custom object's ``__c`` is replaced: ``Order__ChangeEvent``."""
    bare = sobject.name.removesuffix("__c")
    return f"{bare}__ChangeEvent" if bare != sobject.name else f"{sobject.name}ChangeEvent"


def _for_version(answer: dict[str, Any], version: float) -> dict[str, Any]:
    if version < ASSOCIATE_ENTITY_SINCE:
        del answer["associateEntityType"], answer["associateParentEntity"]
    return dict(sorted(answer.items()))


def _change_event(sobject: SObject, version: float) -> dict[str, Any]:
    name = change_event_name(sobject)
    path = f"/services/data/v{version:.1f}/sobjects/{name}"
    entry = {
        **{flag: False for flag, value in sobject.flags.items() if isinstance(value, bool)},
        "associateEntityType": "ChangeEvent",
        "associateParentEntity": sobject.name,
        "custom": False,
        "keyPrefix": None,
        "label": f"{sobject.label} Change Event",
        "labelPlural": f"{sobject.label} Change Event",
        "name": name,
        "retrieveable": True,
        "triggerable": True,
        "urls": {
            "rowTemplate": f"{path}/{{ID}}",
            "eventSchema": f"{path}/eventSchema",
            "describe": f"{path}/describe",
            "sobject": path,
        },
    }
    return _for_version(entry, version)


def _children(sobject: SObject) -> list[ChildRelationship]:
    known = {(one.child_object, one.field) for one in sobject.children}
    foreign = [
        one for one in sobject.foreign_children if (one.child_object, one.field) not in known
    ]
    return sorted([*sobject.children, *foreign], key=lambda one: (one.child_object, one.field))


def _child(child: ChildRelationship) -> dict[str, Any]:
    return {
        "cascadeDelete": child.cascade_delete,
        "childSObject": child.child_object,
        "deprecatedAndHidden": False,
        "field": child.field,
        "junctionIdListNames": list(child.junction_id_list_names),
        "junctionReferenceTo": list(child.junction_reference_to),
        "relationshipName": child.relationship_name,
        "restrictedDelete": child.restricted_delete,
    }


def _record_types(
    sobject: SObject, base_path: str, others: Iterable[RecordTypeInfo]
) -> list[dict[str, Any]]:
    if not sobject.has_master_record_type:
        return []
    infos = [*others, RecordTypeInfo(MASTER_RECORD_TYPE_ID, "Master", "Master")]
    layouts = f"{base_path}/sobjects/{sobject.name}/describe/layouts"
    return [
        {
            "active": True,
            "available": True,
            "defaultRecordTypeMapping": number == 0,
            "developerName": info.developer_name,
            "master": info.record_type_id == MASTER_RECORD_TYPE_ID,
            "name": info.name,
            "recordTypeId": info.record_type_id,
            "urls": {"layout": f"{layouts}/{info.record_type_id}"},
        }
        for number, info in enumerate(infos)
    ]


def _all_urls(
    sobject: SObject, version: float, base_path: str, instance_url: str
) -> dict[str, str]:
    urls = _data_urls(sobject, base_path)
    if sobject.flags["layoutable"]:
        urls["uiDetailTemplate"] = f"{instance_url}/{{ID}}"
        urls["uiEditTemplate"] = f"{instance_url}/{{ID}}/e"
        urls["uiNewRecord"] = f"{instance_url}/{sobject.key_prefix}/e"
        if version <= DEFAULT_VALUES_URL_UNTIL:
            path = f"{base_path}/sobjects/{sobject.name}"
            urls["defaultValues"] = f"{path}/defaultValues?recordTypeId&fields"
    return urls


def _data_urls(sobject: SObject, base_path: str) -> dict[str, str]:
    path = f"{base_path}/sobjects/{sobject.name}"
    return {key: path + rest for key, rest in _url_endings(sobject)}


def _url_endings(sobject: SObject) -> Iterator[tuple[str, str]]:
    yield "rowTemplate", "/{ID}"
    yield "describe", "/describe"
    if sobject.kind == "platform_event":
        yield "eventSchema", "/eventSchema"
    if sobject.flags["layoutable"]:
        yield "compactLayouts", "/describe/compactLayouts"
        yield "layouts", "/describe/layouts"
        yield "quickActions", "/quickActions"
        if sobject.flags["searchable"] and sobject.name not in _WITHOUT_LIST_VIEWS:
            yield "approvalLayouts", "/describe/approvalLayouts"
            yield "listviews", "/listviews"
    yield from _EXTRA_URLS.get(sobject.name, {}).items()
    yield "sobject", ""
