"""Rows of cells as the JSON of an sObject collection, typed by describe, numbers exact.

Written by hand because a number must stay the text it is: a float would round it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

import pyarrow as pa

from resources.salesforce.load_columns import CLEAR, LEAVE, LoadColumn

NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)


def collection_body(object_name: str, rows: pa.RecordBatch, columns: Sequence[LoadColumn]) -> bytes:
    """The body of one call: empty cells are left out, ``#N/A`` is null, parents are objects."""
    cells = rows.select([column.name for column in columns]).to_pylist()
    records = ",".join(_record(object_name, row, columns) for row in cells)
    return f'{{"allOrNone":false,"records":[{records}]}}'.encode()


def _record(object_name: str, row: Mapping[str, str], columns: Sequence[LoadColumn]) -> str:
    members = [f'"attributes":{{"type":{json.dumps(object_name)}}}']
    members += [
        _member(column, row[column.name]) for column in columns if row[column.name] != LEAVE
    ]
    return f"{{{','.join(members)}}}"


def _member(column: LoadColumn, cell: str) -> str:
    if column.parent is None or cell == CLEAR:
        # A lookup is cleared by its own field: there is no parent to name.
        return f"{json.dumps(column.field.name)}:{_value(cell, column.typed.type)}"
    found = f"{json.dumps(column.parent.name)}:{_value(cell, column.parent.type)}"
    if column.parent_type is not None:
        # Before any other key, or Salesforce refuses it (JSON_PARSER_ERROR).
        found = f'"attributes":{{"type":{json.dumps(column.parent_type)}}},{found}'
    return f"{json.dumps(column.relationship)}:{{{found}}}"


def _value(cell: str, kind: str) -> str:
    if cell == CLEAR:
        return "null"
    if kind == "boolean" and cell in ("true", "false"):
        return cell
    if kind in NUMBERS:
        return cell if JSON_NUMBER.fullmatch(cell) else format(Decimal(cell), "f")
    return json.dumps(cell, ensure_ascii=False)
