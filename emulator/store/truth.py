"""All rows of an object as NDJSON, for comparisons; it shares the schema with SOQL, no more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emulator.schema.columns import quoted, value_sql
from emulator.schema.model import Field, SObject
from emulator.store.database import Connection


def write_truth(
    connection: Connection,
    sobject: SObject,
    fields: Sequence[Field],
    file: Path,
    *,
    include_deleted: bool,
) -> None:
    """Write one JSON object per row, values as the REST API shows them, formulas included."""
    columns = ", ".join(f"{_value(one)} AS {quoted(one.name)}" for one in fields)
    where = "" if include_deleted else "WHERE NOT t._deleted"
    connection.execute(
        f'COPY (SELECT {columns} FROM {quoted(sobject.name)} AS t {where} ORDER BY t."Id") '
        f"TO '{file}' (FORMAT json)"
    )


def _value(field: Field) -> str:
    value = value_sql(field, "t")
    if field.type == "datetime":
        return f"strftime({value}, '%Y-%m-%dT%H:%M:%S.000+0000')"
    if field.type == "date":
        return f"strftime({value}, '%Y-%m-%d')"
    if field.type == "time":
        return f"strftime(DATE '1970-01-01' + {value}, '%H:%M:%S.%gZ')"
    return value
