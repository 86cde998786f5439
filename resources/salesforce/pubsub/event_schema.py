"""An event's Avro schema as columns: which there are, how they are named, of which Arrow type.

Names are the API's: the parts of compound fields, which events nest (`BillingAddress.Street`), get
the names under which REST and Bulk know them (`BillingStreet`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import fastavro
import pyarrow as pa

from resources.salesforce.arrow_types import (
    NUMBER_TYPES,
    TEXT_LIST,
    TIME,
    TIMESTAMP,
    Numbers,
    arrow_schema,
)
from resources.salesforce.describe import SObjectDescribe
from resources.salesforce.pubsub.avro_shape import Path, Record, leaf_paths, record_shape
from resources.salesforce.pubsub.errors import SchemaFormatError

HEADER = "ChangeEventHeader"
# Of the values as they travel; all of them are always there.
HEADER_TYPES: Mapping[str, pa.DataType] = {
    "entityName": pa.string(),
    "recordIds": TEXT_LIST,
    "changeType": pa.string(),
    "changeOrigin": pa.string(),
    "transactionKey": pa.string(),
    "sequenceNumber": pa.int32(),
    "commitTimestamp": pa.int64(),
    "commitNumber": pa.int64(),
    "commitUser": pa.string(),
    "nulledFields": TEXT_LIST,
    "diffFields": TEXT_LIST,
    "changedFields": TEXT_LIST,
}
NAME = "Name"
ADDRESS = "Address"
# Dates, datetimes and times of day are all longs or ints; only the documentation of the field
# says which: "Data:DateTime:…" in change events, "CreatedDate:DateTime" in platform events.
HINTED: Mapping[str, pa.DataType] = {
    "DateTime": TIMESTAMP,
    "DateOnly": pa.date32(),
    "Date": pa.date32(),
    "TimeOnly": TIME,
    "Time": TIME,
}
BY_AVRO: Mapping[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float64(),
    "double": pa.float64(),
    "bytes": pa.binary(),
}
# Standard fields that every event has, should their documentation be silent.
BY_NAME: Mapping[str, pa.DataType] = {"CreatedDate": TIMESTAMP, "LastModifiedDate": TIMESTAMP}


@dataclass(frozen=True)
class EventColumn:
    """One column: a field of the event, or a part of a compound one.

    ``field`` is the position in the event's record, ``part`` the name within the nested record
    (None for a plain field). ``avro`` is the plain Avro type of the values.
    """

    name: str
    field: int
    parent: str
    part: str | None
    avro: str
    type: pa.DataType

    @property
    def path(self) -> Path:
        """Where the values are in the record."""
        return (self.parent,) if self.part is None else (self.parent, self.part)

    @property
    def carried(self) -> pa.DataType:
        """The type of the values as they travel; what has none of its own is text."""
        if self.avro == "array" and self.type == TEXT_LIST:
            return TEXT_LIST
        return BY_AVRO.get(self.avro, pa.string())


@dataclass(frozen=True)
class EventSchema:
    """A schema ready to decode with."""

    schema_id: str
    event: str
    is_change: bool
    columns: tuple[EventColumn, ...]
    parsed: Any

    @cached_property
    def shape(self) -> Record | None:
        """How to read many events at once; None if one of the columns can't be read so."""
        found = record_shape(self.parsed)
        if found is None or not {c.path for c in self.columns} <= set(leaf_paths(found)):
            return None
        return found

    @cached_property
    def mixed(self) -> frozenset[str]:
        """Fields that are plain in some events and nested in others (names of accounts)."""
        plain = {column.parent for column in self.columns if column.part is None}
        return frozenset(c.parent for c in self.columns if c.part is not None and c.parent in plain)

    @cached_property
    def whole(self) -> tuple[tuple[str, ...], ...]:
        """Per field, what its own bit in a bitmap stands for: itself, or all its parts."""
        found: list[tuple[str, ...]] = [()] * len(self.parsed["fields"])
        for column in self.columns:
            plain = any(c.part is None and c.field == column.field for c in self.columns)
            if column.part is None or not plain:
                found[column.field] += (column.name,)
        return tuple(found)

    @cached_property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """Per field, the fields nested in it."""
        found: list[tuple[str, ...]] = [()] * len(self.parsed["fields"])
        for column in self.columns:
            if column.part is not None:
                found[column.field] += (column.name,)
        return tuple(found)


