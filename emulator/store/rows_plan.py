"""What one create or update writes into a row, before the database is asked anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.errors import ApiError
from emulator.schema.model import Field, Schema, SObject
from emulator.store.values import column_text

Columns = dict[str, str | None]

_STAMPS = frozenset(
    {"Id", "IsDeleted", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById",
     "SystemModstamp"}
)  # fmt: skip


def columns_of(
    schema: Schema, sobject: SObject, record: Mapping[str, Any], *, creating: bool, internal: bool
) -> Columns:
    """The columns that `record` sets, by field name as the schema spells it.

    Args:
        internal: The controls write, which may set fields that the API can't.

    Raises:
        ApiError: A field is unknown, read-only, or has a wrong value.
    """
    columns: Columns = {}
    refused: list[str] = []
    for name, value in record.items():
        if name.lower() in ("id", "attributes"):
            continue
        field = sobject.field(name)
        if field is None:
            raise _no_such_column(sobject, name)
        if not _writable(field, creating=creating, internal=internal):
            refused.append(field.name)
            continue
        columns[field.name] = column_text(schema, sobject, field, value)
    if refused:
        raise _read_only(refused)
    return columns


def check_required(sobject: SObject, columns: Columns, *, creating: bool) -> None:
    """Refuse a row without a required value.

    Raises:
        ApiError: Naming every field that is missing.
    """
    required = [one for one in sobject.fields.values() if one.required_on_create and one.is_stored]
    missing = [
        one.name
        for one in required
        if (creating or one.name in columns) and columns.get(one.name) is None
    ]
    if missing:
        raise ApiError(
            400,
            "REQUIRED_FIELD_MISSING",
            f"Required fields are missing: [{', '.join(missing)}]",
            missing,
        )


def default_columns(sobject: SObject, user_id: str) -> Columns:
    """The values that a new row has where the request gives none."""
    defaults: Columns = {}
    for field in sobject.stored_fields:
        text = _default_text(field, user_id)
        if text is not None:
            defaults[field.name] = text
    return defaults


def _default_text(field: Field, user_id: str) -> str | None:
    if field.name == "OwnerId" or (
        field.defaulted_on_create and field.reference_to == ("User",) and not field.nillable
    ):
        return user_id
    if field.type == "boolean":
        return "true" if field.default_value is True else "false"
    if field.default_value is not None:
        return str(field.default_value)
    for choice in field.describe["picklistValues"]:
        if choice["defaultValue"] and choice["active"]:
            return str(choice["value"])
    return None


def _writable(field: Field, *, creating: bool, internal: bool) -> bool:
    if internal:
        return field.is_stored and field.name not in _STAMPS
    return field.createable if creating else field.updateable


def _no_such_column(sobject: SObject, name: str) -> ApiError:
    return ApiError(
        400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}"
    )


def _read_only(names: list[str]) -> ApiError:
    return ApiError(
        400,
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings "
        "of this field and verify that it is read/write for your profile or permission set.",
        names,
    )
