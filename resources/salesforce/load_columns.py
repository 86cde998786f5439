"""The Salesforce columns of a load: a mapping's names looked up in describe."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from resources.salesforce.describe import FieldDescribe, SObjectDescribe
from resources.salesforce.errors import MappingError

NullPolicy = Literal["leave", "clear"]
LEAVE = ""  # in an update: keep what the org has
CLEAR = "#N/A"  # set to null
# `Field`, `Relationship.Field`, or `ObjectType:Relationship.Field` where the lookup may point to
# several objects (Bulk API 2.0 guide; one level only).
COLUMN = re.compile(r"(?:(?:(?P<type>\w+):)?(?P<relationship>\w+)\.)?(?P<field>\w+)", re.ASCII)


@dataclass(frozen=True)
class LoadColumn:
    """One column that is sent.

    ``name`` is the CSV header, ``field`` the object's own field that it sets. For a lookup by the
    parent's external id ``parent`` is the parent's field, and the cells hold values of that one.
    """

    name: str
    field: FieldDescribe
    parent: FieldDescribe | None = None
    nulls: NullPolicy = "leave"

    @property
    def typed(self) -> FieldDescribe:
        """The field whose type the cells have."""
        return self.parent or self.field

    @property
    def parent_type(self) -> str | None:
        """``Lead`` in ``Lead:Who.Email``."""
        return self._part("type")

    @property
    def relationship(self) -> str | None:
        """``Account__r`` in ``Account__r.ERP_Id__c``."""
        return self._part("relationship")

    def _part(self, part: str) -> str | None:
        match = COLUMN.fullmatch(self.name)
        return match[part] if match else None


def resolve_column(
    describe: SObjectDescribe,
    name: str,
    describe_of: Callable[[str], SObjectDescribe],
    nulls: NullPolicy = "leave",
) -> LoadColumn:
    """A mapping's name as a column.

    Whether the user may write the field (``createable``, ``updateable``) isn't asked here: that
    depends on the operation.

    Args:
        describe_of: Describes other objects by name; asked for the parent of a relationship.

    Raises:
        MappingError: No such relationship, a type where there must be none or the reverse, or a
            parent's field by which Salesforce can't look up.
        UnknownFieldError: The object, or the parent, shows no such field.
    """
    match = COLUMN.fullmatch(name)
    if match is None:
        raise MappingError(describe.name, name, "it isn't a field, nor Relationship.Field")
    if match["relationship"] is None:
        return LoadColumn(name, describe.field(name), None, nulls)
    lookup = describe.find_relationship(match["relationship"])
    if lookup is None:
        cause = f"it has no relationship {match['relationship']}"
        raise MappingError(describe.name, name, cause)
    parent = describe_of(_parent_type(describe, name, lookup, match["type"]))
    field = parent.field(match["field"])
    if not (field.external_id or field.id_lookup):
        cause = f"{parent.name}.{field.name} is neither an external id nor a lookup field"
        raise MappingError(describe.name, name, cause)
    return LoadColumn(name, lookup, field, nulls)


def _parent_type(
    describe: SObjectDescribe, name: str, lookup: FieldDescribe, given: str | None
) -> str:
    # Salesforce refuses the job when the type is missing, and also when it is superfluous.
    known = {found.lower(): found for found in lookup.reference_to}
    allowed = ", ".join(lookup.reference_to[:10])
    if not lookup.polymorphic:
        if given is not None:
            raise MappingError(describe.name, name, f"it points to {allowed} only; drop `{given}:`")
        return lookup.reference_to[0]
    if given is None or given.lower() not in known:
        cause = f"say which object it points to, as in {lookup.reference_to[0]}:{name}"
        raise MappingError(describe.name, name, f"{cause}; it may be one of {allowed}")
    return known[given.lower()]
