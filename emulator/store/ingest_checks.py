"""What can be wrong with a staged row beyond its cells: each check refuses rows of `_ingest`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from emulator.schema.columns import duckdb_type, quoted
from emulator.schema.model import Schema, SObject
from emulator.store.database import Connection
from emulator.store.ingest_columns import DELETIONS, UPSERT, Column, Target
from emulator.store.ingest_rows import changed_values, new_values
from emulator.store.ingest_stage import (
    CLEAR,
    GONE,
    LEAVE,
    SET,
    UNKNOWN,
    Batch,
    compared,
    refuse,
)
from emulator.store.ingest_values import literal, row_error
from emulator.store.numbers import Numbers
from emulator.store.validation import CODE, broken_rule_sql

# Writing rows doesn't lock the users and settings that they refer to.
_NEVER_LOCKED = frozenset({"User", "Group", "Profile", "RecordType", "UserRole", "Organization"})


def check(connection: Connection, schema: Schema, batch: Batch, numbers: Numbers) -> None:
    """Refuse what can't be written; rows to be created get their Ids."""
    target = batch.target
    if target.operation in DELETIONS:
        return
    _check_access(connection, target)
    _check_required(connection, target)
    for column in target.columns:
        if column.field.type == "reference" and column.parent is None:
            _check_reference(connection, schema, column)
    _give_ids(connection, target, numbers)
    for column in target.columns:
        is_key = target.operation == UPSERT and column.field.name == target.key.name
        if column.field.unique and not is_key:
            _check_unique(connection, target.sobject, column)
    if target.sobject.rules:
        _check_rules(connection, batch)


def refuse_locked(connection: Connection, ids: Iterable[str]) -> None:
    """Refuse the rows that a late commit holds."""
    held = sorted(ids)
    if held:
        connection.execute(
            f"UPDATE _ingest SET error = {_locked('id')} "
            "WHERE error IS NULL AND id IN (SELECT unnest(?::VARCHAR[]))",
            [held],
        )


def refuse_contested(
    connection: Connection, schema: Schema, target: Target, lose: Callable[[set[str]], set[str]]
) -> None:
    """Refuse rows under parents that a batch beside this one holds.

    Args:
        lose: Takes the parents of this batch; returns those that it doesn't get.
    """
    parents = list(_parents(schema, target))
    if not parents:
        return
    listed = ", ".join(parents)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE _parents AS SELECT row, unnest(parents) AS parent FROM ("
        f"SELECT s.row, [{listed}] AS parents FROM _ingest AS s "
        f'LEFT JOIN {quoted(target.sobject.name)} AS t ON t."Id" = s.id WHERE s.error IS NULL) '
        "WHERE len(parents) > 0"
    )
    found = connection.execute("SELECT DISTINCT parent FROM _parents WHERE parent IS NOT NULL")
    lost = sorted(lose({row[0] for row in found.fetchall()}))
    connection.execute(
        f"UPDATE _ingest SET error = {_locked('l.parent')} FROM (SELECT row, min(parent) AS parent "
        "FROM _parents WHERE parent IN (SELECT unnest(?::VARCHAR[])) GROUP BY row) AS l "
        "WHERE l.row = _ingest.row AND error IS NULL",
        [lost],
    )


def _locked(ids: str) -> str:
    message = "unable to obtain exclusive access to this record or 1 records: "
    return row_error("UNABLE_TO_LOCK_ROW", f"concat({literal(message)}, {ids})")


def _parents(schema: Schema, target: Target) -> Iterable[str]:
    """SQL for each parent that a row has after it is written."""
    columns = {column.field.name: column.number for column in target.columns}
    for field in target.sobject.stored_fields:
        kinds = [schema.objects[name] for name in field.reference_to if name in schema.objects]
        if field.type != "reference" or not kinds or kinds[0].name in _NEVER_LOCKED:
            continue
        kept, n = f"t.{quoted(field.name)}", columns.get(field.name)
        yield kept if n is None else f"CASE s.s{n} WHEN {LEAVE} THEN {kept} ELSE s.v{n} END"


def _check_access(connection: Connection, target: Target) -> None:
    """Fields that can't be created or updated, in rows that give them a value."""
    key = target.key.name if target.operation == UPSERT else None
    for creates, flag in ((True, "createable"), (False, "updateable")):
        closed = [
            column
            for column in target.columns
            if not getattr(column.field, flag) and (creates or column.field.name != key)
        ]
        if not closed:
            continue
        names = _names([(column.field.name, f"s{column.number} <> {LEAVE}") for column in closed])
        message = (
            f"concat('Unable to create/update fields: ', {names}, "
            "'. Please check the security settings of this field and verify that it is "
            "read/write for your profile or permission set.')"
        )
        error = _listing("INVALID_FIELD_FOR_INSERT_UPDATE", message, names)
        refuse(connection, error, f"creates = {creates} AND {names} <> ''")


def _check_required(connection: Connection, target: Target) -> None:
    columns = {column.field.name: column.number for column in target.columns}
    required = [
        field.name
        for field in target.sobject.fields.values()
        if field.required_on_create and field.is_stored
    ]
    missing = [
        (name, f"s{columns[name]} <> {SET}" if name in columns else "true") for name in required
    ]
    cleared = [(name, f"s{columns[name]} = {CLEAR}") for name in required if name in columns]
    for creates, conditions in ((True, missing), (False, cleared)):
        if not conditions:
            continue
        names = _names(conditions)
        message = f"concat('Required fields are missing: [', {names}, ']')"
        error = _listing("REQUIRED_FIELD_MISSING", message, names)
        refuse(connection, error, f"creates = {creates} AND {names} <> ''")


