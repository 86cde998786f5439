"""Custom fields that objects got while the org lived: added, or converted to another type."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.schema.field_rules import is_custom
from emulator.schema.model import SObject
from emulator.schema.schema_file import Place
from emulator.schema.user_fields import user_field

FieldEdits = Mapping[str, Mapping[str, Any]]
ObjectSpecs = Mapping[str, Mapping[str, Any]]

#: What errors name in place of a file.
PLACE = Path("/_emulator/fields")
# "Conversions That Generate a Change Event" (Change Data Capture guide): dates from and to any
# other type, checkboxes and multi-select picklists to any other. Values of others are kept.
_LOSE_FROM = frozenset({"date", "datetime", "boolean", "multipicklist"})
_LOSE_TO = frozenset({"date", "datetime"})


def with_edits(specs: ObjectSpecs, edits: FieldEdits) -> dict[str, Mapping[str, Any]]:
    """The org's object specs with fields added, or in the place of those of that name.

    Args:
        edits: By object and field, in the words of the user's schema file.

    Raises:
        SchemaFileError: Something in a field is wrong.
    """
    edited = dict(specs)
    for name, given in edits.items():
        here = Place(PLACE).at(name)
        here.one_of(name, specs, "an object of this org")
        fields = dict(edited[name]["fields"])
        for field, wanted in given.items():
            others = {other: spec for other, spec in fields.items() if other != field}
            base = {**edited[name], "fields": others}
            fields[field] = user_field(field, wanted, base, specs, here.at(field))
        edited[name] = {**edited[name], "fields": fields}
    return edited


def check_new(sobject: SObject, given: Mapping[str, Any]) -> None:
    """Refuse fields that can't be added to rows that are there.

    Raises:
        SchemaFileError: One of them.
    """
    for name, wanted in given.items():
        here = Place(PLACE).at(sobject.name).at(name)
        if not is_custom(name):
            raise here.error("a custom field ends in __c", f"Call it {name}__c.")
        if sobject.field(name) is not None:
            raise here.error(f"{sobject.name} has this field already", "Choose another name.")
        if isinstance(wanted, Mapping) and "numberFormat" in wanted:
            raise here.error("rows that are there would have no number", "Use --schema.")


def check_converted(sobject: SObject, given: Mapping[str, Any]) -> None:
    """Refuse conversions that don't lose a field's values.

    Raises:
        SchemaFileError: One of them.
    """
    for name, wanted in given.items():
        here = Place(PLACE).at(sobject.name).at(name)
        field = sobject.fields.get(name)
        if field is None or not field.custom or not field.is_stored:
            raise here.error("isn't a custom field with values", "Add it by POST first.")
        kind = wanted.get("type") if isinstance(wanted, Mapping) else None
        if kind == field.type or not (field.type in _LOSE_FROM or kind in _LOSE_TO):
            raise here.error(
                f"{field.type} to {kind} loses no values",
                f"Convert from {', '.join(sorted(_LOSE_FROM))}, or to {' or '.join(_LOSE_TO)}.",
            )
