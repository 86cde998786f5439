"""SQL that brings verdicts into the table and counts them. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from resources.warehouse.adapter import DELETED, MODSTAMP, READ_FROM, READ_TO, RUN_ID, SYNCED_AT
from resources.warehouse.dialect import TIMESTAMPTZ, quoted, texts
from resources.warehouse.merge_names import STAGE, VERDICTS, MergeNames, stamp
from resources.warehouse.schema_plan import wanted_columns

#: Up to this share of the table's rows MERGE costs less CPU than DELETE and INSERT.
MERGE_SHARE = 0.25


def prefers_merge(rewritten: int, rows_in_table: int) -> bool:
    """Whether to use MERGE; it only pays while few of the existing rows change."""
    return 0 < rewritten <= MERGE_SHARE * rows_in_table


def count_work() -> str:
    """Rows to rewrite and to delete."""
    return (
        "SELECT count(*) FILTER (action = 'rewrite'), count(*) FILTER (action = 'delete') "
        f"FROM {VERDICTS}"
    )


def delete_rows(names: MergeNames, actions: Sequence[str]) -> str:
    """Remove the rows of all keys with one of these actions."""
    return (
        f"DELETE FROM {names.table} WHERE {names.key} IN "
        f"(SELECT key FROM {VERDICTS} WHERE action IN ({texts(actions)}))"
    )


def update_bookkeeping(names: MergeNames) -> tuple[str, str]:
    """Longer intervals alone; and flags, with when ($1) and by which run ($2)."""
    moved = (
        f"UPDATE {names.table} t SET {READ_FROM} = v.lo, {READ_TO} = v.hi{{}} "
        f"FROM {VERDICTS} v WHERE v.key = t.{names.key} AND v.action = {{}}"
    )
    flagged = f", {DELETED} = v.deleted, {SYNCED_AT} = $1, {RUN_ID} = $2"
    return moved.format("", "'extend'"), moved.format(flagged, "'flag'")


def insert_rows(names: MergeNames) -> str:
    """Rows for all keys inserted or rewritten; rewritten ones must have been deleted."""
    return f"INSERT INTO {names.table} BY NAME {_new_rows(names)}"


def merge_rows(names: MergeNames, other_columns: Sequence[str]) -> str:
    """Rows for all keys inserted or rewritten; columns no longer synced become null."""
    columns = [quoted(name) for name in wanted_columns(names.spec)]
    sets = [f"{column} = n.{column}" for column in columns if column != names.key]
    sets += [f"{quoted(name)} = NULL" for name in other_columns]
    return (
        f"MERGE INTO {names.table} t USING ({_new_rows(names)}) n "
        f"ON t.{names.key} = n.{names.key} "
        f"WHEN MATCHED THEN UPDATE SET {', '.join(sets)} "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(columns)}) "
        f"VALUES ({', '.join('n.' + column for column in columns)})"
    )


def _new_rows(names: MergeNames) -> str:
    return (
        f"SELECT {', '.join('n.' + column for column in names.own)}, n.{MODSTAMP}, "
        f"v.lo AS {READ_FROM}, v.hi AS {READ_TO}, v.deleted AS {DELETED}, "
        f"$1::{TIMESTAMPTZ} AS {SYNCED_AT}, $2::VARCHAR AS {RUN_ID} "
        f"FROM {STAGE} n JOIN {VERDICTS} v ON v.key = n.{names.key} "
        "WHERE v.action IN ('insert', 'rewrite')"
    )


def write_tombstones(names: MergeNames) -> list[str]:
    """What the rows of touched keys can't say: removed ones' S and interval, absences."""
    return [
        f"DELETE FROM {names.tombstones} WHERE {names.this_table} "
        f"AND key IN (SELECT key FROM {VERDICTS})",
        f"INSERT INTO {names.tombstones} BY NAME SELECT {names.schema_name} AS schema_name, "
        f"{names.table_name} AS table_name, key, "
        "CASE WHEN NOT has_row THEN s END AS modstamp, "
        "CASE WHEN NOT has_row THEN lo END AS read_from, "
        "CASE WHEN NOT has_row THEN hi END AS read_to, absent_from, absent_to "
        f"FROM {VERDICTS} WHERE NOT has_row OR absent_from IS NOT NULL",
    ]


def count_all() -> str:
    """Inserted, updated, deleted, unchanged."""
    unchanged = "count(*) FILTER (action IN ('extend', 'none') AND new_s IS NOT NULL)"
    return f"SELECT {_COUNTS}, {unchanged} FROM {VERDICTS}"


def count_window() -> str:
    """Rows, inserted, updated, deleted of keys with S in [$1, $2), both as text."""
    return (
        f"SELECT count(*) FILTER (NOT removal), {_COUNTS} FROM {VERDICTS} "
        f"WHERE new_s >= $1::{TIMESTAMPTZ} AND new_s < $2::{TIMESTAMPTZ}"
    )


def count_stale(names: MergeNames) -> str:
    """Rows older than a staged image of the same key."""
    return (
        f"SELECT count(*) FROM {STAGE} n JOIN {names.table} t ON t.{names.key} = n.{names.key} "
        f"WHERE {stamp('n')} > {stamp('t')}"
    )


_FLAGGED = "(action IN ('rewrite', 'flag') AND deleted AND NOT had_deleted)"
_COUNTS = (
    "count(*) FILTER (action = 'insert'), "
    f"count(*) FILTER (action IN ('rewrite', 'flag') AND NOT {_FLAGGED}), "
    f"count(*) FILTER (action = 'delete' OR {_FLAGGED})"
)
