"""SQL that brings images into a temporary table, one per record at the end. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from resources.warehouse.adapter import DELETED, MODSTAMP, READ_FROM, READ_TO, RUN_ID, SYNCED_AT
from resources.warehouse.dialect import quoted
from resources.warehouse.merge_names import REPEATED, STAGE, STANDING, MergeNames, stamp


def create_stage(stage: str, columns: Mapping[str, str]) -> str:
    """A temporary table for images and removals, with the table's own columns and types.

    ``_gone``: the image leaves no row, because it doesn't match or deleted rows are removed.
    ``_torn``: the record has several newest images that can't be told apart.
    """
    typed = ", ".join(
        f"{quoted(name)} {kind}"
        for name, kind in columns.items()
        if name not in (SYNCED_AT, RUN_ID)
    )
    return f"CREATE TEMP TABLE {stage} ({typed}, _gone BOOLEAN, _torn BOOLEAN)"


def fill_stage(names: MergeNames, stage: str, source: str) -> str:
    """Images from a registered reader."""
    columns = ", ".join([*names.own, MODSTAMP, READ_FROM, READ_TO])
    deleted = f"coalesce({DELETED}, false)"
    gone = deleted if names.spec.deletes == "remove" else "false"
    return (
        f"INSERT INTO {stage} ({columns}, {DELETED}, _gone, _torn) "
        f"SELECT {columns}, {deleted}, {gone}, false FROM {source}"
    )


def fill_removals(names: MergeNames, source: str) -> str:
    """Removals from a registered reader."""
    columns = ", ".join((names.key, MODSTAMP, READ_FROM, READ_TO))
    return (
        f"INSERT INTO {STAGE} ({columns}, {DELETED}, _gone, _torn) "
        f"SELECT {columns}, false, true, false FROM {source}"
    )


def bad_images(names: MergeNames, stage: str) -> str:
    """Counts of images without key, and without interval or with a reversed one."""
    return (
        f"SELECT count(*) FILTER ({names.key} IS NULL), count(*) FILTER ({READ_FROM} IS NULL "
        f"OR {READ_TO} IS NULL OR {READ_FROM} > {READ_TO}) FROM {stage}"
    )


def find_repeated(names: MergeNames, stage: str) -> str:
    """Keys with several staged images."""
    return (
        f"CREATE OR REPLACE TEMP TABLE {REPEATED} AS "
        f"SELECT {names.key} FROM {stage} GROUP BY 1 HAVING count(*) > 1"
    )


def resolve_repeated(names: MergeNames, stage: str) -> list[str]:
    """Leave one image per key: the newest, with its joined interval; torn if undecided."""
    key = names.key
    values = f"CASE WHEN NOT _gone THEN row({', '.join([*names.own, DELETED])}) END"
    return [
        f"CREATE OR REPLACE TEMP TABLE {STANDING} AS "
        f"WITH ranked AS (SELECT s.*, max({stamp('s')}) OVER (PARTITION BY {key}) AS _top "
        f"FROM {stage} s SEMI JOIN {REPEATED} USING ({key})), "
        f"newest AS (SELECT * EXCLUDE (_top), "
        f"max({READ_FROM}) OVER (PARTITION BY {key}) AS _latest "
        f"FROM ranked r WHERE {stamp('r')} = _top) "
        f"SELECT * EXCLUDE (_latest) FROM newest WHERE {READ_TO} >= _latest",
        f"DELETE FROM {stage} WHERE {key} IN (SELECT {key} FROM {REPEATED})",
        f"INSERT INTO {stage} BY NAME "
        f"WITH per_key AS (SELECT {key}, max({READ_FROM}) AS _lo, max({READ_TO}) AS _hi, "
        f"count(DISTINCT {values}) + max(_gone::INT) > 1 AS _undecided "
        f"FROM {STANDING} GROUP BY {key}), "
        f"one AS (SELECT * FROM {STANDING} QUALIFY row_number() OVER "
        f"(PARTITION BY {key} ORDER BY {READ_TO} DESC, {READ_FROM} DESC) = 1) "
        f"SELECT one.* REPLACE (_lo AS {READ_FROM}, _hi AS {READ_TO}, _undecided AS _torn) "
        f"FROM one JOIN per_key USING ({key})",
        f"DROP TABLE {STANDING}",
    ]
