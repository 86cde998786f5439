"""Which image of a record is the newest: the rule, and the SQL that decides a batch. No I/O.

The rule. An image of a record has a SystemModstamp S and was read within [lo, hi]. Of two
images the one with the greater S wins. With equal S the one whose interval lies later wins. With
equal S, overlapping intervals and different values the record is read again, strictly later than
both; that answer is one more image, and wins.

What is kept of all images of one record at its greatest S is one image with the interval
[greatest lo, greatest hi]. That is enough for the result not to depend on order:

- Let L be the greatest lo of all images at S. Those still *standing* are the ones with hi >= L,
  because any other lies before the image that has L. All standing intervals hold the point L, so
  they overlap pairwise, and either all of them have the same values or the record is read again.
- A new image is beaten by all standing ones exactly if its hi < L, and beats them all exactly if
  its lo > H, the greatest hi. In both cases and in the one between, the new L and H are again
  the greatest ones of all images seen. So (values, L, H) is a function of the set.

Absence. A complete read, or a re-read, tells which records are gone within its [lo, hi]. Absence
has no S, so it is kept beside the image, again as [greatest lo, greatest hi] of the reads that a
record was missing from: it stands if it lies later than the image, the image stands if it lies
later, and if they overlap the record is read again. For records never seen, the table's
``snapshots`` row says from which reads they were missing.

While an absence stands, a conflict between two images before it needs no re-read: nothing is
there to read. A flagged row then keeps the values that it has. An image that ends an absence was
read later than all that was kept, so of a removed row nothing but S, L and H must be known.

Without SystemModstamp S is null, which counts as the smallest: then the interval alone decides.
"""

from __future__ import annotations

import pyarrow as pa

from resources.warehouse.adapter import DELETED, READ_FROM, READ_TO
from resources.warehouse.dialect import TIMESTAMPTZ, quoted
from resources.warehouse.merge_names import (
    ABSENT,
    ANSWERS,
    DOUBTS,
    SAME,
    STAGE,
    TIES,
    VERDICTS,
    MergeNames,
    stamp,
)


def find_absent(names: MergeNames) -> str:
    """Known keys that a complete read, staged, didn't return.

    Deleted records are present: a complete read by queryAll returns them.
    """
    return (
        f"CREATE OR REPLACE TEMP TABLE {ABSENT} AS "
        f"SELECT {names.key} FROM {names.table} UNION SELECT key FROM {names.notes} "
        f"UNION SELECT {names.key} FROM {STAGE} WHERE _gone "
        f"EXCEPT SELECT {names.key} FROM {STAGE} WHERE NOT _gone OR {DELETED}"
    )


def find_missing(names: MergeNames, asked: str) -> str:
    """Keys that were read by themselves, and didn't come back."""
    return (
        f"CREATE OR REPLACE TEMP TABLE {ABSENT} AS SELECT key AS {names.key} FROM {asked} "
        f"EXCEPT SELECT {names.key} FROM {STAGE} WHERE NOT _gone OR {DELETED}"
    )


def note_absent(names: MergeNames) -> tuple[str, str]:
    """Give all keys in ABSENT a tombstone, then join the interval [$1, $2] into it.

    A key never seen was also missing from all complete reads before.
    """

    def before(column: str) -> str:
        snapshot = f"(SELECT {column} FROM {names.snapshots} WHERE {names.this_table})"
        return f"CASE WHEN t.{names.key} IS NULL THEN {snapshot} END AS {column}"

    return (
        f"INSERT INTO {names.tombstones} BY NAME SELECT {names.schema_name} AS schema_name, "
        f"{names.table_name} AS table_name, a.{names.key} AS key, "
        f"{before('absent_from')}, {before('absent_to')} "
        f"FROM {ABSENT} a LEFT JOIN {names.table} t ON t.{names.key} = a.{names.key} "
        f"ANTI JOIN {names.notes} g ON g.key = a.{names.key}",
        f"UPDATE {names.tombstones} SET absent_from = greatest(absent_from, $1), "
        "absent_to = greatest(absent_to, $2) "
        f"WHERE {names.this_table} AND key IN (SELECT {names.key} FROM {ABSENT})",
    )