def _names(conditions: list[tuple[str, str]]) -> str:
    """SQL for the names whose conditions hold, listed."""
    cases = ", ".join(f"CASE WHEN {when} THEN {literal(name)} END" for name, when in conditions)
    return f"array_to_string(list_filter([{cases}], lambda one: one IS NOT NULL), ', ')"


def _listing(code: str, message: str, names: str) -> str:
    return f"concat({literal(code + ':')}, {message}, ':', {names}, ' --')"


def _check_reference(connection: Connection, schema: Schema, column: Column) -> None:
    """Ids of rows that aren't there; of objects that this org lacks, any Id will do."""
    n = column.number
    for name in column.field.reference_to:
        parent = schema.objects.get(name)
        if parent is None or not parent.has_rows or parent.id_prefix is None:
            continue
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE _found AS "
            f'SELECT t."Id" AS id, t._deleted AS deleted FROM {quoted(parent.name)} AS t '
            f'SEMI JOIN _ingest AS s ON t."Id" = s.v{n}'
        )
        meant = f"s{n} = {SET} AND v{n}[1:3] = {literal(parent.id_prefix)}"
        refuse(connection, UNKNOWN, f"{meant} AND v{n} NOT IN (SELECT id FROM _found)")
        refuse(connection, GONE, f"{meant} AND v{n} IN (SELECT id FROM _found WHERE deleted)")


def _give_ids(connection: Connection, target: Target, numbers: Numbers) -> None:
    row = connection.execute(
        "SELECT count(*) FROM _ingest WHERE creates AND error IS NULL"
    ).fetchone()
    count = row[0] if row else 0
    if not count:
        return
    first = numbers.take_ids(connection, target.sobject, count)
    connection.execute(
        "UPDATE _ingest SET id = n.id FROM (SELECT row AS new, "
        f"sf_id({literal(target.sobject.id_prefix or '')}, "
        f"{first} - 1 + row_number() OVER (ORDER BY row)) AS id "
        "FROM _ingest WHERE creates AND error IS NULL) AS n WHERE n.new = _ingest.row"
    )


def _check_unique(connection: Connection, sobject: SObject, column: Column) -> None:
    """A value that another row has, or an earlier one of this batch.

    A row of the batch gives up its old value when it takes another one.
    """
    n, field = column.number, column.field
    mine, stored = compared(field, f"s.v{n}"), compared(field, f"t.{quoted(field.name)}")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE _found AS "
        f'SELECT s.row, min(t."Id") AS id FROM {quoted(sobject.name)} AS t '
        f"JOIN _ingest AS s ON {stored} = {mine} AND s.s{n} = {SET} AND s.error IS NULL "
        f'LEFT JOIN _ingest AS u ON u.id = t."Id" AND u.error IS NULL AND u.s{n} <> {LEAVE} '
        f"AND {compared(field, f'u.v{n}')} IS DISTINCT FROM {stored} "
        'WHERE NOT t._deleted AND t."Id" <> s.id AND u.row IS NULL GROUP BY s.row'
    )
    message = literal(f"duplicate value found: {field.name} duplicates value on record with id: ")
    error = row_error("DUPLICATE_VALUE", f"concat({message}, h.id[1:15])")
    connection.execute(
        f"UPDATE _ingest SET error = {error} FROM _found AS h WHERE h.row = _ingest.row"
    )
    key = compared(field, f"v{n}")
    connection.execute(
        f"UPDATE _ingest SET error = {error} FROM (SELECT row, first_value(id) OVER w AS id "
        f"FROM _ingest WHERE error IS NULL AND s{n} = {SET} "
        f"WINDOW w AS (PARTITION BY {key} ORDER BY row) QUALIFY row_number() OVER w > 1) AS h "
        "WHERE h.row = _ingest.row"
    )


def _check_rules(connection: Connection, batch: Batch) -> None:
    """Validation rules, over rows as they will be."""
    sobject = batch.target.sobject
    new, changed = new_values(batch), changed_values(batch)
    created = ", ".join(
        f"{new.get(field.name, f'NULL::{duckdb_type(field)}')} AS {quoted(field.name)}"
        for field in sobject.stored_fields
    )
    kept = ", ".join(
        f"{changed.get(field.name, f't.{quoted(field.name)}')} AS {quoted(field.name)}"
        for field in sobject.stored_fields
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE _found AS "
        f"SELECT p._row AS row, {broken_rule_sql(sobject, 'p')} AS broken FROM ("
        f"SELECT s.row AS _row, {created} FROM _ingest AS s WHERE s.creates AND s.error IS NULL "
        f"UNION ALL SELECT s.row, {kept} FROM _ingest AS s JOIN {quoted(sobject.name)} AS t "
        'ON t."Id" = s.id WHERE NOT s.creates AND s.error IS NULL) AS p'
    )
    errors = " ".join(
        f"WHEN {number} THEN {row_error(CODE, literal(rule.message), rule.field or '')}"
        for number, rule in enumerate(sobject.rules)
    )
    connection.execute(
        f"UPDATE _ingest SET error = CASE f.broken {errors} END FROM _found AS f "
        "WHERE f.row = _ingest.row AND f.broken IS NOT NULL"
    )
