"""How images become rows: the rule, and the SQL that applies it to a whole batch. No I/O.

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
there to read. A flagged row then keeps the values that it has.

Without SystemModstamp S is null, which counts as the smallest: then the interval alone decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resources.warehouse.adapter import (
    DELETED,
    MODSTAMP,
    READ_FROM,
    READ_TO,
    RUN_ID,
    SYNCED_AT,
    TableSpec,
)
from resources.warehouse.dialect import TIMESTAMPTZ, quoted
from resources.warehouse.schema_plan import wanted_columns

#: Up to this share of the table's rows MERGE costs less CPU than DELETE and INSERT.
MERGE_SHARE = 0.25

STAGE = quoted("temp", "stage")
REPEATED = quoted("temp", "repeated")
ABSENT = quoted("temp", "absent")
VERDICTS = quoted("temp", "verdicts")
ANSWERS = quoted("temp", "answers")
DOUBTS = quoted("temp", "doubts")

_EARLIEST = f"'-infinity'::{TIMESTAMPTZ}"


def prefers_merge(rewritten: int, rows_in_table: int) -> bool:
    """Whether to use MERGE; it only pays while few of the existing rows change."""
    return rewritten <= MERGE_SHARE * rows_in_table


@dataclass(frozen=True, slots=True)
class MergeSql:
    """The statements for one table.

    Args:
        spec: The table as the sync wants it.
        table: Its quoted full name.
        tombstones: The quoted full name of ``_tidegate.tombstones``.
        snapshots: The quoted full name of ``_tidegate.snapshots``.
    """

    spec: TableSpec
    table: str
    tombstones: str
    snapshots: str

    @property
    def key(self) -> str:
        return quoted(self.spec.key)

    @property
    def own(self) -> list[str]:
        """The sync's own columns, quoted."""
        return [quoted(column.name) for column in self.spec.columns]

    @property
    def _this_table(self) -> str:
        return f"schema_name = {_text(self.spec.schema)} AND table_name = {_text(self.spec.name)}"

    @property
    def _notes(self) -> str:
        """Tombstones of this table."""
        return f"(SELECT * FROM {self.tombstones} WHERE {self._this_table})"

    def _gone(self, gone: str, deleted: str) -> str:
        """Whether an image leaves no row: it doesn't match, or deleted rows are removed."""
        return gone if self.spec.deletes == "flag" else f"({gone} OR {deleted})"

    # ---- staging

    def create_stage(self, name: str) -> str:
        """A temporary table for images and removals as they come.

        ``torn``: the record has several images that can't be told apart.
        """
        columns = {
            name: kind
            for name, kind in wanted_columns(self.spec).items()
            if name not in (SYNCED_AT, RUN_ID)
        }
        typed = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
        return f"CREATE TEMP TABLE {name} ({typed}, gone BOOLEAN, torn BOOLEAN)"

    def fill_stage(self, name: str, source: str) -> str:
        """Images from a registered reader."""
        columns = [*self.own, *(quoted(c) for c in (MODSTAMP, READ_FROM, READ_TO))]
        gone = self._gone("false", f"coalesce({DELETED}, false)")
        return (
            f"INSERT INTO {name} ({', '.join(columns)}, {DELETED}, gone, torn) "
            f"SELECT {', '.join(columns)}, coalesce({DELETED}, false), {gone}, false "
            f"FROM {source}"
        )

    def fill_removals(self, source: str) -> str:
        """Removals from a registered reader."""
        columns = ", ".join((self.key, MODSTAMP, READ_FROM, READ_TO))
        return (
            f"INSERT INTO {STAGE} ({columns}, {DELETED}, gone, torn) "
            f"SELECT {columns}, false, true, false FROM {source}"
        )

    def bad_images(self, name: str) -> str:
        """Counts of images: all, without key, without or with reversed interval."""
        return (
            f"SELECT count(*), count(*) FILTER ({self.key} IS NULL), "
            f"count(*) FILTER ({READ_FROM} IS NULL OR {READ_TO} IS NULL "
            f"OR {READ_FROM} > {READ_TO}) FROM {name}"
        )

    def find_repeated(self, name: str) -> str:
        """Keys with several staged images."""
        return (
            f"CREATE OR REPLACE TEMP TABLE {REPEATED} AS "
            f"SELECT {self.key} FROM {name} GROUP BY 1 HAVING count(*) > 1"
        )

    def resolve_repeated(self, name: str) -> list[str]:
        """Leave one image per key: the newest, with its joined interval; torn if undecided."""
        values = f"CASE WHEN gone THEN NULL ELSE row({', '.join([*self.own, DELETED])}) END"
        standing = quoted("temp", "standing")
        return [
            f"CREATE OR REPLACE TEMP TABLE {standing} AS "
            f"WITH ranked AS (SELECT s.*, max({_s('s')}) OVER (PARTITION BY {self.key}) AS top "
            f"FROM {name} s SEMI JOIN {REPEATED} USING ({self.key})), "
            f"newest AS (SELECT * EXCLUDE (top), max({READ_FROM}) OVER (PARTITION BY {self.key}) "
            f"AS latest FROM ranked r WHERE {_s('r')} = top) "
            f"SELECT * EXCLUDE (latest) FROM newest WHERE {READ_TO} >= latest",
            f"DELETE FROM {name} WHERE {self.key} IN (FROM {REPEATED})",
            f"INSERT INTO {name} BY NAME "
            f"WITH per_key AS (SELECT {self.key}, max({READ_FROM}) AS lo, max({READ_TO}) AS hi, "
            f"count(DISTINCT {values}) + max(gone::INT) > 1 AS undecided "
            f"FROM {standing} GROUP BY {self.key}), "
            f"one AS (SELECT * FROM {standing} QUALIFY row_number() OVER "
            f"(PARTITION BY {self.key} ORDER BY {READ_TO} DESC, {READ_FROM} DESC) = 1) "
            f"SELECT one.* REPLACE (lo AS {READ_FROM}, hi AS {READ_TO}, undecided AS torn) "
            f"FROM one JOIN per_key USING ({self.key})",
            f"DROP TABLE {standing}",
        ]

    # ---- absence

    def find_absent(self) -> str:
        """Known keys that a complete read, staged, didn't return."""
        return (
            f"CREATE OR REPLACE TEMP TABLE {ABSENT} AS "
            f"SELECT {self.key} FROM {self.table} "
            f"UNION SELECT key FROM {self._notes} "
            f"UNION SELECT {self.key} FROM {STAGE} WHERE gone "
            # Deleted records are present too: a complete read by queryAll returns them.
            f"EXCEPT SELECT {self.key} FROM {STAGE} WHERE NOT gone OR {DELETED}"
        )

    def note_absent(self) -> list[str]:
        """Join the interval (?, ?) into the absence of all keys in ABSENT."""
        return [
            f"INSERT INTO {self.tombstones} BY NAME "
            f"SELECT {_text(self.spec.schema)} AS schema_name, "
            f"{_text(self.spec.name)} AS table_name, a.{self.key} AS key, "
            f"{self._first_absence('absent_from')}, {self._first_absence('absent_to')} "
            f"FROM {ABSENT} a LEFT JOIN {self.table} t ON t.{self.key} = a.{self.key} "
            f"ANTI JOIN {self._notes} g ON g.key = a.{self.key}",
            f"UPDATE {self.tombstones} SET "
            "absent_from = greatest(absent_from, $1), absent_to = greatest(absent_to, $2) "
            f"WHERE {self._this_table} AND key IN (FROM {ABSENT})",
        ]

    def _first_absence(self, column: str) -> str:
        """What a key without a tombstone was missing from: nothing if it has a row."""
        return (
            f"CASE WHEN t.{self.key} IS NULL THEN "
            f"(SELECT {column} FROM {self.snapshots} WHERE {self._this_table}) END AS {column}"
        )

    # ---- verdicts

    def create_verdicts(self) -> str:
        """One row per touched key: what is known, what becomes of it."""
        return f"CREATE OR REPLACE TEMP TABLE {VERDICTS} AS {self._judge('')} LIMIT 0"

    def judge(self) -> str:
        """Verdicts on all staged keys."""
        return f"INSERT INTO {VERDICTS} {self._judge('')}"

    def judge_absent(self) -> str:
        """Verdicts on keys that are absent and have no staged image."""
        source = (
            f"(SELECT * FROM {STAGE} WHERE false UNION ALL BY NAME "
            f"SELECT {self.key} FROM {ABSENT} ANTI JOIN {STAGE} USING ({self.key}))"
        )
        return f"INSERT INTO {VERDICTS} {self._judge(source)}"

    def judge_again(self) -> list[str]:
        """Verdicts on the keys in DOUBTS, after they were read again."""
        source = (
            f"(SELECT s.* FROM {STAGE} s SEMI JOIN {DOUBTS} d ON d.key = s.{self.key} "
            f"UNION ALL BY NAME SELECT d.key AS {self.key} FROM {DOUBTS} d "
            f"ANTI JOIN {STAGE} s ON s.{self.key} = d.key)"
        )
        return [
            f"DELETE FROM {VERDICTS} WHERE key IN (SELECT key FROM {DOUBTS})",
            f"INSERT INTO {VERDICTS} {self._judge(source)}",
        ]

    def _judge(self, source: str) -> str:
        flag = "false" if self._absence_removes else "true"
        return (
            f"WITH known AS ({self._known(source or STAGE)}), "
            # Which of the two images is the newer one; a key without a staged one keeps its own.
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
            "CASE best WHEN 'win' THEN new_gone ELSE old_gone END AS gone, "
            "CASE best WHEN 'win' THEN new_deleted ELSE old_deleted END AS image_deleted, "
            "best = 'tie' AND NOT CASE WHEN had_row THEN same_values AND NOT new_gone "
            "AND new_deleted = old_deleted WHEN old_lost THEN false ELSE new_gone END AS differ "
            "FROM compared), "
            "weighed AS (SELECT *, coalesce(absent_from > hi, false) AS absent FROM joined), "
            "decided AS (SELECT *, "
            "NOT absent AND ((new_torn AND best <> 'lose') OR differ "
            "OR coalesce(lo <= absent_to, false)) AS doubt, "
            f"NOT gone AND ({flag} OR NOT absent) AS has_row, "
            f"image_deleted OR ({flag} AND absent) AS deleted FROM weighed) "
            "SELECT key, new_s, new_gone AND NOT new_deleted AS removal, s, lo, hi, gone, "
            "image_deleted, absent_from, absent_to, doubt, had_deleted, has_row, deleted, "
            "greatest(new_hi, old_hi, absent_to) AS latest, "
            "greatest(new_s, old_s) AS newest_s, CASE "
            "WHEN had_row AND NOT has_row THEN 'delete' "
            "WHEN NOT had_row AND has_row THEN 'insert' WHEN NOT had_row THEN 'none' "
            "WHEN best = 'win' AND (new_s <> old_s OR NOT same_values) THEN 'rewrite' "
            "WHEN deleted <> had_deleted THEN 'flag' "
            "WHEN lo <> old_lo OR hi <> old_hi THEN 'extend' ELSE 'none' END AS action "
            "FROM decided"
        )

    @property
    def _absence_removes(self) -> bool:
        return self.spec.filtered or self.spec.deletes == "remove"

    def _known(self, source: str) -> str:
        """Per key of the source: the new image, the old one (row or tombstone), absence."""
        same = " AND ".join(
            f"n.{column} IS NOT DISTINCT FROM t.{column}"
            for column in self.own
            if column != self.key
        )
        snapshot = f"(SELECT {{}} FROM {self.snapshots} WHERE {self._this_table})"
        never_seen = f"t.{self.key} IS NULL AND g.key IS NULL"
        return (
            f"SELECT n.{self.key} AS key, "
            f"CASE WHEN n.{READ_FROM} IS NOT NULL THEN {_s('n')} END AS new_s, "
            f"n.{READ_FROM} AS new_lo, n.{READ_TO} AS new_hi, n.gone AS new_gone, "
            f"n.torn AS new_torn, n.{DELETED} AS new_deleted, "
            f"t.{self.key} IS NOT NULL AS had_row, t.{DELETED} AS had_deleted, "
            f"CASE WHEN t.{self.key} IS NOT NULL THEN {_s('t')} WHEN g.read_from IS NOT NULL "
            f"THEN coalesce(g.modstamp, {_EARLIEST}) END AS old_s, "
            f"coalesce(t.{READ_FROM}, g.read_from) AS old_lo, "
            f"coalesce(t.{READ_TO}, g.read_to) AS old_hi, "
            f"t.{self.key} IS NULL AND NOT coalesce(g.row_lost, false) AS old_gone, "
            "coalesce(g.row_lost, false) AS old_lost, "
            f"coalesce(g.image_deleted, t.{DELETED}, false) AS old_deleted, "
            f"CASE WHEN {never_seen} THEN {snapshot.format('absent_from')} "
            "ELSE g.absent_from END AS absent_from, "
            f"CASE WHEN {never_seen} THEN {snapshot.format('absent_to')} "
            "ELSE g.absent_to END AS absent_to, "
            f"CASE WHEN t.{self.key} IS NOT NULL AND {_s('n')} = {_s('t')} "
            f"THEN {same or 'true'} END AS same_values "
            f"FROM {source} n LEFT JOIN {self.table} t ON t.{self.key} = n.{self.key} "
            f"LEFT JOIN {self._notes} g ON g.key = n.{self.key}"
        )

    # ---- reading again

    def find_doubts(self) -> str:
        """Keys that must be read again, and after when."""
        return (
            f"CREATE OR REPLACE TEMP TABLE {DOUBTS} AS "
            f"SELECT key, latest, newest_s FROM {VERDICTS} WHERE doubt"
        )

    def keep_asked(self) -> str:
        """Drop answers that nobody asked for."""
        return f"DELETE FROM {ANSWERS} WHERE {self.key} NOT IN (SELECT key FROM {DOUBTS})"

    def bad_answers(self) -> str:
        """Counts of answers: not later than (?), and older than what they should settle."""
        return (
            f"SELECT count(*) FILTER (n.{READ_FROM} <= ?), "
            f"count(*) FILTER ({_s('n')} < d.newest_s) "
            f"FROM {ANSWERS} n JOIN {DOUBTS} d ON d.key = n.{self.key}"
        )

    def take_answers(self) -> list[str]:
        """Answers take the place of staged images; keys without one go to ABSENT."""
        return [
            f"DELETE FROM {STAGE} WHERE {self.key} IN (SELECT {self.key} FROM {ANSWERS})",
            f"INSERT INTO {STAGE} FROM {ANSWERS}",
            f"CREATE OR REPLACE TEMP TABLE {ABSENT} AS SELECT key AS {self.key} FROM {DOUBTS} "
            f"EXCEPT SELECT {self.key} FROM {ANSWERS}",
        ]

    # ---- applying

    def delete_rows(self, actions: Sequence[str]) -> str:
        """Remove the rows of all keys with one of these actions."""
        return (
            f"DELETE FROM {self.table} WHERE {self.key} IN "
            f"(SELECT key FROM {VERDICTS} WHERE action IN ({_texts(actions)}))"
        )

    def update_bookkeeping(self) -> list[str]:
        """Longer intervals alone, and flags with who set them ($1 when, $2 by which run)."""
        moved = (
            f"UPDATE {self.table} t SET {READ_FROM} = v.lo, {READ_TO} = v.hi{{}} "
            f"FROM {VERDICTS} v WHERE v.key = t.{self.key} AND v.action = {{}}"
        )
        flagged = f", {DELETED} = v.deleted, {SYNCED_AT} = $1, {RUN_ID} = $2"
        return [moved.format("", "'extend'"), moved.format(flagged, "'flag'")]

    def _new_rows(self) -> str:
        return (
            f"SELECT {', '.join('n.' + column for column in self.own)}, n.{MODSTAMP}, "
            f"v.lo AS {READ_FROM}, v.hi AS {READ_TO}, v.deleted AS {DELETED}, "
            f"$1::{TIMESTAMPTZ} AS {SYNCED_AT}, $2::VARCHAR AS {RUN_ID} "
            f"FROM {STAGE} n JOIN {VERDICTS} v ON v.key = n.{self.key} "
            "WHERE v.action IN ('insert', 'rewrite')"
        )

    def insert_rows(self) -> str:
        """Rows for all keys inserted or rewritten; rewritten ones must have been deleted."""
        return f"INSERT INTO {self.table} BY NAME {self._new_rows()}"

    def merge_rows(self, other_columns: Sequence[str]) -> str:
        """Rows for all keys inserted or rewritten; columns no longer synced become null."""
        columns = [quoted(name) for name in wanted_columns(self.spec)]
        sets = [f"{c} = n.{c}" for c in columns if c != self.key]
        sets += [f"{quoted(name)} = NULL" for name in other_columns]
        return (
            f"MERGE INTO {self.table} t USING ({self._new_rows()}) n "
            f"ON t.{self.key} = n.{self.key} "
            f"WHEN MATCHED THEN UPDATE SET {', '.join(sets)} "
            f"WHEN NOT MATCHED THEN INSERT ({', '.join(columns)}) "
            f"VALUES ({', '.join('n.' + column for column in columns)})"
        )

    def write_tombstones(self) -> list[str]:
        """What the rows of touched keys can't say."""
        return [
            f"DELETE FROM {self.tombstones} WHERE {self._this_table} "
            f"AND key IN (SELECT key FROM {VERDICTS})",
            f"INSERT INTO {self.tombstones} BY NAME "
            f"SELECT {_text(self.spec.schema)} AS schema_name, "
            f"{_text(self.spec.name)} AS table_name, key, "
            "CASE WHEN NOT has_row THEN s END AS modstamp, "
            "CASE WHEN NOT has_row THEN lo END AS read_from, "
            "CASE WHEN NOT has_row THEN hi END AS read_to, "
            "CASE WHEN NOT has_row THEN NOT gone END AS row_lost, "
            "image_deleted, absent_from, absent_to "
            f"FROM {VERDICTS} WHERE NOT has_row OR absent_from IS NOT NULL",
        ]

    # ---- counting

    def count(self) -> str:
        """Inserted, updated, deleted, unchanged."""
        return f"SELECT {_COUNTS}, {_UNCHANGED} FROM {VERDICTS}"

    def count_window(self) -> str:
        """Rows, inserted, updated, deleted of keys with S in [?, ?); all times as text."""
        return (
            f"SELECT count(*) FILTER (NOT removal), {_COUNTS} FROM {VERDICTS} "
            f"WHERE new_s >= ?::{TIMESTAMPTZ} AND new_s < ?::{TIMESTAMPTZ}"
        )

    def count_stale(self) -> str:
        """Rows older than a staged image of the same key."""
        return (
            f"SELECT count(*) FROM {STAGE} n JOIN {self.table} t ON t.{self.key} = n.{self.key} "
            f"WHERE {_s('n')} > {_s('t')}"
        )


_FLAGGED_NOW = "(action IN ('rewrite', 'flag') AND deleted AND NOT had_deleted)"
_COUNTS = (
    "count(*) FILTER (action = 'insert'), "
    f"count(*) FILTER (action IN ('rewrite', 'flag') AND NOT {_FLAGGED_NOW}), "
    f"count(*) FILTER (action = 'delete' OR {_FLAGGED_NOW})"
)
_UNCHANGED = "count(*) FILTER (action IN ('extend', 'none') AND new_s IS NOT NULL)"


def _s(alias: str) -> str:
    return f"coalesce({alias}.{MODSTAMP}, {_EARLIEST})"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _texts(values: Sequence[str]) -> str:
    return ", ".join(_text(value) for value in values)
