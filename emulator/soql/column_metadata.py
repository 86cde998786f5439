"""The answer to ``query?columns=true``: what the columns of a result are.

The vendor's command line asks for it before it prints a table: parents and subqueries are columns
with `joinColumns`, and `aggregate` tells a subquery from a parent and a function from a field.
"""

from __future__ import annotations

from typing import Any

from emulator.schema.model import Field, SObject
from emulator.soql.aggregates import Output
from emulator.soql.operands import kind_of
from emulator.soql.records import Children, Parent, RowShape, Typed
from emulator.soql.values import TEXT_KINDS

Metadata = dict[str, Any]

_APEX_TYPES = {
    "id": "Id",
    "boolean": "Boolean",
    "int": "Integer",
    "double": "Double",
    "date": "Date",
    "dateTime": "Datetime",
    "time": "Time",
    "compound": "System.Address",
}


def row_metadata(sobject: SObject, shape: RowShape) -> Metadata:
    """The columns of a query over rows."""
    columns = _shape_columns(shape)
    id_selected = any(column["columnName"] == "Id" for column in columns)
    return _metadata(sobject, columns, grouped=False, id_selected=id_selected)


def aggregate_metadata(sobject: SObject, outputs: tuple[Output, ...], *, grouped: bool) -> Metadata:
    """The columns of a query over groups; none for ``COUNT()``."""
    columns = [
        _column(
            output.name,
            output.operand.kind,
            output.operand.field,
            display_name=output.display_name.lower() if output.is_function else output.name,
            aggregate=output.is_function,
        )
        for output in outputs
    ]
    return _metadata(sobject, columns, grouped=grouped, id_selected=False)


def _metadata(
    sobject: SObject, columns: list[Metadata], *, grouped: bool, id_selected: bool
) -> Metadata:
    return {
        "columnMetadata": columns,
        "entityName": sobject.name,
        "groupBy": grouped,
        "idSelected": id_selected,
        "keyPrefix": sobject.key_prefix,
    }


def _shape_columns(shape: RowShape) -> list[Metadata]:
    columns = []
    for slot in shape.slots:
        if isinstance(slot, Typed):
            columns.append(_column(slot.name, "join", None))
        elif isinstance(slot, Parent | Children):
            aggregate = isinstance(slot, Children)
            column = _column(slot.name, "join", None, aggregate=aggregate)
            columns.append({**column, "joinColumns": _shape_columns(slot.shape)})
        else:
            columns.append(_column(slot.name, kind_of(slot.field), slot.field))
    return columns


def _column(
    name: str,
    kind: str,
    field: Field | None,
    *,
    display_name: str | None = None,
    aggregate: bool = False,
) -> Metadata:
    return {
        "aggregate": aggregate,
        "apexType": None if kind == "join" else _APEX_TYPES.get(kind, "String"),
        "booleanType": kind == "boolean",
        "columnName": name,
        "custom": field is not None and field.custom,
        "displayName": display_name or name,
        "foreignKeyName": None,
        "insertable": field is not None and field.createable,
        "joinColumns": [],
        "numberType": kind in ("int", "double"),
        "textType": kind in TEXT_KINDS or kind == "id",
        "updatable": field is not None and field.updateable,
    }
