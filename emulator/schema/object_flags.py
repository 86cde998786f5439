"""An object's flags in describe answers, from its kind and what is particular about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# A standard object that users work with, as most of them are recorded.
_STANDARD: dict[str, Any] = {
    "activateable": False,
    "associateEntityType": None,
    "associateParentEntity": None,
    "createable": True,
    "customSetting": False,
    "deepCloneable": False,
    "deletable": True,
    "deprecatedAndHidden": False,
    "feedEnabled": False,
    "hasSubtypes": False,
    "isInterface": False,
    "isSubtype": False,
    "layoutable": True,
    "mergeable": False,
    "mruEnabled": True,
    "queryable": True,
    "replicateable": True,
    "retrieveable": True,
    "searchable": True,
    "triggerable": True,
    "undeletable": True,
    "updateable": True,
}

# What rows written by the system alone have in common (AccountHistory, recorded).
_READ_ONLY = dict.fromkeys(
    (
        "createable",
        "deletable",
        "layoutable",
        "mruEnabled",
        "searchable",
        "triggerable",
        "undeletable",
        "updateable",
    ),
    False,
)

_BY_KIND: dict[str, dict[str, Any]] = {
    "standard": {},
    "custom": {},
    "platform_event": {
        **_READ_ONLY,
        "createable": True,
        "queryable": False,
        "replicateable": False,
        "retrieveable": False,
        "triggerable": True,
    },
    "history": {**_READ_ONLY, "associateEntityType": "History"},
    "change_event": {
        **_READ_ONLY,
        "associateEntityType": "ChangeEvent",
        "queryable": False,
        "replicateable": False,
        "triggerable": True,
    },
}


def flags_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The flags by describe name; `flags` of the object's file overrides its kind."""
    kind = _BY_KIND[spec.get("kind", "standard")]
    return {**_STANDARD, **kind, **spec.get("flags", {})}