def parse_event_schema(
    schema_id: str,
    schema_json: str,
    describe: SObjectDescribe | None = None,
    numbers: Numbers = "decimal",
) -> EventSchema:
    """The columns of a schema as ``GetSchema`` gives it.

    Args:
        describe: Of the object, for exact types: digits of numbers, dates, multi-select lists.
            Without it, numbers are floats and lists are text with semicolons.
        numbers: As for result pages.

    Raises:
        SchemaFormatError: It isn't the schema of an event.
    """
    try:
        raw = json.loads(schema_json)
        fields, event = raw["fields"], str(raw["name"])
        parsed = fastavro.parse_schema(raw)
        columns = _columns(fields, describe, numbers)
        whether_change = bool(fields) and fields[0]["name"] == HEADER
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise SchemaFormatError(schema_id, type(error).__name__) from error
    except fastavro.schema.SchemaParseException as error:
        raise SchemaFormatError(schema_id, "it isn't Avro") from error
    return EventSchema(schema_id, event, whether_change, columns, parsed)


def part_name(parent: str, part: str) -> str:
    """The API's name of a part of a compound field.

    >>> part_name("BillingAddress", "Street"), part_name("Name", "LastName")
    ('BillingStreet', 'LastName')
    >>> part_name("Site__c", "Latitude")
    'Site__Latitude__s'
    """
    if parent.endswith("__c"):
        return f"{parent.removesuffix('c')}{part}__s"
    if parent == NAME:
        return part
    return parent.removesuffix(ADDRESS) + part


def _columns(
    fields: list[Any], describe: SObjectDescribe | None, numbers: Numbers
) -> tuple[EventColumn, ...]:
    records: dict[str, Any] = {}
    found: list[EventColumn] = []
    for at, field in enumerate(fields):
        if field["name"] == HEADER:
            continue
        for branch in _branches(field["type"], records):
            if isinstance(branch, dict) and branch.get("type") == "record":
                for inner in branch["fields"]:
                    kinds = _branches(inner["type"], records)
                    name = part_name(field["name"], inner["name"])
                    column = _column(name, at, field["name"], inner, kinds[0], describe, numbers)
                    found.append(column)
            elif not any(c.field == at for c in found):
                name = field["name"]
                found.append(_column(name, at, name, field, branch, describe, numbers))
    return tuple(found)


def _branches(declared: Any, records: dict[str, Any]) -> list[Any]:
    """The types of a field but null, named records looked up."""
    branches = [kind for kind in _as_list(declared) if kind != "null"]
    resolved = []
    for branch in branches:
        if isinstance(branch, dict) and "name" in branch:
            records[branch["name"]] = branch
        if isinstance(branch, str) and branch.rpartition(".")[2] in records:
            branch = records[branch.rpartition(".")[2]]
        resolved.append(branch)
    return resolved


def _as_list(declared: Any) -> list[Any]:
    return declared if isinstance(declared, list) else [declared]


def _column(
    name: str,
    at: int,
    parent: str,
    field: Mapping[str, Any],
    kind: Any,
    describe: SObjectDescribe | None,
    numbers: Numbers,
) -> EventColumn:
    avro = str(kind["type"] if isinstance(kind, dict) else kind)
    part = None if field["name"] == parent and name == parent else str(field["name"])
    column_type = _described(name, avro, describe, numbers) or _hinted(name, avro, field, kind)
    return EventColumn(name, at, parent, part, avro, column_type)


def _described(
    name: str, avro: str, describe: SObjectDescribe | None, numbers: Numbers
) -> pa.DataType | None:
    """The type by describe, if values of the Avro type can be of it (fields get other types)."""
    field = describe.find(name) if describe else None
    if describe is None or field is None or field.type in ("address", "location", "base64"):
        return None
    wanted = arrow_schema(describe, [field.name], numbers).field(0).type
    carried = {
        "string": pa.types.is_string(wanted) or wanted == TEXT_LIST,
        "enum": pa.types.is_string(wanted),
        "boolean": pa.types.is_boolean(wanted),
        "double": field.type in NUMBER_TYPES,
        "float": field.type in NUMBER_TYPES,
        "int": pa.types.is_integer(wanted) or wanted == TIME or field.type in NUMBER_TYPES,
        "long": pa.types.is_integer(wanted) or pa.types.is_temporal(wanted),
    }
    return wanted if carried.get(avro, False) else None


def _hinted(name: str, avro: str, field: Mapping[str, Any], kind: Any) -> pa.DataType:
    if avro in ("long", "int"):
        hints = str(field.get("doc", "")).split(":")[1:]
        for hint in hints:
            if hint in HINTED:
                return HINTED[hint]
        if name in BY_NAME and avro == "long":
            return BY_NAME[name]
    if avro == "array" and isinstance(kind, dict) and kind.get("items") == "string":
        return TEXT_LIST
    return BY_AVRO.get(avro, pa.string())
