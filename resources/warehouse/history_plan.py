"""SQL that makes every version of a record out of its change log and its images. No I/O.

A change says what it changed, not what the record was before. So a record's history begins with
the image that stood in the table when its first change came (a *version* of type IMAGE), or with
its CREATE; from there on each change carries on what it didn't touch. Where a gap hides what
changed, versions are ``_uncertain`` until the next image, which is kept as a version too.

Where no event names the records that changed, those whose last version isn't what the table says
get a version of type GAP, from when on changes may be hidden, and their image.

The history of a touched record is made anew each time, from the log and from its IMAGE and GAP
versions: it is a function of what was seen, whatever came twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from resources.warehouse.adapter import DELETED, MODSTAMP, READ_FROM, TableSpec
from resources.warehouse.dialect import TIMESTAMPTZ, quoted, sql_type, text

TOUCHED = quoted("temp", "touched")
# Times may be the same for many changes, as Salesforce stamps records by whole seconds.
_ORDER = "valid_from, _commit_number, _rank, _sequence_number"
_FULL = "_change_type IN ('IMAGE', 'CREATE', 'UNDELETE')"
_GAP = "_change_type LIKE 'GAP%'"
# Behind the change that it came with, an image behind the gap that it ends.
_RANK = "CASE _change_type WHEN 'IMAGE' THEN 2 ELSE 1 END"
# What a change may name instead of records: none, and all that there are.
_NO_RECORD = "(n._change_type = 'GAP_OVERFLOW' OR ends_with(n.id, '*'))"


@dataclass(frozen=True, slots=True)
class HistoryNames:
    """The tables that take part, quoted and in full.

    Args:
        spec: The object's table.
        table: Its name.
        log: The change log.
        history: The table of versions.
        fields: By column, the API's name as it stands in ``_changed_fields``; columns that the log
            has.
    """

    spec: TableSpec
    table: str
    log: str
    history: str
    fields: Mapping[str, str]

    @property
    def values(self) -> list[str]:
        """Columns of a version, but for the key."""
        return [column.name for column in self.spec.columns if column.name != self.spec.key]


def history_columns(spec: TableSpec) -> dict[str, str]:
    """Columns of the history and their types."""
    own = {c.name: sql_type(c.arrow_type) for c in spec.columns if c.name != spec.key}
    return {
        "id": "VARCHAR",
        "valid_from": TIMESTAMPTZ,
        "valid_to": TIMESTAMPTZ,
        "_change_type": "VARCHAR",
        "_changed_fields": "VARCHAR[]",
        "_transaction_key": "VARCHAR",
        "_commit_number": "BIGINT",
        "_uncertain": "BOOLEAN",
        **own,
    }


def find_touched(names: HistoryNames, incoming: str) -> str:
    """Records that changes name, and when the first of these was committed."""
    return (
        f"CREATE OR REPLACE TEMP TABLE {TOUCHED} AS SELECT n.id, "
        f"min(n._commit_timestamp) AS since FROM {incoming} n WHERE NOT {_NO_RECORD} GROUP BY n.id"
    )


def keep_base(names: HistoryNames) -> str:
    """The image from before the first change, of records without a history."""
    return (
        f"{_insert_images(names)} {_image(names, f'coalesce(t.{MODSTAMP}, t.{READ_FROM})')} "
        f"WHERE coalesce(t.{MODSTAMP}, t.{READ_FROM}) < k.since AND NOT t.{DELETED} "
        f"AND k.id NOT IN (SELECT id FROM {names.history})"
    )


def keep_after_gaps(names: HistoryNames) -> str:
    """The image from after a gap, where a gap is the last that is known of a record."""
    return (
        f"{_insert_images(names)} {_image(names, f'greatest(t.{MODSTAMP}, g.at)')} "
        f"JOIN (SELECT id, max_by(_change_type, {_LAST}) AS last, max(_commit_timestamp) AS at "
        f"FROM {names.log} WHERE id IN (SELECT id FROM {TOUCHED}) GROUP BY id) g ON g.id = k.id "
        f"WHERE g.last LIKE 'GAP%' AND NOT t.{DELETED} AND NOT EXISTS "
        f"(SELECT 1 FROM {names.history} h WHERE h.id = k.id AND h._change_type = 'IMAGE' "
        "AND h.valid_from >= g.at)"
    )


def find_hidden(names: HistoryNames) -> str:
    """Records whose last version isn't what the table says, and when that may have begun.

    Changes may be hidden since $1; null: at any time.
    """
    differ = "".join(
        f" OR h.{column} IS DISTINCT FROM t.{column}" for column in map(quoted, names.fields)
    )
    # Of a table with a condition a record may be missing because of what its last version says.
    gone = "h._change_type NOT IN ('DELETE', 'GAP_DELETE', 'GAP')"
    missing = "false" if names.spec.filtered else gone
    key = f"t.{quoted(names.spec.key)}"
    return (
        f"CREATE OR REPLACE TEMP TABLE {TOUCHED} AS "
        f"SELECT h.id, greatest($1::{TIMESTAMPTZ}, h.valid_from) AS since FROM {names.history} h "
        f"LEFT JOIN {names.table} t ON {key} = h.id AND NOT t.{DELETED} "
        f"WHERE h.valid_to IS NULL AND CASE WHEN {key} IS NULL THEN {missing} "
        f"ELSE h._uncertain OR h._change_type = 'DELETE'{differ} END"
    )


def keep_hidden(names: HistoryNames) -> list[str]:
    """A gap in the history of these records, and the image from after it."""
    return [
        f"INSERT INTO {names.history} (id, valid_from, _change_type, _uncertain, _commit_number) "
        f"SELECT id, since, 'GAP', true, {_last_commit(names)} FROM {TOUCHED}",
        f"{_insert_images(names)} {_image(names, f'greatest(t.{MODSTAMP}, k.since)')} "
        f"WHERE NOT t.{DELETED}",
    ]


_LAST = "{'number': _commit_number, 'sequence': _sequence_number}"


def _insert_images(names: HistoryNames) -> str:
    columns = ", ".join(quoted(name) for name in names.values)
    own = "id, valid_from, _change_type, _uncertain, _commit_number"
    return f"INSERT INTO {names.history} ({own}, {columns})"


def _image(names: HistoryNames, since: str) -> str:
    values = ", ".join(f"t.{quoted(name)}" for name in names.values)
    return (
        f"SELECT k.id, {since}, 'IMAGE', false, {_last_commit(names)}, {values} FROM {TOUCHED} k "
        f"JOIN {names.table} t ON t.{quoted(names.spec.key)} = k.id"
    )


def _last_commit(names: HistoryNames) -> str:
    """The last change known now: what the table says is from after it, if not from before more."""
    return f"(SELECT coalesce(max(_commit_number), 0) FROM {names.log})"


def rebuild(names: HistoryNames) -> list[str]:
    """Make the versions of touched records anew."""
    versions = quoted("temp", "versions")
    columns = ", ".join(quoted(name) for name in history_columns(names.spec))
    return [
        f"CREATE OR REPLACE TEMP TABLE {versions} AS {_versions(names)}",
        f"DELETE FROM {names.history} WHERE id IN (SELECT id FROM {TOUCHED})",
        f"INSERT INTO {names.history} ({columns}) SELECT {columns} FROM {versions}",
        f"DROP TABLE {versions}",
    ]


def _versions(names: HistoryNames) -> str:
    events = ", ".join(_wrapped(names, name) for name in names.values)
    images = ", ".join(
        f"CASE WHEN _change_type = 'IMAGE' THEN {{'v': {quoted(name)}}} END AS {quoted(name)}"
        for name in names.values
    )
    before = f"(PARTITION BY id ORDER BY {_ORDER} ROWS UNBOUNDED PRECEDING)"
    values = ", ".join(
        f"(last_value({quoted(name)} IGNORE NULLS) OVER {before}).v AS {quoted(name)}"
        for name in names.values
    )
    known = f"CASE WHEN {_GAP} THEN false WHEN {_FULL} THEN true END"
    touched = f"id IN (SELECT id FROM {TOUCHED})"
    return (
        "WITH steps AS (SELECT id, _commit_timestamp AS valid_from, 0 AS _rank, "
        "_commit_number, _sequence_number, _change_type, _changed_fields, _transaction_key, "
        f"{events} FROM {names.log} WHERE {touched} UNION ALL BY NAME "
        f"SELECT id, valid_from, {_RANK} AS _rank, _commit_number, "
        f"0 AS _sequence_number, _change_type, {images} FROM {names.history} "
        f"WHERE _change_type IN ('IMAGE', 'GAP') AND {touched}) "
        "SELECT id, valid_from, "
        f"lead(valid_from) OVER (PARTITION BY id ORDER BY {_ORDER}) AS valid_to, _change_type, "
        "_changed_fields, _transaction_key, _commit_number, "
        f"NOT coalesce(last_value({known} IGNORE NULLS) OVER {before}, false) AS _uncertain, "
        f"{values} FROM steps"
    )


def _wrapped(names: HistoryNames, column: str) -> str:
    """What a change says about a column: a value, or nothing at all (then it is null)."""
    kind = next(sql_type(c.arrow_type) for c in names.spec.columns if c.name == column)
    field = names.fields.get(column)
    if field is None:
        return f"NULL::STRUCT(v {kind}) AS {quoted(column)}"
    named = " OR ".join(
        f"list_contains({names_of}, {text(field)})"
        for names_of in ("_changed_fields", "_nulled_fields", "_diff_fields")
    )
    # Of a long text the event has the difference alone.
    value = (
        f"CASE WHEN NOT coalesce(list_contains(_diff_fields, {text(field)}), false) "
        f"THEN {quoted(column)}::{kind} END"
    )
    return (
        "CASE WHEN _change_type IN ('CREATE', 'UNDELETE') OR "
        f"(_change_type = 'UPDATE' AND coalesce({named}, false)) THEN {{'v': {value}}} END "
        f"AS {quoted(column)}"
    )
