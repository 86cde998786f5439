"""Fields that mean the same on every object, so that object files only name them."""

from __future__ import annotations

from typing import Any

_ALWAYS = {"write": "never", "nillable": False, "defaultedOnCreate": True}
_USER = {"type": "reference", "referenceTo": ["User"], **_ALWAYS}

SYSTEM_FIELDS: dict[str, dict[str, Any]] = {
    "Id": {"type": "id", "label": "Record ID"},
    "IsDeleted": {"type": "boolean", "label": "Deleted", "write": "never"},
    "OwnerId": {
        "type": "reference",
        "referenceTo": ["User"],
        "nillable": False,
        "defaultedOnCreate": True,
    },
    "CreatedDate": {"type": "datetime", **_ALWAYS},
    "CreatedById": {**_USER, "label": "Created By ID"},
    "LastModifiedDate": {"type": "datetime", **_ALWAYS},
    "LastModifiedById": {**_USER, "label": "Last Modified By ID"},
    "SystemModstamp": {"type": "datetime", **_ALWAYS},
    "LastActivityDate": {"type": "date", "label": "Last Activity", "write": "never"},
    "LastViewedDate": {"type": "datetime", "write": "never"},
    "LastReferencedDate": {"type": "datetime", "write": "never"},
    "RecordTypeId": {
        "type": "reference",
        "referenceTo": ["RecordType"],
        "permissionable": False,
        "searchPrefilterable": False,
    },
    "PhotoUrl": {
        "type": "url",
        "label": "Photo URL",
        "extraTypeInfo": "imageurl",
        "write": "never",
        # As real orgs answer for rows without a picture of their own.
        "formula": "'/services/images/photo/' || {row}.\"Id\"",
    },
}
