"""Parents that a body names by their external id: `{"Account": {"ERP_Id__c": "E-1"}}`.

Sources: [rest guide] [nango]; the texts as many users quote them (codes and messages of all but the
polymorphic case aren't recorded).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.errors import ApiError
from emulator.schema.model import Field, Schema, SObject
from emulator.store.database import Connection
from emulator.store.lookups import Errors, rows_with_value

Row = dict[str, Any]


@dataclass(frozen=True)
class _ParentKey:
    """A parent that is looked for: the row that names it, its lookup field, and its key."""

    number: int
    lookup: Field
    target: SObject
    field: Field
    value: str


def with_parents(
    connection: Connection, schema: Schema, sobject: SObject, rows: Sequence[Mapping[str, Any]]
) -> tuple[list[Row], Errors]:
    """The rows with Ids in place of nested parents, and by number the rows that can't have them.

    One query per object and key field, however many rows there are.
    """
    flat: list[Row] = []
    wanted: list[_ParentKey] = []
    errors: Errors = {}
    for number, row in enumerate(rows):
        plain: Row = {}
        for name, value in row.items():
            lookup = sobject.relationship(name)
            if lookup is None or sobject.field(name) is not None:
                plain[name] = value
            elif value is None:
                plain[lookup.name] = None
            else:
                try:
                    wanted.append(_parent_key(schema, number, lookup, value))
                except ApiError as error:
                    errors.setdefault(number, error)
        flat.append(plain)
    _fill_in(connection, flat, wanted, errors)
    return flat, errors


def _parent_key(schema: Schema, number: int, lookup: Field, value: Any) -> _ParentKey:
    if not isinstance(value, dict):
        raise ApiError(
            400, "JSON_PARSER_ERROR", f"{lookup.relationship_name} must be a nested object"
        )
    target = schema.object(_target_name(lookup, value))
    if target is None or target.name not in lookup.reference_to:
        raise _invalid(
            "The external foreign key reference does not reference a valid entity: "
            f"{_target_name(lookup, value)}"
        )
    keys = {name: given for name, given in value.items() if name.lower() != "attributes"}
    if len(keys) != 1:
        raise _invalid(
            f"{len(keys)} fields provided in an external foreign key reference in entity: "
            f"{target.name}; name one"
        )
    ((name, given),) = keys.items()
    field = target.field(name)
    if field is None or not (field.external_id or field.id_lookup):
        raise _invalid(
            f"Field name provided, {name} does not match an External ID, Salesforce Id, or indexed "
            f"field for {target.name}"
        )
    return _ParentKey(number, lookup, target, field, key_text(given))


def _target_name(lookup: Field, value: Mapping[str, Any]) -> str:
    attributes = value.get("attributes")
    kind = attributes.get("type") if isinstance(attributes, dict) else None
    if lookup.polymorphic:
        if next(iter(value), None) != "attributes" or not isinstance(kind, str):
            raise ApiError(
                400,
                "JSON_PARSER_ERROR",
                "Nested object for polymorphic foreign key must have an attributes field before "
                "any other fields.",
            )
        return kind
    return str(kind) if kind else lookup.reference_to[0]


def key_text(value: Any) -> str:
    """The text of an external id as JSON gives it; empty for null.

    Raises:
        ApiError: It is neither text nor number.
    """
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ApiError(400, "JSON_PARSER_ERROR", "An external id is a text or a number")
    return str(value)


def _fill_in(
    connection: Connection, rows: list[Row], wanted: Sequence[_ParentKey], errors: Errors
) -> None:
    groups: dict[tuple[str, str], list[_ParentKey]] = defaultdict(list)
    for one in wanted:
        groups[one.target.name, one.field.name].append(one)
    for group in groups.values():
        values = sorted({one.value for one in group if one.value})
        found: dict[str, list[str]] = defaultdict(list)
        for value, record_id in rows_with_value(
            connection, group[0].target, group[0].field, values
        ):
            found[value].append(record_id)
        for one in group:
            ids = found[one.value]
            if len(ids) == 1:
                rows[one.number][one.lookup.name] = ids[0]
            else:
                errors.setdefault(one.number, several_matches(ids) if ids else _unknown(one))


def _unknown(key: _ParentKey) -> ApiError:
    return _invalid(
        f"Foreign key external ID: {key.value} not found for field {key.field.name} "
        f"in entity {key.target.name}"
    )


def several_matches(ids: Sequence[str]) -> ApiError:
    """The refusal of an external id that more than one row has."""
    return ApiError(
        400,
        "DUPLICATE_EXTERNAL_ID",
        f"more than one record found for external id field: [{', '.join(ids)}]",
        [],
    )


def _invalid(message: str) -> ApiError:
    return ApiError(400, "INVALID_FIELD", message, [])
