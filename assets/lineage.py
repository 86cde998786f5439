"""Column schema and column lineage: Salesforce field to frame column to table column."""

import dagster as dg
import pyarrow as pa

from assets.keys import ObjectKeys
from assets.landed import Landed
from assets.row_shape import RowShape
from resources.warehouse.adapter import (
    DELETED,
    MODSTAMP,
    READ_FROM,
    READ_TO,
    RUN_ID,
    SYNCED_AT,
)

_BOOKKEEPING = {
    MODSTAMP: ("timestamp", "SystemModstamp of the image that the row shows"),
    READ_FROM: ("timestamp", "earliest moment on the org's clock at which it can have been read"),
    READ_TO: ("timestamp", "latest such moment"),
    DELETED: ("bool", "deleted in the org, or gone from it"),
    SYNCED_AT: ("timestamp", "when the row was last written"),
    RUN_ID: ("string", "Dagster run that last wrote the row"),
}


def extract_metadata(keys: ObjectKeys, landed: Landed) -> dict[str, dg.MetadataValue]:
    """The fields as Salesforce calls them."""
    columns = [
        dg.TableColumn(name, landed.described_types[name], description=landed.labels[name])
        for name in landed.schema.names
    ]
    lineage = {name: [dg.TableColumnDep(keys.org, name)] for name in landed.schema.names}
    return _metadata(columns, lineage)


def transform_metadata(
    keys: ObjectKeys, landed: Landed, shape: RowShape
) -> dict[str, dg.MetadataValue]:
    """The frame's columns, each from the field that it renames."""
    lineage = {
        column: [dg.TableColumnDep(keys.extract, field)] for field, column in shape.columns.items()
    }
    # A transform may look at every column of a row.
    every = [dg.TableColumnDep(keys.extract, field) for field in shape.columns]
    lineage |= dict.fromkeys(shape.added, every)
    return _metadata(_own_columns(landed, shape), lineage)


def table_metadata(
    keys: ObjectKeys, landed: Landed, shape: RowShape
) -> dict[str, dg.MetadataValue]:
    """The table's columns, bookkeeping ones too."""
    columns = _own_columns(landed, shape)
    columns += [
        dg.TableColumn(name, kind, description=text) for name, (kind, text) in _BOOKKEEPING.items()
    ]
    lineage = {
        column.name: [dg.TableColumnDep(keys.transform, column.name)]
        for column in shape.table.columns
    }
    return _metadata(columns, lineage)


def _own_columns(landed: Landed, shape: RowShape) -> list[dg.TableColumn]:
    field_of = {column: field for field, column in shape.columns.items()}
    return [
        dg.TableColumn(
            column.name,
            type_name(column.arrow_type),
            description=_described(column.name, field_of, landed, shape),
            constraints=dg.TableColumnConstraints(nullable=column.name != shape.key),
        )
        for column in shape.table.columns
    ]


def _described(column: str, field_of: dict[str, str], landed: Landed, shape: RowShape) -> str:
    field = field_of.get(column)
    if field is None:
        return "added by the transform"
    masked = ", masked" if field in shape.masked else ""
    return f"{landed.labels[field]} ({field}{masked})"


def type_name(kind: pa.DataType) -> str:
    """An Arrow type in as few words as it takes."""
    return str(kind).replace("<item: string>", "<string>")


def _metadata(
    columns: list[dg.TableColumn], lineage: dict[str, list[dg.TableColumnDep]]
) -> dict[str, dg.MetadataValue]:
    return {
        "dagster/column_schema": dg.MetadataValue.table_schema(dg.TableSchema(columns)),
        "dagster/column_lineage": dg.MetadataValue.column_lineage(
            dg.TableColumnLineage({name: list(deps) for name, deps in lineage.items()})
        ),
    }