def find_same(names: MergeNames) -> list[str]:
    """Keys of SAME: staged image and row have the same S and the same values.

    Values are compared by DuckDB's 64-bit hash: a join that carries all columns of both sides
    would not fit into memory for a million rows, and spilled for 25 s.
    """
    # A list's hash is the same for null, [] and [null]; its length isn't.
    lists = [
        f"len({quoted(column.name)})"
        for column in names.spec.columns
        if pa.types.is_list(column.arrow_type) or pa.types.is_large_list(column.arrow_type)
    ]
    values = f"hash({', '.join([*names.own, *lists])})"

    def hashed(table: str) -> str:
        return (
            f"(SELECT {names.key} AS key, {values} AS digest FROM {table} "
            f"WHERE {names.key} IN (SELECT key FROM {TIES}))"
        )

    return [
        f"CREATE OR REPLACE TEMP TABLE {TIES} AS SELECT n.{names.key} AS key FROM {STAGE} n "
        f"JOIN {names.table} t ON t.{names.key} = n.{names.key} WHERE {stamp('n')} = {stamp('t')}",
        f"CREATE OR REPLACE TEMP TABLE {SAME} AS SELECT n.key FROM {hashed(STAGE)} n "
        f"JOIN {hashed(names.table)} t ON t.key = n.key AND t.digest = n.digest",
    ]


def create_verdicts(names: MergeNames) -> str:
    """An empty VERDICTS: per touched key what is known and what becomes of it."""
    return f"CREATE OR REPLACE TEMP TABLE {VERDICTS} AS {_judge(names, STAGE)} LIMIT 0"


def judge_staged(names: MergeNames) -> str:
    """Verdicts on all staged keys."""
    return f"INSERT INTO {VERDICTS} {_judge(names, STAGE)}"


def judge_absent(names: MergeNames) -> str:
    """Verdicts on keys that are absent and have no staged image."""
    source = (
        f"(SELECT * FROM {STAGE} WHERE false UNION ALL BY NAME "
        f"SELECT {names.key} FROM {ABSENT} ANTI JOIN {STAGE} USING ({names.key}))"
    )
    return f"INSERT INTO {VERDICTS} {_judge(names, source)}"


def judge_again(names: MergeNames) -> list[str]:
    """Verdicts on the keys in DOUBTS, after they were read again."""
    source = (
        f"(SELECT s.* FROM {STAGE} s SEMI JOIN {DOUBTS} d ON d.key = s.{names.key} "
        f"UNION ALL BY NAME SELECT d.key AS {names.key} FROM {DOUBTS} d "
        f"ANTI JOIN {STAGE} s ON s.{names.key} = d.key)"
    )
    return [
        f"DELETE FROM {VERDICTS} WHERE key IN (SELECT key FROM {DOUBTS})",
        f"INSERT INTO {VERDICTS} {_judge(names, source)}",
    ]


def _judge(names: MergeNames, source: str) -> str:
    removes = names.spec.filtered or names.spec.deletes == "remove"
    flags = "false" if removes else "true"
    return (
        f"WITH known AS ({_known(names, source)}), "
        # Which image is the newer one; a key without a staged one keeps what it has.
        "compared AS (SELECT *, CASE "
        "WHEN new_lo IS NULL THEN 'lose' WHEN old_lo IS NULL THEN 'win' "
        "WHEN new_s > old_s THEN 'win' WHEN new_s < old_s THEN 'lose' "
        "WHEN new_lo > old_hi THEN 'win' WHEN new_hi < old_lo THEN 'lose' "
        "ELSE 'tie' END AS best FROM known), "
        "joined AS (SELECT *, "
        "CASE best WHEN 'win' THEN new_s ELSE old_s END AS s, "
        "CASE best WHEN 'win' THEN new_lo WHEN 'lose' THEN old_lo "
        "ELSE greatest(new_lo, old_lo) END AS lo, "
        "CASE best WHEN 'win' THEN new_hi WHEN 'lose' THEN old_hi "
        "ELSE greatest(new_hi, old_hi) END AS hi, "
        "CASE best WHEN 'win' THEN new_gone ELSE NOT had_row END AS gone, "
        "CASE best WHEN 'win' THEN new_deleted ELSE had_deleted END AS image_deleted, "
        "best = 'tie' AND NOT CASE WHEN had_row THEN same_values AND NOT new_gone "
        "AND new_deleted = had_deleted ELSE new_gone END AS differ FROM compared), "
        "weighed AS (SELECT *, coalesce(absent_from > hi, false) AS absent FROM joined), "
        "decided AS (SELECT *, "
        "NOT absent AND ((new_torn AND best <> 'lose') OR differ "
        "OR coalesce(lo <= absent_to, false)) AS doubt, "
        f"NOT gone AND ({flags} OR NOT absent) AS has_row, "
        f"image_deleted OR ({flags} AND absent) AS deleted FROM weighed) "
        "SELECT key, new_s, new_gone AND NOT new_deleted AS removal, s, lo, hi, "
        "absent_from, absent_to, doubt, had_deleted, has_row, deleted, "
        "greatest(new_hi, old_hi, absent_to) AS latest, greatest(new_s, old_s) AS newest_s, CASE "
        "WHEN had_row AND NOT has_row THEN 'delete' "
        "WHEN NOT had_row AND has_row THEN 'insert' WHEN NOT had_row THEN 'none' "
        "WHEN best = 'win' AND NOT same_values THEN 'rewrite' "
        "WHEN deleted <> had_deleted THEN 'flag' "
        "WHEN lo <> old_lo OR hi <> old_hi THEN 'extend' ELSE 'none' END AS action "
        "FROM decided"
    )


