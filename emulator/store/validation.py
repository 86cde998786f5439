"""Validation rules over rows as they will be, before they are written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import pyarrow as pa

from emulator.errors import ApiError
from emulator.schema.columns import duckdb_type, quoted
from emulator.schema.model import SObject, ValidationRule
from emulator.store.database import Connection
from emulator.store.lookups import Errors
from emulator.store.rows_plan import Columns, default_columns

CODE = "FIELD_CUSTOM_VALIDATION_EXCEPTION"


def broken_rule_sql(sobject: SObject, row: str) -> str:
    """SQL for the number of the first rule that a row breaks, from 0; null when it breaks none."""
    branches = [
        f"WHEN ({rule.expression.replace('{row}', row)}) THEN {number}"
        for number, rule in enumerate(sobject.rules)
    ]
    return f"CASE {' '.join(branches)} END"


def broken_rules(
    connection: Connection,
    sobject: SObject,
    creates: Sequence[tuple[int, Columns]],
    updates: Sequence[tuple[int, str, Columns]],
    user_id: str,
) -> Errors:
    """Rows that break a rule, by their number; a created row has its defaults, and no Id yet."""
    if not sobject.rules:
        return {}
    errors: Errors = {}
    defaults = default_columns(sobject, user_id)
    rows = [(number, None, defaults | columns) for number, columns in creates]
    groups: dict[tuple[bool, tuple[str, ...]], list[tuple[int, str | None, Columns]]]
    groups = defaultdict(list)
    for row in [*rows, *updates]:
        groups[row[1] is None, tuple(row[2])].append(row)
    for (creating, names), group in groups.items():
        _register(connection, names, group)
        source = _new_rows(sobject, names) if creating else _changed_rows(sobject, names)
        found = connection.execute(
            f"SELECT _number, {broken_rule_sql(sobject, 'p')} AS broken FROM ({source}) AS p "
            "WHERE broken IS NOT NULL"
        ).fetchall()
        connection.unregister("_proposed")
        errors |= {number: _refusal(sobject.rules[broken]) for number, broken in found}
    return errors


def _register(
    connection: Connection,
    names: tuple[str, ...],
    group: Sequence[tuple[int, str | None, Columns]],
) -> None:
    texts = {
        f"c{at}": pa.array([row[2][name] for row in group], pa.string())
        for at, name in enumerate(names)
    }
    numbers = pa.array([row[0] for row in group], pa.int64())
    ids = pa.array([row[1] for row in group], pa.string())
    connection.register("_proposed", pa.table({"_number": numbers, "_id": ids, **texts}))


def _new_rows(sobject: SObject, names: tuple[str, ...]) -> str:
    columns = []
    for field in sobject.stored_fields:
        text = f"u.c{names.index(field.name)}" if field.name in names else "NULL"
        columns.append(f"CAST({text} AS {duckdb_type(field)}) AS {quoted(field.name)}")
    return f"SELECT u._number, {', '.join(columns)} FROM _proposed AS u"


def _changed_rows(sobject: SObject, names: tuple[str, ...]) -> str:
    changed = ", ".join(
        f"CAST(u.c{at} AS {duckdb_type(sobject.fields[name])}) AS {quoted(name)}"
        for at, name in enumerate(names)
    )
    kept = f"t.* REPLACE ({changed})" if changed else "t.*"
    return (
        f"SELECT u._number, {kept} FROM {quoted(sobject.name)} AS t "
        'JOIN _proposed AS u ON t."Id" = u._id'
    )


def _refusal(rule: ValidationRule) -> ApiError:
    return ApiError(400, CODE, rule.message, [rule.field] if rule.field else [])
