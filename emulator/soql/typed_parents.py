"""TYPEOF: other fields of a polymorphic parent for each object that it may be of."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.soql.binder import Column, Relations, Table, find_object
from emulator.soql.nodes import FieldPath, TypeBranch, TypeOf

# Source: [soql reference].
SINCE_VERSION = 46.0


@dataclass(frozen=True, slots=True)
class TypedBranch:
    """The rows of one object among the parents, or all of them as Name; what is selected there."""

    table: Table
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class TypedParent:
    """A TYPEOF with its names looked up.

    Attributes:
        owner: Whose reference it is.
        relationship: As the schema spells it; the key in answers.
        otherwise: None without ELSE.
    """

    owner: Table
    relationship: str
    branches: tuple[TypedBranch, ...]
    otherwise: TypedBranch | None

    @property
    def name(self) -> str:
        """The path as answers spell it, e.g. ``Parent.Owner``."""
        return ".".join((*self.owner.path, self.relationship))


def typed_parent(relations: Relations, item: TypeOf) -> TypedParent:
    """The tables and columns of a TYPEOF.

    Raises:
        SoqlError: The reference isn't polymorphic, or can't be of an object that WHEN names.
    """
    compilation = relations.compilation
    if compilation.context.api_version < SINCE_VERSION:
        raise compilation.error(item.position, "TYPEOF is not supported in this API version")
    reference = relations.reference(item.reference)
    if not reference.polymorphic:
        message = f"Cannot use TYPEOF on field {item.reference}, which is not polymorphic"
        raise compilation.error(item.reference.position, message)
    parent = relations.parent(item.reference)
    otherwise = _branch(relations, parent, item.otherwise) if item.otherwise else None
    return TypedParent(
        relations.table(parent.path[:-1]),
        parent.path[-1],
        tuple(_when(relations, item, one) for one in item.branches),
        otherwise,
    )


def _when(relations: Relations, item: TypeOf, branch: TypeBranch) -> TypedBranch:
    compilation = relations.compilation
    target = find_object(compilation, branch.type_name, branch.position)
    if target.name not in relations.reference(item.reference).reference_to:
        message = f"{item.reference} can't be of type {target.name}"
        raise compilation.error(branch.position, message)
    table = relations.typed_parent(item.reference, target)
    return _branch(relations, table, branch.fields)


def _branch(relations: Relations, table: Table, fields: tuple[FieldPath, ...]) -> TypedBranch:
    return TypedBranch(table, tuple(relations.column_of(table, path) for path in fields))
