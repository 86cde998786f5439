"""SELECT over rows: the SQL columns it needs, and the shape of the records made of them."""

from __future__ import annotations

from emulator.soql.binder import Column, Relations, Table, value_of
from emulator.soql.fragments import Sql
from emulator.soql.operands import kind_of
from emulator.soql.records import (
    Children,
    Compound,
    Content,
    Parent,
    RowShape,
    Scalar,
    Typed,
)
from emulator.soql.typed_parents import TypedBranch, TypedParent
from emulator.soql.value_formats import json_value


class RowSelection:
    """Collects columns one by one; each record also needs the Ids of its row and its parents."""

    def __init__(self, relations: Relations) -> None:
        self._relations = relations
        self.columns: list[Sql] = []
        self._shapes: dict[tuple[str, ...], RowShape] = {}
        self.shape = self._shape(relations.root)

    def add_column(self, column: Column) -> None:
        """A field of the object or of a parent."""
        shape = self._shape(column.table)
        field = column.field
        if field.is_compound:
            shape.slots.append(self._compound(column))
        elif field.type == "base64":
            index = self._add(Sql(f"{column.sql.text} IS NOT NULL"))
            content = Content(field, index, column.table.object.name, shape.id_index)
            shape.slots.append(content)
        else:
            index = self._add(json_value(column.kind or kind_of(field), column.sql))
            shape.slots.append(Scalar(field, index, column.alias))

    def add_children(self, name: str, rows: Sql, shape: RowShape) -> None:
        """A subquery: SQL that yields a list of structs, and the shape of each."""
        self.shape.slots.append(Children(name, self._add(rows), shape))

    def add_typed(self, typed: TypedParent) -> None:
        """The parent of a TYPEOF, its columns by object."""
        branches = [self._branch(one) for one in typed.branches]
        otherwise = self._branch(typed.otherwise) if typed.otherwise else None
        owner = self._shape(typed.owner)
        owner.slots.append(Typed(typed.relationship, tuple(branches), otherwise))

    def _branch(self, branch: TypedBranch) -> RowShape:
        """A shape of its own, not hung in as a parent: the Typed slot chooses among them."""
        shape = self._new_shape(branch.table)
        for column in branch.columns:
            self.add_column(column)
        return shape

    def _new_shape(self, table: Table) -> RowShape:
        shape = RowShape(table.object.name, self._add(Sql(table.column("Id"))))
        if table.polymorphic:
            shape.type_index = self._add(Sql(table.column("Type")))
        self._shapes[table.path] = shape
        return shape

    def _add(self, sql: Sql) -> int:
        self.columns.append(sql)
        return len(self.columns) - 1

    def _shape(self, table: Table) -> RowShape:
        """The shape that the table's fields belong to, hung into its child's when it is new."""
        if table.path not in self._shapes:
            shape = self._new_shape(table)
            if table.path:
                below = self._shape(self._relations.table(table.path[:-1]))
                below.slots.append(Parent(table.path[-1], shape))
        return self._shapes[table.path]

    def _compound(self, column: Column) -> Compound:
        table, name = column.table, column.field.name
        parts = [f for f in table.object.fields.values() if f.compound_field_name == name]
        values = {
            part_key(name, part.name): self._add(json_value(kind_of(part), value_of(table, part)))
            for part in parts
        }
        return Compound(column.field, tuple(sorted(values.items())))


def part_key(compound: str, part: str) -> str:
    """How a compound value calls a part: ``street`` for BillingStreet, ``latitude`` for a location.

    Sources: [nango] [amp], compound address.
    """
    prefix = compound.removesuffix("__c").removesuffix("Address")
    key = part.removeprefix(prefix).removeprefix("__").removesuffix("__s")
    return key[0].lower() + key[1:]
