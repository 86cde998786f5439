"""The ``Name`` object: what a path through a polymorphic reference reaches (Who, What, Owner)."""

from __future__ import annotations

from emulator.schema.columns import quoted, value_sql
from emulator.schema.model import Field, Schema, SObject
from emulator.soql.fragments import text_literal

# The fields of Name, and where the attributes of each are copied from: a field of the same type
# on User. Who.Email isn't reachable [soql reference].
_FIELDS = {
    "Id": "Id",
    "Name": "Name",
    "Type": "Username",
    "FirstName": "FirstName",
    "LastName": "LastName",
    "Alias": "Alias",
    "Title": "Title",
    "Username": "Username",
    "IsActive": "IsActive",
    "ProfileId": "ProfileId",
    "UserRoleId": "UserRoleId",
    "RecordTypeId": "ProfileId",
}
_FLAGS = {"filterable": True, "sortable": True, "groupable": True}


def name_object(schema: Schema) -> SObject:
    """``Name`` as this org has it: without the fields that its users lack."""
    user = schema.objects["User"]
    fields = {
        name: _field(name, user.fields[like])
        for name, like in _FIELDS.items()
        if like in user.fields
    }
    return SObject(
        name="Name",
        label="Name",
        label_plural="Names",
        key_prefix=None,
        custom=False,
        flags={"queryable": False},
        fields=fields,
    )


def _field(name: str, like: Field) -> Field:
    return Field({**like.describe, **_FLAGS, "name": name, "relationshipName": None})


def name_rows_sql(schema: Schema, targets: tuple[str, ...], name: SObject) -> str:
    """A query over all rows that a reference to `targets` can point to, in columns of Name."""
    objects = [schema.objects[target] for target in targets if target in schema.objects]
    selects = [_select(one, name) for one in objects if one.has_rows]
    return " UNION ALL ".join(selects)


def has_targets(schema: Schema, targets: tuple[str, ...]) -> bool:
    """Whether the org has an object that the reference can point to."""
    return any(t in schema.objects and schema.objects[t].has_rows for t in targets)


def _select(target: SObject, name: SObject) -> str:
    columns = ", ".join(f"{_value(target, one)} AS {quoted(one)}" for one in name.fields)
    return f"SELECT {columns} FROM {quoted(target.name)} n"


def _value(target: SObject, name: str) -> str:
    if name == "Type":
        return text_literal(target.name)
    source = target.name_field if name == "Name" else target.field(name)
    if source is None or source.is_compound:
        return "CAST(NULL AS BOOLEAN)" if name == "IsActive" else "CAST(NULL AS VARCHAR)"
    return value_sql(source, "n")
