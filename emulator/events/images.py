"""The values of events, a table per schema: columnar copies of rows cost little."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from emulator.events.avro_schemas import EventSchema
from emulator.events.event_fields import Part, is_long_text, json_sql
from emulator.schema.columns import duckdb_type, quoted, value_sql
from emulator.schema.model import Field
from emulator.store.database import Connection

# What a long text was before it changed stands beside what it is.
_OLD = "old "


def image_table(schema: EventSchema) -> str:
    """The table's name, quoted: `seq`, a column per value, and one per long text's old value."""
    return quoted(f"_image {schema.schema_id}")


def create_sql(schema: EventSchema) -> str:
    """Its definition."""
    columns = [f"{quoted(part.field.name)} {_kind(part.field)}" for part in schema.parts]
    columns += [f"{_old(part)} VARCHAR" for part in long_texts(schema.parts)]
    return f"CREATE TABLE IF NOT EXISTS {image_table(schema)} (seq BIGINT, {', '.join(columns)})"


def insert_sql(schema: EventSchema, values: dict[str, str], source: str) -> str:
    """Copy rows: SQL of the values by column, `seq` among them, from `source`."""
    return (
        f"INSERT INTO {image_table(schema)} ({', '.join(values)}) "
        f"SELECT {', '.join(values.values())} FROM {source}"
    )


def new_values(parts: Iterable[Part]) -> dict[str, str]:
    """Of whole rows, from the alias `o`."""
    return {quoted(part.field.name): value_sql(part.field, "o") for part in parts}


def changed_values(parts: Iterable[Part], changed: Sequence[str], least: int) -> dict[str, str]:
    """Of updated rows, from `o` and, as they were before, `b`; null where nothing changed."""
    values = {}
    for part, condition in zip(parts, changed, strict=True):
        name = quoted(part.field.name)
        values[name] = f"CASE WHEN {condition} THEN {value_sql(part.field, 'o')} END"
        if is_long_text(part.field):
            long = f"length(b.{name}) > {least} AND o.{name} IS NOT NULL"
            values[_old(part)] = f"CASE WHEN {condition} AND {long} THEN b.{name} END"
    return values


def long_texts(parts: Iterable[Part]) -> list[Part]:
    """Those whose changes may be told as differences."""
    return [part for part in parts if is_long_text(part.field)]


def read_images(
    connection: Connection, schema: EventSchema, first: int, last: int
) -> dict[int, tuple[Any, ...]]:
    """Values by `seq`, as Avro holds them: of all parts, then the old long texts."""
    columns = [json_sql(part.field, "i") for part in schema.parts]
    columns += [f"i.{_old(part)}" for part in long_texts(schema.parts)]
    rows = connection.execute(
        f"SELECT i.seq, {', '.join(columns)} FROM {image_table(schema)} AS i "
        "WHERE i.seq BETWEEN ? AND ?",
        [first, last],
    ).fetchall()
    return {row[0]: row[1:] for row in rows}


def _old(part: Part) -> str:
    return quoted(f"{_OLD}{part.field.name}")


def _kind(field: Field) -> str:
    """As Avro has it: what a formula computes is a decimal here, and a double there."""
    kind = duckdb_type(field)
    return "DOUBLE" if kind.startswith("DECIMAL") else kind
