"""Writing checked changes: set-based, inside the writer's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import pyarrow as pa

from emulator.events.recording import Recorder
from emulator.schema.columns import duckdb_type, quoted
from emulator.schema.model import Field, Schema, SObject
from emulator.store.changes import Plan
from emulator.store.database import Connection
from emulator.store.rows_plan import Columns
from emulator.store.values import stored_datetime


def apply(connection: Connection, schema: Schema, changes: Plan, recorder: Recorder) -> None:
    """Write a plan, and in the journal what it changes, inside the writer's transaction."""
    sobject, user = changes.sobject, changes.user_id
    _insert(connection, changes)
    if changes.inserts:
        written = {name for row in changes.inserts for name in row}
        written |= {one.name for one in sobject.stored_fields if one.default_formula is not None}
        recorder.created(sobject, [str(row["Id"]) for row in changes.inserts], written)
    for names, rows in _by_columns(changes.updates).items():
        followers = [f.name for f in sobject.stored_fields if f.follows in names]
        with recorder.updating(sobject, [row_id for row_id, _ in rows], {*names, *followers}):
            _update(connection, changes, names, rows)
    stamp = stored_datetime(changes.stamp)
    delete_rows(connection, schema, sobject, changes.deletes, stamp, user, recorder)
    undelete_rows(connection, schema, sobject, changes.undeletes, stamp, user, recorder)
    purge_rows(connection, schema, sobject, changes.purges)


def _insert(connection: Connection, changes: Plan) -> None:
    for names, rows in _by_columns([("", row) for row in changes.inserts]).items():
        arrow = pa.table(
            {name: pa.array([row[name] for _, row in rows], pa.string()) for name in names}
        )
        connection.register("_rows", arrow)
        values = ", ".join(_cast(changes.sobject, name) for name in names)
        connection.execute(
            f"INSERT INTO {quoted(changes.sobject.name)} ({_list(names)}) "
            f"SELECT {values} FROM _rows"
        )
        connection.unregister("_rows")
    for one in changes.sobject.stored_fields:
        if one.default_formula is not None:
            ids = [row["Id"] for row in changes.inserts if row.get(one.name) is None]
            _set_by_formula(connection, changes.sobject, one, one.default_formula, ids)


def _set_by_formula(
    connection: Connection, sobject: SObject, field: Field, formula: str, ids: list[str | None]
) -> None:
    """Give a field the value that its rows, as they are written by now, imply."""
    if not ids:
        return
    value = formula.replace("{row}", "t")
    connection.execute(
        f"UPDATE {quoted(sobject.name)} AS t SET {quoted(field.name)} = {value} "
        'WHERE t."Id" IN (SELECT unnest(?::VARCHAR[]))',
        [ids],
    )


def _update(
    connection: Connection, changes: Plan, names: tuple[str, ...], rows: list[tuple[str, Columns]]
) -> None:
    sobject = changes.sobject
    # The last one wins when an Id comes twice, as rows of one call are written in order.
    latest = dict(rows)
    arrow = pa.table(
        {"_id": pa.array(list(latest), pa.string())}
        | {name: pa.array([row[name] for row in latest.values()], pa.string()) for name in names}
    )
    connection.register("_rows", arrow)
    implied = _implied(connection, sobject, names)
    sets = [f"{quoted(name)} = {_cast(sobject, name, '_rows')}" for name in names]
    sets += stamp_sets(sobject, stored_datetime(changes.stamp), changes.user_id)
    if sets:
        connection.execute(
            f"UPDATE {quoted(sobject.name)} AS t SET {', '.join(sets)} FROM _rows "
            'WHERE t."Id" = _rows._id'
        )
    connection.unregister("_rows")
    for field, ids in implied:
        _set_by_formula(connection, sobject, field, str(field.change_formula), ids)


def _implied(
    connection: Connection, sobject: SObject, names: tuple[str, ...]
) -> list[tuple[Field, list[str | None]]]:
    """Fields that follow one that `_rows` is about to change, with the Ids of the rows."""
    found = []
    for field in sobject.stored_fields:
        if field.follows in names and field.name not in names:
            rows = connection.execute(
                f'SELECT t."Id" FROM {quoted(sobject.name)} AS t JOIN _rows ON t."Id" = _rows._id '
                f"WHERE t.{quoted(field.follows)} IS DISTINCT FROM {_cast(sobject, field.follows)}"
            ).fetchall()
            found.append((field, [row[0] for row in rows]))
    return found


