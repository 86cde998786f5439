"""The org's schema, read from the files in `objects/` and, if given, the user's own file."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from emulator.schema.errors import SchemaFileError
from emulator.schema.field_rules import describe_attributes, is_custom
from emulator.schema.formula_check import broken_formulas, broken_rules
from emulator.schema.live_fields import PLACE, FieldEdits, with_edits
from emulator.schema.model import ChildRelationship, Field, Schema, SObject, ValidationRule
from emulator.schema.object_flags import flags_of
from emulator.schema.system_fields import SYSTEM_FIELDS
from emulator.schema.user_schema import read_user_schema

OBJECTS_FOLDER = Path(__file__).parent / "objects"
VALUE_SETS_FILE = "value_sets.json"

# Describes don't list merged records as children of the one that survived.
MERGED_INTO = "MasterRecordId"

ObjectSpec = Mapping[str, Any]


def load_schema(extra: Path | None = None, edits: FieldEdits | None = None) -> Schema:
    """All objects of the org.

    Args:
        extra: The user's YAML file with further objects and fields; see `user_schema`.
        edits: What became of fields while the org lived; see `live_fields`.

    Raises:
        SchemaFileError: Something in them is wrong; the message says what and where.
    """
    specs = dict(_own_specs())
    if extra is not None:
        specs = read_user_schema(extra, specs)
    if edits:
        specs = with_edits(specs, edits)
    schema = build_schema(specs, value_sets())
    place = PLACE if edits else extra
    if place is not None:
        _check_formulas(schema, place)
        _check_rules(schema, place)
        _check_child_names(schema, place)
    return schema


def _check_formulas(schema: Schema, file: Path) -> None:
    for sobject, field, problem in broken_formulas(schema):
        raise SchemaFileError(
            file,
            f"{sobject.name}.{field.name}.formula",
            f"DuckDB refuses it: {problem}",
            'Columns are quoted and belong to the row: {row}."Amount__c".',
        )


def _check_rules(schema: Schema, file: Path) -> None:
    for sobject, rule, problem in broken_rules(schema):
        raise SchemaFileError(
            file,
            f"{sobject.name}.validationRules.{rule.name}.expression",
            f"DuckDB refuses it: {problem}",
            'It is a condition over stored fields of the row: {row}."Amount__c" < 0.',
        )


def _check_child_names(schema: Schema, file: Path) -> None:
    for sobject in schema.objects.values():
        names = [one.relationship_name for one in sobject.children if one.relationship_name]
        for child in sobject.children:
            if is_custom(child.field) and names.count(child.relationship_name or "") > 1:
                raise SchemaFileError(
                    file,
                    f"{child.child_object}.{child.field}.child",
                    f"{sobject.name} has another child relationship {child.relationship_name}",
                    "Choose another name.",
                )


def build_schema(specs: Mapping[str, ObjectSpec], sets: Mapping[str, Sequence[Any]]) -> Schema:
    """Objects with their fields, then the relations that those fields make between them."""
    bare = {name: _sobject(spec, sets) for name, spec in specs.items()}
    children = _children(specs, bare)
    return Schema(
        {name: replace(bare[name], children=tuple(children[name])) for name in sorted(bare)}
    )


@cache
def value_sets() -> dict[str, list[Any]]:
    """Picklist entries that several fields share, by name."""
    sets: dict[str, list[Any]] = json.loads((OBJECTS_FOLDER / VALUE_SETS_FILE).read_text("utf-8"))
    return sets


@cache
def _own_specs() -> dict[str, ObjectSpec]:
    specs = [
        json.loads(path.read_text("utf-8"))
        for path in sorted(OBJECTS_FOLDER.glob("*.json"))
        if path.name != VALUE_SETS_FILE
    ]
    return {spec["name"]: spec for spec in specs}


def field_spec(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A field's spec with what its name alone implies."""
    return {**SYSTEM_FIELDS.get(name, {}), **given}


def _sobject(spec: ObjectSpec, sets: Mapping[str, Sequence[Any]]) -> SObject:
    fields = {name: _field(name, given, sets) for name, given in spec["fields"].items()}
    return SObject(
        name=spec["name"],
        label=spec["label"],
        label_plural=spec["labelPlural"],
        key_prefix=spec["keyPrefix"],
        id_prefix=spec["keyPrefix"] or spec.get("idPrefix"),
        custom=spec.get("kind") in ("custom", "platform_event"),
        flags=flags_of(spec),
        fields=fields,
        kind=spec.get("kind", "standard"),
        foreign_children=tuple(_foreign_child(row) for row in spec.get("foreignChildren", ())),
        scopes=tuple((name, label) for name, label in spec.get("scopes", ())),
        has_master_record_type=spec.get("masterRecordType", True),
        rules=tuple(ValidationRule(**rule) for rule in spec.get("validationRules", ())),
    )


def _field(name: str, given: Mapping[str, Any], sets: Mapping[str, Sequence[Any]]) -> Field:
    spec = field_spec(name, given)
    return Field(
        describe=describe_attributes(name, spec, sets),
        formula=spec.get("formula"),
        number_format=spec.get("numberFormat"),
        default_formula=spec.get("defaultFormula"),
        follows=spec.get("follows"),
        change_formula=spec.get("changeFormula", spec.get("defaultFormula")),
    )


def _children(
    specs: Mapping[str, ObjectSpec], objects: Mapping[str, SObject]
) -> dict[str, list[ChildRelationship]]:
    """Per object the references that point to it, sorted as Salesforce lists them."""
    children: dict[str, list[ChildRelationship]] = defaultdict(list)
    for child_name in sorted(specs):
        for name, given in specs[child_name]["fields"].items():
            if name == MERGED_INTO:
                continue
            spec = field_spec(name, given)
            for parent in objects[child_name].fields[name].reference_to:
                children[parent].append(_child(child_name, name, spec.get("child", {})))
    return children


def _child(child_object: str, field_name: str, spec: Mapping[str, Any]) -> ChildRelationship:
    return ChildRelationship(
        child_object=child_object,
        field=field_name,
        relationship_name=spec.get("name"),
        cascade_delete=spec.get("cascadeDelete", False),
        restricted_delete=spec.get("restrictedDelete", False),
        junction_id_list_names=tuple(spec.get("junctionIdListNames", ())),
        junction_reference_to=tuple(spec.get("junctionReferenceTo", ())),
    )


def _foreign_child(row: Sequence[Any]) -> ChildRelationship:
    child_object, field_name, relationship_name, *more = row
    spec = {"name": relationship_name, **(more[0] if more else {})}
    return _child(child_object, field_name, spec)