def _known(names: MergeNames, source: str) -> str:
    """Per key of the source: the new image, the old one (row or tombstone), absence."""
    key = names.key
    old_s = f"coalesce(g.modstamp, '-infinity'::{TIMESTAMPTZ})"

    def absence(column: str) -> str:
        snapshot = f"(SELECT {column} FROM {names.snapshots} WHERE {names.this_table})"
        never_seen = f"t.{key} IS NULL AND g.key IS NULL"
        return f"CASE WHEN {never_seen} THEN {snapshot} ELSE g.{column} END AS {column}"

    return (
        f"SELECT n.{key} AS key, "
        f"CASE WHEN n.{READ_FROM} IS NOT NULL THEN {stamp('n')} END AS new_s, "
        f"n.{READ_FROM} AS new_lo, n.{READ_TO} AS new_hi, n._gone AS new_gone, "
        f"n._torn AS new_torn, n.{DELETED} AS new_deleted, "
        f"t.{key} IS NOT NULL AS had_row, coalesce(t.{DELETED}, false) AS had_deleted, "
        f"CASE WHEN t.{key} IS NOT NULL THEN {stamp('t')} "
        f"WHEN g.read_from IS NOT NULL THEN {old_s} END AS old_s, "
        f"coalesce(t.{READ_FROM}, g.read_from) AS old_lo, "
        f"coalesce(t.{READ_TO}, g.read_to) AS old_hi, "
        f"{absence('absent_from')}, {absence('absent_to')}, "
        "same.key IS NOT NULL AS same_values "
        f"FROM {source} n LEFT JOIN {names.table} t ON t.{key} = n.{key} "
        f"LEFT JOIN {names.notes} g ON g.key = n.{key} "
        f"LEFT JOIN {SAME} same ON same.key = n.{key}"
    )


def find_doubts() -> str:
    """Keys that must be read again, and after when."""
    return (
        f"CREATE OR REPLACE TEMP TABLE {DOUBTS} AS "
        f"SELECT key, latest, newest_s FROM {VERDICTS} WHERE doubt"
    )


def keep_asked(names: MergeNames) -> str:
    """Drop answers that nobody asked for."""
    return f"DELETE FROM {ANSWERS} WHERE {names.key} NOT IN (SELECT key FROM {DOUBTS})"


def bad_answers(names: MergeNames) -> str:
    """Counts of answers: not later than $1, and older than what they should settle."""
    return (
        f"SELECT count(*) FILTER (n.{READ_FROM} <= $1), "
        f"count(*) FILTER ({stamp('n')} < d.newest_s) "
        f"FROM {ANSWERS} n JOIN {DOUBTS} d ON d.key = n.{names.key}"
    )


def take_answers(names: MergeNames) -> list[str]:
    """Answers take the place of staged images; keys without one go to ABSENT."""
    return [
        f"DELETE FROM {STAGE} WHERE {names.key} IN (SELECT {names.key} FROM {ANSWERS})",
        f"INSERT INTO {STAGE} FROM {ANSWERS}",
        f"CREATE OR REPLACE TEMP TABLE {ABSENT} AS SELECT key AS {names.key} FROM {DOUBTS} "
        f"EXCEPT SELECT {names.key} FROM {ANSWERS}",
    ]