def delete_rows(
    connection: Connection, schema: Schema, sobject: SObject, ids: list[str], stamp: str,
    user: str, recorder: Recorder,
) -> None:  # fmt: skip
    """Put rows into the recycle bin, and the rows that go with them."""
    if not ids:
        return
    _set_deleted(connection, sobject, ids, True, stamp, user)
    recorder.deleted(sobject, ids)
    for child, name in _cascades(schema, sobject):
        details = _rows_under(connection, child, name, ids, "NOT _deleted")
        delete_rows(connection, schema, child, details, stamp, user, recorder)


def purge_rows(connection: Connection, schema: Schema, sobject: SObject, ids: list[str]) -> None:
    """Remove rows for good, and the rows that go with them."""
    if not ids:
        return
    connection.execute(
        f'DELETE FROM {quoted(sobject.name)} WHERE "Id" IN (SELECT unnest(?::VARCHAR[]))', [ids]
    )
    for child, name in _cascades(schema, sobject):
        purge_rows(connection, schema, child, _rows_under(connection, child, name, ids, "true"))


def undelete_rows(
    connection: Connection, schema: Schema, sobject: SObject, ids: list[str], stamp: str,
    user: str, recorder: Recorder,
) -> None:  # fmt: skip
    """Take rows out of the recycle bin, with the rows that went there with them."""
    if not ids:
        return
    for child, name in _cascades(schema, sobject):
        if "SystemModstamp" not in child.fields or "SystemModstamp" not in sobject.fields:
            continue
        # Deleted by the same transaction: the same stamp, a child of a row that comes back.
        found = connection.execute(
            f'SELECT c."Id" FROM {quoted(child.name)} c JOIN {quoted(sobject.name)} p '
            f'ON p."Id" = c.{quoted(name)} AND p."SystemModstamp" = c."SystemModstamp" '
            'WHERE c._deleted AND p."Id" IN (SELECT unnest(?::VARCHAR[]))',
            [ids],
        ).fetchall()
        undelete_rows(connection, schema, child, [row[0] for row in found], stamp, user, recorder)
    _set_deleted(connection, sobject, ids, False, stamp, user)
    recorder.undeleted(sobject, ids)


def _set_deleted(
    connection: Connection, sobject: SObject, ids: list[str], deleted: bool, stamp: str, user: str
) -> None:
    sets = [f"_deleted = {deleted}"]
    if "IsDeleted" in sobject.fields:
        sets.append(f'"IsDeleted" = {deleted}')
    sets += stamp_sets(sobject, stamp, user)
    connection.execute(
        f"UPDATE {quoted(sobject.name)} SET {', '.join(sets)} "
        'WHERE "Id" IN (SELECT unnest(?::VARCHAR[]))',
        [ids],
    )


def _rows_under(
    connection: Connection, child: SObject, name: str, parents: list[str], condition: str
) -> list[str]:
    rows = connection.execute(
        f'SELECT "Id" FROM {quoted(child.name)} WHERE {condition} '
        f"AND {quoted(name)} IN (SELECT unnest(?::VARCHAR[]))",
        [parents],
    ).fetchall()
    return [row[0] for row in rows]


def _cascades(schema: Schema, sobject: SObject) -> list[tuple[SObject, str]]:
    found = []
    for child in sobject.children:
        target = schema.object(child.child_object)
        if child.cascade_delete and target is not None and target.has_rows:
            found.append((target, child.field))
    return found


def stamp_sets(sobject: SObject, stamp: str, user: str) -> list[str]:
    """SQL assignments of who changes a row, and when, for the fields that the object has."""
    values = {
        "LastModifiedDate": f"TIMESTAMP '{stamp}'",
        "LastModifiedById": f"'{user}'",
        "SystemModstamp": f"TIMESTAMP '{stamp}'",
    }
    return [f"{quoted(n)} = {value}" for n, value in values.items() if n in sobject.fields]


def _by_columns(
    rows: Sequence[tuple[str, Columns]],
) -> dict[tuple[str, ...], list[tuple[str, Columns]]]:
    groups: dict[tuple[str, ...], list[tuple[str, Columns]]] = defaultdict(list)
    for record_id, columns in rows:
        groups[tuple(columns)].append((record_id, columns))
    return groups


def _list(names: Sequence[str]) -> str:
    return ", ".join(quoted(name) for name in names)


def _cast(sobject: SObject, name: str, source: str = "_rows") -> str:
    kind = "BOOLEAN" if name == "_deleted" else duckdb_type(sobject.fields[name])
    return f"CAST({source}.{quoted(name)} AS {kind})"
