"""The header of an uploaded CSV against an object: which field each column sets, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.errors import EmulatorError
from emulator.schema.model import Field, Schema, SObject

INSERT, UPDATE, UPSERT = "insert", "update", "upsert"
DELETE, HARD_DELETE = "delete", "hardDelete"
OPERATIONS = (INSERT, UPDATE, UPSERT, DELETE, HARD_DELETE)
DELETIONS = frozenset({DELETE, HARD_DELETE})


class IngestError(EmulatorError):
    """The whole job fails; the message is its `errorMessage` [amp] [bulk guide]."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Column:
    """A column of the upload.

    Attributes:
        number: Its place, from 0.
        field: The field that it sets: for ``Account__r.ERP_Id__c`` this is ``Account__c``.
        parent, parent_field: For such a column, by what the parent is found.
    """

    number: int
    field: Field
    parent: SObject | None = None
    parent_field: Field | None = None


@dataclass(frozen=True)
class Target:
    """What a job writes.

    Attributes:
        key: The field by which an upsert finds its rows; Id for updates and deletions.
        columns: Those that set fields, without Id.
        id_column: Place of the column Id, if there is one.
    """

    sobject: SObject
    operation: str
    key: Field
    columns: tuple[Column, ...]
    id_column: int | None

    @property
    def key_column(self) -> int | None:
        """Place of the key's column; None when the file has none."""
        if self.key.type == "id":
            return self.id_column
        return next(
            (
                one.number
                for one in self.columns
                if one.field.name == self.key.name and one.parent is None
            ),
            None,
        )


def target_of(
    schema: Schema, sobject: SObject, operation: str, key: Field, header: Sequence[str]
) -> Target:
    """What a job with this header writes.

    Raises:
        IngestError: A column is no field, or not written as it must be.
    """
    columns: dict[str, Column] = {}
    id_column: int | None = None
    for number, name in enumerate(header):
        if name.lower() == "id":
            if id_column is not None:
                raise _twice(name)
            id_column = number
            continue
        if operation in DELETIONS:
            raise IngestError("InvalidBatch : Delete batch must only contain ids")
        column = _column(schema, sobject, number, name)
        if column.field.name in columns:
            raise _twice(name)
        columns[column.field.name] = column
    return Target(sobject, operation, key, tuple(columns.values()), id_column)


def _column(schema: Schema, sobject: SObject, number: int, name: str) -> Column:
    if "." in name:
        return _parent_column(schema, sobject, number, name)
    field = sobject.field(name)
    if field is None or field.is_compound:
        raise _not_found(name)
    return Column(number, field)


def _parent_column(schema: Schema, sobject: SObject, number: int, name: str) -> Column:
    path, _, field_name = name.partition(".")
    kind, colon, relationship = path.rpartition(":")
    field = sobject.relationship(relationship)
    if field is None:
        raise IngestError(f"InvalidBatch : Unable to find relationship: {relationship}")
    if colon and not field.polymorphic:
        raise IngestError(
            "InvalidBatch : type is not needed for non polymorphic foreign key references: "
            f"{relationship}"
        )
    if field.polymorphic and not colon:
        raise IngestError(
            f"InvalidBatch : type is needed for polymorphic foreign key references: {relationship}"
        )
    parent = _parent(schema, field, kind)
    parent_field = parent.field(field_name) if parent is not None else None
    if parent is None or parent_field is None:
        raise _not_found(name)
    if not (parent_field.external_id or parent_field.id_lookup):
        raise IngestError(
            f"InvalidBatch : Field name provided, {parent_field.name} is not an External ID or "
            f"indexed field for {parent.name}"
        )
    return Column(number, field, parent, parent_field)


def _parent(schema: Schema, field: Field, kind: str) -> SObject | None:
    names = field.reference_to
    if kind:
        names = tuple(name for name in names if name.lower() == kind.lower())
    found = next((schema.objects[name] for name in names if name in schema.objects), None)
    return found if found is not None and found.has_rows else None


def _not_found(name: str) -> IngestError:
    return IngestError(f"InvalidBatch : Field name not found : {name}")


def _twice(name: str) -> IngestError:
    return IngestError(f"InvalidBatch : Duplicate field name found : {name}")
