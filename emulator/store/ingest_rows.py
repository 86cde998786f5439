"""Staged rows as they will be: SQL per stored field, over `_ingest` as s and its object as t."""

from __future__ import annotations

from emulator.schema.columns import duckdb_type, quoted
from emulator.store.ingest_columns import UPSERT
from emulator.store.ingest_stage import LEAVE, Batch
from emulator.store.ingest_values import literal
from emulator.store.rows_plan import default_columns
from emulator.store.values import stored_datetime


def new_values(batch: Batch) -> dict[str, str]:
    """The fields of a row that is created and have a value, but for auto-numbers."""
    sobject, stamp = batch.target.sobject, literal(stored_datetime(batch.stamp))
    user = literal(batch.user_id)
    values = {
        name: literal(text)
        for name, text in default_columns(sobject, batch.user_id).items()
        if text is not None
    }
    values |= {
        "Id": "s.id", "IsDeleted": "false", "CreatedDate": stamp, "CreatedById": user,
        "LastModifiedDate": stamp, "LastModifiedById": user, "SystemModstamp": stamp,
    }  # fmt: skip
    for column in batch.target.columns:
        name, n = column.field.name, column.number
        default = f"CAST({values.get(name, 'NULL')} AS {duckdb_type(column.field)})"
        values[name] = f"CASE s.s{n} WHEN {LEAVE} THEN {default} ELSE s.v{n} END"
    return {
        field.name: f"CAST({values[field.name]} AS {duckdb_type(field)})"
        for field in sobject.stored_fields
        if field.name in values
    }


def changed_values(batch: Batch) -> dict[str, str]:
    """The fields that an update sets; the key of an upsert stays as it is."""
    target = batch.target
    return {
        column.field.name: f"CASE s.s{column.number} WHEN {LEAVE} "
        f"THEN t.{quoted(column.field.name)} ELSE s.v{column.number} END"
        for column in target.columns
        if not (target.operation == UPSERT and column.field.name == target.key.name)
    }
