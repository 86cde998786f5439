"""Questions that a batch of writes asks the database before it writes: one query per question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from emulator.errors import ApiError
from emulator.schema.columns import TEXT, duckdb_type, quoted
from emulator.schema.model import Field, Schema, SObject
from emulator.store.database import Connection
from emulator.store.rows_plan import Columns

Errors = dict[int, ApiError]


def row_states(connection: Connection, sobject: SObject, ids: Iterable[str]) -> dict[str, bool]:
    """Id → whether it is deleted, for those of `ids` that exist."""
    rows = connection.execute(
        f'SELECT "Id", _deleted FROM {quoted(sobject.name)} '
        'WHERE "Id" IN (SELECT unnest(?::VARCHAR[]))',
        [list(ids)],
    ).fetchall()
    return dict(rows)


def missing_references(
    connection: Connection, schema: Schema, sobject: SObject, rows: Sequence[tuple[int, Columns]]
) -> Errors:
    """Rows that refer to a record which isn't there, by their number."""
    wanted: dict[str, set[str]] = defaultdict(set)
    uses: list[tuple[int, Field, str, str]] = []
    for number, columns in rows:
        for name, value in columns.items():
            field = sobject.fields[name]
            if field.type != "reference" or value is None:
                continue
            target = schema.by_prefix(value)
            if target is not None and target.has_rows:
                wanted[target.name].add(value)
                uses.append((number, field, target.name, value))
    states = {
        name: row_states(connection, schema.objects[name], ids) for name, ids in wanted.items()
    }
    errors: Errors = {}
    for number, _, target_name, value in uses:
        deleted = states[target_name].get(value)
        if deleted is None:
            errors.setdefault(
                number,
                ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []),
            )
        elif deleted:
            errors.setdefault(number, ApiError(400, "ENTITY_IS_DELETED", "entity is deleted", []))
    return errors


def duplicates(
    connection: Connection, sobject: SObject, rows: Sequence[tuple[int, str, Columns]]
) -> Errors:
    """Rows whose unique value another row has, or an earlier one of this batch.

    Args:
        rows: (number, Id of the row, columns that it sets).
    """
    errors: Errors = {}
    for field in sobject.stored_fields:
        if not field.unique or field.type == "id":
            continue
        mine = [
            (number, record_id, _key(field, columns[field.name]))
            for number, record_id, columns in rows
            if columns.get(field.name) is not None
        ]
        if not mine:
            continue
        holders = dict(rows_with_value(connection, sobject, field, [key for _, _, key in mine]))
        # A row of this batch gives up its old value when it takes another one.
        for _, record_id, key in mine:
            for held, holder in list(holders.items()):
                if holder == record_id and held != key:
                    del holders[held]
        for number, record_id, key in mine:
            holder = holders.setdefault(key, record_id)
            if holder != record_id:
                errors.setdefault(number, _duplicate_value(field, holder))
    return errors


def rows_with_value(
    connection: Connection, sobject: SObject, field: Field, values: Sequence[str]
) -> list[tuple[str, str]]:
    """(value, Id) of the rows that have one of these values in a field, by Id.

    Texts are compared without regard to case, unless the field knows case.
    """
    column, given = f"t.{quoted(field.name)}", f"TRY_CAST(v.value AS {duckdb_type(field)})"
    if not field.case_sensitive and duckdb_type(field) == TEXT:
        column, given = f"lower({column})", f"lower({given})"
    return connection.execute(
        f'SELECT v.value, t."Id" FROM {quoted(sobject.name)} AS t '
        f"JOIN (SELECT unnest(?::VARCHAR[]) AS value) AS v ON {column} = {given} "
        'WHERE NOT t._deleted ORDER BY t."Id"',
        [values],
    ).fetchall()


def _key(field: Field, value: str | None) -> str:
    assert value is not None
    return value if field.case_sensitive else value.lower()


def _duplicate_value(field: Field, holder: str) -> ApiError:
    return ApiError(
        400,
        "DUPLICATE_VALUE",
        f"duplicate value found: {field.name} duplicates value on record with id: {holder[:15]}",
        [],
    )
