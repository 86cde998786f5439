"""The org's schema in memory: objects, their fields, and the relations between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

COMPOUND_TYPES = frozenset({"address", "location"})


@dataclass(frozen=True)
class Field:
    """One field of an object.

    Attributes:
        describe: The 57 attributes of a describe answer, by their names there.
        formula: DuckDB SQL that yields the value on read, ``{row}`` standing for the table's
            alias; None when the value is stored. Salesforce also derives fields that it doesn't
            call ``calculated`` (a contact's Name), so this is apart from that attribute.
        number_format: For auto-number fields, e.g. ``ORD-{000000}``.
        default_formula: DuckDB SQL over the new row for a value that wasn't given on create,
            where a constant (`default_value`) can't say it.
        follows: A field of the same object. An update that changes it, and doesn't give this
            field a value, sets this one to `change_formula` over the changed row.
    """

    describe: Mapping[str, Any]
    formula: str | None = None
    number_format: str | None = None
    default_formula: str | None = None
    follows: str | None = None
    change_formula: str | None = None

    @cached_property
    def name(self) -> str:
        return str(self.describe["name"])

    @cached_property
    def type(self) -> str:
        """The describe type, e.g. ``string``, ``picklist``, ``datetime``."""
        return str(self.describe["type"])

    @property
    def label(self) -> str:
        return str(self.describe["label"])

    @property
    def length(self) -> int:
        return int(self.describe["length"])

    @property
    def precision(self) -> int:
        return int(self.describe["precision"])

    @property
    def scale(self) -> int:
        return int(self.describe["scale"])

    @property
    def digits(self) -> int:
        return int(self.describe["digits"])

    @property
    def nillable(self) -> bool:
        return bool(self.describe["nillable"])

    @property
    def createable(self) -> bool:
        return bool(self.describe["createable"])

    @property
    def updateable(self) -> bool:
        return bool(self.describe["updateable"])

    @property
    def filterable(self) -> bool:
        return bool(self.describe["filterable"])

    @property
    def sortable(self) -> bool:
        return bool(self.describe["sortable"])

    @property
    def groupable(self) -> bool:
        return bool(self.describe["groupable"])

    @property
    def aggregatable(self) -> bool:
        return bool(self.describe["aggregatable"])

    @property
    def custom(self) -> bool:
        return bool(self.describe["custom"])

    @property
    def calculated(self) -> bool:
        return bool(self.describe["calculated"])

    @property
    def external_id(self) -> bool:
        return bool(self.describe["externalId"])

    @property
    def id_lookup(self) -> bool:
        return bool(self.describe["idLookup"])

    @property
    def unique(self) -> bool:
        return bool(self.describe["unique"])

    @property
    def case_sensitive(self) -> bool:
        return bool(self.describe["caseSensitive"])

    @property
    def auto_number(self) -> bool:
        return bool(self.describe["autoNumber"])

    @property
    def number_parts(self) -> tuple[str, int, str]:
        """Of an auto-number: what stands before the number, its least digits, what stands after."""
        before, _, rest = (self.number_format or "{00000000}").partition("{")
        zeros, _, after = rest.partition("}")
        return before, len(zeros), after

    @property
    def defaulted_on_create(self) -> bool:
        return bool(self.describe["defaultedOnCreate"])

    @property
    def default_value(self) -> Any:
        return self.describe["defaultValue"]

    @property
    def required_on_create(self) -> bool:
        """Whether an insert without it is refused: writable, not nillable, and no default."""
        return self.createable and not self.nillable and not self.defaulted_on_create

    @cached_property
    def reference_to(self) -> tuple[str, ...]:
        return tuple(self.describe["referenceTo"])

    @property
    def relationship_name(self) -> str | None:
        name = self.describe["relationshipName"]
        return None if name is None else str(name)

    @property
    def polymorphic(self) -> bool:
        return bool(self.describe["polymorphicForeignKey"])

    @cached_property
    def picklist_values(self) -> tuple[str, ...]:
        """Active values in the order of their definition."""
        return tuple(v["value"] for v in self.describe["picklistValues"] if v["active"])

    @property
    def restricted_picklist(self) -> bool:
        return bool(self.describe["restrictedPicklist"])

    @property
    def compound_field_name(self) -> str | None:
        name = self.describe["compoundFieldName"]
        return None if name is None else str(name)

    @property
    def name_field(self) -> bool:
        return bool(self.describe["nameField"])

    @property
    def html_formatted(self) -> bool:
        return bool(self.describe["htmlFormatted"])

    @property
    def is_compound(self) -> bool:
        """Whether it is an address or location, made of its parts and never stored."""
        return self.type in COMPOUND_TYPES

    @property
    def is_stored(self) -> bool:
        """Whether the object's table has a column for it."""
        return not self.is_compound and self.formula is None


@dataclass(frozen=True)
class ValidationRule:
    """What a row must not be when the API has written it.

    Attributes:
        expression: DuckDB SQL over the row's stored fields, ``{row}`` standing for it; when it is
            true the row is refused, as with Salesforce's error condition formulas.
        field: The field that the message is shown at; None for the top of the page.
    """

    name: str
    expression: str
    message: str
    field: str | None = None


@dataclass(frozen=True)
class ChildRelationship:
    """A reference seen from its target: which rows of `child_object` point here, by which field.

    Without a `relationship_name` no subquery can follow it.
    """

    child_object: str
    field: str
    relationship_name: str | None
    cascade_delete: bool = False
    restricted_delete: bool = False
    junction_id_list_names: tuple[str, ...] = ()
    junction_reference_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class SObject:
    """One object: its flags as the global describe gives them, its fields in describe order.

    Attributes:
        key_prefix: As describe gives it; null for objects like AccountHistory.
        id_prefix: What its rows' Ids begin with.
        flags: `createable`, `queryable`, `replicateable`, … by their describe names.
        children: Relationships from objects that this org has.
        foreign_children: Recorded relationships from objects it doesn't have; describe lists them.
        scopes: (name, label) of the supported scopes.
        kind: ``standard``, ``custom``, ``platform_event``, ``history`` or ``change_event``.
        rules: In the order of their declaration; the first that is broken refuses the row.
    """

    name: str
    label: str
    label_plural: str
    key_prefix: str | None
    custom: bool
    flags: Mapping[str, Any]
    fields: Mapping[str, Field]
    id_prefix: str | None = None
    kind: str = "standard"
    children: tuple[ChildRelationship, ...] = ()
    foreign_children: tuple[ChildRelationship, ...] = ()
    scopes: tuple[tuple[str, str], ...] = ()
    has_master_record_type: bool = True
    rules: tuple[ValidationRule, ...] = ()
    _by_lower: dict[str, Field] = field(default_factory=dict, repr=False, compare=False)
    _by_relationship: dict[str, Field] = field(default_factory=dict, repr=False, compare=False)
    _by_child: dict[str, ChildRelationship] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for one in self.fields.values():
            self._by_lower[one.name.lower()] = one
            if one.type == "reference" and one.relationship_name:
                self._by_relationship[one.relationship_name.lower()] = one
        for child in self.children:
            if child.relationship_name:
                self._by_child[child.relationship_name.lower()] = child

    def field(self, name: str) -> Field | None:
        """The field of that API name, in any case."""
        return self._by_lower.get(name.lower())

    def relationship(self, name: str) -> Field | None:
        """The reference field whose parent path is `name`, in any case."""
        return self._by_relationship.get(name.lower())

    def child(self, name: str) -> ChildRelationship | None:
        """The child relationship of that name, in any case."""
        return self._by_child.get(name.lower())

    @cached_property
    def name_field(self) -> Field | None:
        """The field that names a row: not always ``Name``, and some objects have none."""
        return next((one for one in self.fields.values() if one.name_field), None)

    @cached_property
    def stored_fields(self) -> tuple[Field, ...]:
        return tuple(one for one in self.fields.values() if one.is_stored)

    @property
    def has_rows(self) -> bool:
        """Whether the store keeps a table for it (events are published, not stored)."""
        return self.kind not in ("platform_event", "change_event")


@dataclass(frozen=True)
class Schema:
    """All objects of the org, by name, sorted as the global describe lists them."""

    objects: Mapping[str, SObject]
    _by_lower: dict[str, SObject] = field(default_factory=dict, repr=False, compare=False)
    _by_prefix: dict[str, SObject] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for one in self.objects.values():
            self._by_lower[one.name.lower()] = one
            if one.id_prefix:
                self._by_prefix[one.id_prefix] = one

    def object(self, name: str) -> SObject | None:
        """The object of that API name, in any case."""
        return self._by_lower.get(name.lower())

    def by_prefix(self, record_id: str) -> SObject | None:
        """The object whose key prefix the Id begins with."""
        return self._by_prefix.get(record_id[:3])
