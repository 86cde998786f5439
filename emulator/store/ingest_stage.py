"""A batch of CSV rows as a temporary table: cells in their types, and which row each one is for.

The table `_ingest` has a row per row of the batch:

    row          its number in the upload
    s0, s1, …    per column what its cell says: 0 nothing (leave alone), 1 `#N/A` (null), 2 a value
    v0, v1, …    the value in the field's type
    id           Id of the row that is updated or deleted; of a row to be created from its checks on
    creates      whether a row is created
    error        `sf__Error`; null as long as nothing is wrong
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from emulator.schema.columns import TEXT, duckdb_type, quoted
from emulator.schema.model import Field, Schema, SObject
from emulator.store.database import Connection
from emulator.store.ingest_columns import INSERT, UPSERT, Column, Target
from emulator.store.ingest_values import cell_of, literal, malformed_id, row_error

LEAVE, CLEAR, SET = 0, 1, 2
NULL_MARK = "#N/A"
GONE = row_error("ENTITY_IS_DELETED", "'entity is deleted'")
UNKNOWN = row_error("INVALID_CROSS_REFERENCE_KEY", "'invalid cross reference id'")


@dataclass(frozen=True)
class Batch:
    """Rows to write in one transaction.

    Attributes:
        rows: `row` (int64), then `c0`, `c1`, … as text, never null, as many as the file has.
        stamp: SystemModstamp of every row that is written.
    """

    target: Target
    rows: pa.Table
    user_id: str
    stamp: datetime


def stage(connection: Connection, schema: Schema, batch: Batch) -> None:
    """Make the table `_ingest` of a batch, with every cell checked by itself."""
    target = batch.target
    values = ", ".join(_values(schema, target))
    errors = list(_errors(schema, target))
    error = f"coalesce({', '.join(errors)}, NULL)" if errors else "NULL"
    connection.register("_rows", batch.rows)
    connection.execute(
        # Values are worked out once: what is wrong with a cell is mostly that it has none.
        f"CREATE OR REPLACE TEMP TABLE _ingest AS WITH cells AS MATERIALIZED (SELECT *, {values} "
        f"FROM _rows) SELECT * EXCLUDE ({', '.join(_texts(batch.rows))}), "
        f"{error}::VARCHAR AS error, NULL::BOOLEAN AS creates FROM cells"
    )
    connection.unregister("_rows")
    for column in target.columns:
        if column.parent is not None and column.parent_field is not None:
            _find_parents(connection, column, column.parent, column.parent_field)


def find_rows(connection: Connection, target: Target) -> None:
    """Set `id` and `creates`: which row of the org each row of the batch is for."""
    if target.operation == INSERT:
        connection.execute("UPDATE _ingest SET creates = true")
    elif target.operation == UPSERT and target.key.type != "id":
        _find_by_key(connection, target)
    else:
        _find_by_id(connection, target)


def refuse(connection: Connection, error: str, where: str) -> None:
    """Refuse the rows that a condition holds for and that nothing is wrong with so far."""
    connection.execute(
        f"UPDATE _ingest SET error = {error} WHERE error IS NULL AND coalesce(({where}), false)"
    )


def compared(field: Field, expression: str) -> str:
    """Values as unique and external id fields compare them: texts without regard to case."""
    ignores_case = not field.case_sensitive and duckdb_type(field) == TEXT
    return f"lower({expression})" if ignores_case else expression


def _values(schema: Schema, target: Target) -> Iterator[str]:
    """The columns of `_ingest` that follow from a row's texts alone."""
    if target.id_column is None:
        yield "NULL::VARCHAR AS id"
        yield "'' AS id_text"
    else:
        yield f"sf_id18(c{target.id_column}) AS id"
        yield f"c{target.id_column} AS id_text"
    for column in target.columns:
        n, text, kind = column.number, f"c{column.number}", duckdb_type(column.field)
        yield f"(CASE {text} WHEN '' THEN 0 WHEN '{NULL_MARK}' THEN 1 ELSE 2 END)::TINYINT AS s{n}"
        if column.parent is not None:
            yield f"{text} AS p{n}"
            yield f"NULL::VARCHAR AS v{n}"
        else:
            value = cell_of(schema, column.field, text, f"v{n}", n).value
            yield f"CASE WHEN {_is_given(text)} THEN CAST({value} AS {kind}) END AS v{n}"


def _texts(rows: pa.Table) -> list[str]:
    """The uploaded columns, which the stage doesn't keep."""
    return [name for name in rows.column_names if name != "row"]


def _errors(schema: Schema, target: Target) -> Iterator[str]:
    yield from _id_errors(target)
    for column in target.columns:
        n, text = column.number, f"c{column.number}"
        # A checkbox is never null.
        given = f"{text} <> ''" if column.field.type == "boolean" else _is_given(text)
        error = cell_of(schema, column.field, text, f"v{n}", n).error
        if column.parent is None and error != "NULL":
            yield f"CASE WHEN {given} THEN {error} END"


def _is_given(text: str) -> str:
    return f"{text} NOT IN ('', '{NULL_MARK}')"


