"""Writing the staged rows that nothing is wrong with, inside the writer's transaction."""

from __future__ import annotations

from emulator.events.recording import Recorder
from emulator.schema.columns import quoted
from emulator.schema.model import Field, Schema, SObject
from emulator.store.database import Connection
from emulator.store.ingest_columns import DELETE, DELETIONS
from emulator.store.ingest_rows import changed_values, new_values
from emulator.store.ingest_stage import LEAVE, Batch
from emulator.store.ingest_values import literal
from emulator.store.numbers import Numbers
from emulator.store.values import stored_datetime
from emulator.store.writing import delete_rows, purge_rows, stamp_sets

_NEW = "s.creates AND s.error IS NULL"
_KEPT = "NOT s.creates AND s.error IS NULL"


def write(
    connection: Connection, schema: Schema, batch: Batch, numbers: Numbers, recorder: Recorder
) -> None:
    """Create, update or delete; afterwards the rows are in the org."""
    if batch.target.operation in DELETIONS:
        _delete(connection, schema, batch, recorder)
        return
    written = _insert(connection, batch, numbers)
    ids = "SELECT s.id FROM _ingest AS s WHERE {} ORDER BY s.row"
    sobject, given = batch.target.sobject, {one.field.name for one in batch.target.columns}
    followers = {one.name for one in sobject.stored_fields if one.follows in given}
    recorder.created(sobject, ids.format(_NEW), written)
    with recorder.updating(sobject, ids.format(_KEPT), given | followers):
        _update(connection, batch)


def _insert(connection: Connection, batch: Batch, numbers: Numbers) -> set[str]:
    """Create rows; the fields that can have a value by now."""
    row = connection.execute(f"SELECT count(*) FROM _ingest AS s WHERE {_NEW}").fetchone()
    count = row[0] if row else 0
    if not count:
        return set()
    sobject = batch.target.sobject
    values = _new_values(connection, batch, numbers, count)
    names = ", ".join(quoted(name) for name in values)
    connection.execute(
        f"INSERT INTO {quoted(sobject.name)} ({names}, _deleted) "
        f"SELECT {', '.join(values.values())}, false FROM _ingest AS s WHERE {_NEW} ORDER BY s.row"
    )
    for field in sobject.stored_fields:
        if field.default_formula is not None:
            _set_by_formula(
                connection, sobject, field, field.default_formula,
                f"SELECT s.id FROM _ingest AS s WHERE {_NEW}", f"t.{quoted(field.name)} IS NULL",
            )  # fmt: skip
    defaulted = {one.name for one in sobject.stored_fields if one.default_formula is not None}
    return {*values, *defaulted}


def _new_values(
    connection: Connection, batch: Batch, numbers: Numbers, count: int
) -> dict[str, str]:
    sobject = batch.target.sobject
    values = new_values(batch)
    for field in sobject.stored_fields:
        if field.auto_number:
            first = numbers.take_auto_numbers(connection, sobject, field, count)
            before, digits, after = field.number_parts
            number = f"{first} - 1 + row_number() OVER (ORDER BY s.row)"
            padded = f"format('{{:0{digits}d}}', {number})"
            values[field.name] = f"concat({literal(before)}, {padded}, {literal(after)})"
    return values


def _update(connection: Connection, batch: Batch) -> None:
    target, sobject = batch.target, batch.target.sobject
    row = connection.execute(f"SELECT count(*) FROM _ingest AS s WHERE {_KEPT}").fetchone()
    if not row or not row[0]:
        return
    changed = changed_values(batch)
    columns = {
        column.field.name: column.number
        for column in target.columns
        if column.field.name in changed
    }
    followers = _note_followers(connection, sobject, columns)
    sets = [f"{quoted(name)} = {value}" for name, value in changed.items()]
    sets += stamp_sets(sobject, stored_datetime(batch.stamp), batch.user_id)
    if sets:
        connection.execute(
            f"UPDATE {quoted(sobject.name)} AS t SET {', '.join(sets)} FROM _ingest AS s "
            f'WHERE t."Id" = s.id AND {_KEPT}'
        )
    for field in followers:
        _set_by_formula(
            connection, sobject, field, str(field.change_formula),
            f"SELECT id FROM _followers WHERE field = {literal(field.name)}",
        )  # fmt: skip


def _note_followers(
    connection: Connection, sobject: SObject, columns: dict[str, int]
) -> list[Field]:
    """Fields that follow one which is about to change; their rows go to `_followers`."""
    fields = [one for one in sobject.stored_fields if one.follows in columns]
    questions = []
    for field in fields:
        n, own = columns[str(field.follows)], columns.get(field.name)
        question = (
            f'SELECT t."Id" AS id, {literal(field.name)} AS field '
            f'FROM {quoted(sobject.name)} AS t JOIN _ingest AS s ON t."Id" = s.id '
            f"WHERE {_KEPT} AND s.s{n} <> {LEAVE} "
            f"AND t.{quoted(str(field.follows))} IS DISTINCT FROM s.v{n}"
        )
        questions.append(question + (f" AND s.s{own} = {LEAVE}" if own is not None else ""))
    if questions:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE _followers AS {' UNION ALL '.join(questions)}"
        )
    return fields


def _set_by_formula(
    connection: Connection,
    sobject: SObject,
    field: Field,
    formula: str,
    ids: str,
    only: str = "true",
) -> None:
    value = formula.replace("{row}", "t")
    connection.execute(
        f"UPDATE {quoted(sobject.name)} AS t SET {quoted(field.name)} = {value} "
        f'WHERE t."Id" IN ({ids}) AND {only}'
    )


def _delete(connection: Connection, schema: Schema, batch: Batch, recorder: Recorder) -> None:
    target = batch.target
    rows = connection.execute("SELECT s.id FROM _ingest AS s WHERE s.error IS NULL").fetchall()
    ids: list[str] = [row[0] for row in rows]
    if target.operation == DELETE:
        stamp = stored_datetime(batch.stamp)
        delete_rows(connection, schema, target.sobject, ids, stamp, batch.user_id, recorder)
    else:
        purge_rows(connection, schema, target.sobject, ids)
