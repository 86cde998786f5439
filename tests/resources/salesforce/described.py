"""Descriptions of made-up objects, as an org would send them."""

from typing import Any

from resources.salesforce.describe import SObjectDescribe, parse_describe

OBJECT = {
    "name": "Order__c",
    "label": "Order",
    "labelPlural": "Orders",
    "keyPrefix": "a00",
    "custom": True,
    "queryable": True,
    "replicateable": True,
    "createable": True,
    "updateable": True,
    "deletable": True,
}
FIELD = {
    "label": "A field",
    "length": 0,
    "precision": 0,
    "scale": 0,
    "digits": 0,
    "nillable": True,
    "createable": True,
    "updateable": True,
    "externalId": False,
    "idLookup": False,
    "unique": False,
    "caseSensitive": False,
    "calculated": False,
    "autoNumber": False,
    "defaultedOnCreate": False,
    "filterable": True,
    "sortable": True,
    "nameField": False,
    "compoundFieldName": None,
    "referenceTo": [],
    "relationshipName": None,
    "polymorphicForeignKey": False,
    "picklistValues": [],
    "restrictedPicklist": False,
    "custom": False,
}


def field(name: str, kind: str, **attributes: Any) -> dict[str, Any]:
    """One field as JSON."""
    return {**FIELD, "name": name, "type": kind, **attributes}


def described(*fields: dict[str, Any], name: str = "Order__c") -> SObjectDescribe:
    """An object of these fields."""
    return parse_describe({**OBJECT, "name": name, "fields": list(fields)})