def _id_errors(target: Target) -> Iterator[str]:
    """What is wrong with the cells that say which row is meant."""
    text = f"c{target.id_column}" if target.id_column is not None else "''"
    if target.operation == INSERT or target.key.type != "id":
        # An empty Id column is accepted beside an external id [sent].
        message = f"'cannot specify Id in an {target.operation} call'"
        error = row_error("INVALID_FIELD_FOR_INSERT_UPDATE", message, "Id")
        if target.id_column is not None:
            yield f"CASE WHEN {_is_given(text)} THEN {error} END"
        if target.operation == UPSERT:
            yield from _missing_key(target)
        return
    if target.operation != UPSERT:
        missing = row_error("MISSING_ARGUMENT", "'Id not specified in an update call'")
        yield f"CASE WHEN {text} IN ('', '{NULL_MARK}') THEN {missing} END"
    prefix = literal(target.sobject.id_prefix or "")
    bad = malformed_id(f"{target.sobject.label} ID", "Id", text)
    yield (
        f"CASE WHEN {_is_given(text)} AND (id IS NULL OR {text}[1:3] <> {prefix}) THEN {bad} END"
    )


def _missing_key(target: Target) -> Iterator[str]:
    name, at = target.key.name, target.key_column
    missing = row_error("MISSING_ARGUMENT", literal(f"{name} not specified"), name)
    yield missing if at is None else f"CASE WHEN c{at} IN ('', '{NULL_MARK}') THEN {missing} END"


def _find_by_key(connection: Connection, target: Target) -> None:
    key, at = target.key, target.key_column
    connection.execute("UPDATE _ingest SET creates = true, id = NULL")
    if at is None:
        return
    _refuse_repeated(connection, compared(key, f"v{at}"), _repeated_key(key, f"v{at}"))
    stored, given = compared(key, f"t.{quoted(key.name)}"), compared(key, f"s.v{at}")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE _found AS "
        'SELECT s.row, min(t."Id") AS id, count(*) AS rows, '
        'array_to_string(list(t."Id" ORDER BY t."Id"), \', \') AS ids '
        f"FROM {quoted(target.sobject.name)} AS t JOIN _ingest AS s ON {stored} = {given} "
        "WHERE s.error IS NULL AND NOT t._deleted GROUP BY s.row"
    )
    several = row_error(
        "DUPLICATE_EXTERNAL_ID",
        "concat('More than one record found for external id field: [', f.ids, ']')",
    )
    connection.execute(
        "UPDATE _ingest AS s SET creates = false, id = CASE WHEN f.rows = 1 THEN f.id END, "
        f"error = CASE WHEN f.rows > 1 THEN {several} END FROM _found AS f WHERE f.row = s.row"
    )


def _repeated_key(key: Field, value: str) -> str:
    message = f"concat('Duplicate external id specified: ', {value})"
    return row_error("DUPLICATE_VALUE", message, key.name)


def _find_by_id(connection: Connection, target: Target) -> None:
    """Of an upsert by Id, rows without one are created."""
    connection.execute(f"UPDATE _ingest SET creates = (id_text IN ('', '{NULL_MARK}'))")
    repeated = row_error("DUPLICATE_VALUE", "concat('Duplicate id specified: ', id)", "Id")
    _refuse_repeated(connection, "id", repeated)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE _found AS "
        f'SELECT t."Id" AS id, t._deleted AS deleted FROM {quoted(target.sobject.name)} AS t '
        'SEMI JOIN _ingest AS s ON t."Id" = s.id'
    )
    live = "NOT creates AND id NOT IN (SELECT id FROM _found"
    refuse(connection, UNKNOWN, f"{live})")
    refuse(connection, GONE, f"{live} WHERE NOT deleted)")


def _refuse_repeated(connection: Connection, key: str, error: str) -> None:
    """Refuse rows whose key an earlier one of the batch has."""
    connection.execute(
        f"UPDATE _ingest SET error = {error} FROM (SELECT row AS again FROM _ingest "
        f"WHERE error IS NULL AND {key} IS NOT NULL "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY row) > 1) AS r "
        "WHERE r.again = _ingest.row"
    )


def _find_parents(
    connection: Connection, column: Column, parent: SObject, parent_field: Field
) -> None:
    """Set the values of a relationship column: the Ids of the parents it names."""
    n = column.number
    stored = compared(parent_field, f"t.{quoted(parent_field.name)}")
    if parent_field.type == "id":
        given = f"sf_id18(s.p{n})"
    else:
        given = compared(parent_field, f"TRY_CAST(s.p{n} AS {duckdb_type(parent_field)})")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE _found AS "
        f'SELECT s.p{n} AS given, min(t."Id") AS id, count(*) AS rows, '
        'array_to_string(list(t."Id" ORDER BY t."Id"), \', \') AS ids '
        f"FROM {quoted(parent.name)} AS t JOIN (SELECT DISTINCT p{n} FROM _ingest "
        f"WHERE s{n} = {SET} AND error IS NULL) AS s ON {stored} = {given} "
        f"WHERE NOT t._deleted GROUP BY s.p{n}"
    )
    several = row_error(
        "INVALID_FIELD",
        "concat('More than one record found for external id field: [', f.ids, ']')",
    )
    connection.execute(
        f"UPDATE _ingest AS s SET v{n} = CASE WHEN f.rows = 1 THEN f.id END, "
        f"error = coalesce(s.error, CASE WHEN f.rows > 1 THEN {several} END) "
        f"FROM _found AS f WHERE f.given = s.p{n} AND s.s{n} = {SET}"
    )
    missing = row_error(
        "INVALID_FIELD",
        f"concat('Foreign key external ID: ', p{n}, "
        f"{literal(f' not found for field {parent_field.name} in entity {parent.name}')})",
    )
    refuse(connection, missing, f"s{n} = {SET} AND v{n} IS NULL")
