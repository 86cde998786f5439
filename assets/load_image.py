"""Finds the inbound table that shows what the org holds of a load's rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from assets.load_spec import InboundTable, LoadSpec
from assets.naming import warehouse_name
from resources.salesforce.load_columns import LoadColumn
from resources.warehouse.load_adapter import ImageColumn, LoadImage, ParentTable

TableColumns = Callable[[str, str], Mapping[str, str]]


def load_image(
    spec: LoadSpec, columns: Sequence[LoadColumn], table_columns: TableColumns
) -> LoadImage | None:
    """The table of the loaded object and the columns that can be compared; None without one.

    A column is left out if the sync doesn't bring it or masks it.

    Args:
        table_columns: Columns of a table by schema and name; empty if there is no such table.
    """
    if spec.key_field is None or spec.drift == "ignore":
        return None
    inbound = _table_of(spec, spec.object)
    if inbound is None:
        return None
    name = warehouse_name(inbound.object, inbound.naming)
    there = table_columns(inbound.schema, name)
    key = _column(inbound, spec.key_field, there)
    if key is None:
        return None
    found = (_image_column(spec, inbound, column, there, table_columns) for column in columns)
    compared = tuple(one for one in found if one is not None)
    if all(one.cell == spec.key_field for one in compared):
        return None
    id_column = warehouse_name("Id", inbound.naming)
    return LoadImage(inbound.schema, name, key, compared, id_column)


def _image_column(
    spec: LoadSpec,
    inbound: InboundTable,
    column: LoadColumn,
    there: Mapping[str, str],
    table_columns: TableColumns,
) -> ImageColumn | None:
    own = _column(inbound, column.field.name, there)
    if own is None:
        return None
    if column.parent is None:
        return ImageColumn(column.name, own)
    parent = _table_of(spec, column.parent_type or column.field.reference_to[0])
    if parent is None:
        return None
    name = warehouse_name(parent.object, parent.naming)
    named_by = _column(parent, column.parent.name, table_columns(parent.schema, name))
    if named_by is None:
        return None
    key = warehouse_name("Id", parent.naming)
    return ImageColumn(column.name, own, ParentTable(parent.schema, name, named_by, key))


def _table_of(spec: LoadSpec, object_name: str) -> InboundTable | None:
    wanted = object_name.lower()
    return next((one for one in spec.inbound if one.object.lower() == wanted), None)


def _column(inbound: InboundTable, field: str, there: Mapping[str, str]) -> str | None:
    if any(fnmatchcase(field.lower(), pattern.lower()) for pattern in inbound.masked):
        return None
    name = warehouse_name(field, inbound.naming)
    return name if name in there else None
