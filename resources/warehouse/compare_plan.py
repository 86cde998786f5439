"""SQL that finds which rows of a load must be sent. No I/O.

Rows lie in a database of their own (``staged``), and what they are compared with in the
warehouse. A row is new, changed or unchanged by what was accepted last. Then the image in the
inbound table has a say, if it was read after that:

- A new or changed row whose every cell Salesforce is known to hold is *in sync*.
- An unchanged row that Salesforce holds otherwise, or not at all any more, has *drifted*.
"""

from __future__ import annotations

from collections.abc import Sequence

from resources.warehouse.adapter import DELETED, READ_FROM, READ_TO
from resources.warehouse.compared_cells import (
    WAREHOUSE,
    ComparedImage,
    as_kept,
    cell_there,
    same_cell,
)
from resources.warehouse.dialect import TIMESTAMPTZ, quoted, text
from resources.warehouse.load_adapter import HASH, KEY, SET_NULL, Drift

STAGED = "rows.main.staged"
STATE = "rows.main.state"
PAIRS = "rows.main.pairs"
SAME = "rows.main.same"
VERDICTS = "rows.main.verdicts"
KEPT = "rows.main.kept"
EXAMPLES = 20


def key_problems(fold: bool) -> str:
    """Rows without key; keys that are repeated, and rows with them."""
    return (
        f"SELECT (SELECT count(*) FROM {STAGED} WHERE coalesce({KEY}, '') = ''), count(*), "
        f"coalesce(sum(n), 0)::BIGINT FROM ({_repeated(fold)})"
    )


def key_examples(fold: bool) -> str:
    """Some of the repeated keys."""
    return f"SELECT example FROM ({_repeated(fold)}) ORDER BY 1 LIMIT 5"


def _repeated(fold: bool) -> str:
    return (
        f"SELECT min({KEY}) AS example, count(*) AS n FROM {STAGED} WHERE {KEY} <> '' "
        f"GROUP BY {folded(KEY, fold)} HAVING count(*) > 1"
    )


def folded(key: str, fold: bool) -> str:
    """A key as it is compared."""
    return f"lower({key})" if fold else key


def copy_state(load: str, fold: bool) -> str:
    """What was accepted last: one row per key as it is compared."""
    table = quoted(WAREHOUSE, "_tidegate", "load_state")
    if fold:
        return (
            f"CREATE TABLE {STATE} AS SELECT lower(key) AS key, max_by(hash, accepted_at) AS hash, "
            f"max(accepted_at) AS accepted_at FROM {table} WHERE load = {text(load)} GROUP BY 1"
        )
    return (
        f"CREATE TABLE {STATE} AS SELECT key, hash, accepted_at FROM {table} "
        f"WHERE load = {text(load)}"
    )


def no_state() -> str:
    """A load that never ran."""
    return f"CREATE TABLE {STATE} (key VARCHAR, hash VARCHAR, accepted_at {TIMESTAMPTZ})"


def find_pairs(compared: ComparedImage, fold: bool) -> str:
    """Staged rows with their image, where it is of use: undeleted ones first, one per row.

    The wide comparison is left to the end: a join that carries all columns of a million rows on
    both sides would spill.
    """
    image = compared.image
    key = f"t.{quoted(image.key)}"
    match = (
        f"{folded(key, fold)} = {folded('r.' + KEY, fold)}"
        if compared.key_type == "VARCHAR"
        else f"{key} = TRY_CAST(r.{KEY} AS {compared.key_type})"
    )
    return (
        f"CREATE TABLE {PAIRS} AS SELECT r.rowid AS row_number, t.rowid AS image_number, "
        f"t.{quoted(image.id_column)} AS sf_id, t.{READ_TO} AS read_to, "
        f"coalesce(t.{DELETED}, false) AS deleted "
        f"FROM {STAGED} r JOIN {compared.table} t ON {match} "
        f"LEFT JOIN {STATE} s ON s.key = {folded('r.' + KEY, fold)} "
        f"WHERE s.accepted_at IS NULL OR t.{READ_FROM} > s.accepted_at "
        "QUALIFY row_number() OVER (PARTITION BY r.rowid ORDER BY "
        f"coalesce(t.{DELETED}, false), t.{READ_FROM} DESC) = 1"
    )


def judge(compared: ComparedImage | None, drift: Drift, fold: bool, kept: bool) -> str:
    """Per staged row what it is."""
    accepted = (
        "CASE WHEN s.key IS NULL THEN 'new' WHEN s.hash <> r._hash THEN 'changed' "
        "ELSE 'unchanged' END"
    )
    joins = f"LEFT JOIN {STATE} s ON s.key = {folded('r.' + KEY, fold)}"
    if kept:
        joins += f" SEMI JOIN {KEPT} k ON k.key = {folded('r.' + KEY, fold)}"
    if compared is None:
        return (
            f"CREATE TABLE {VERDICTS} AS SELECT r.rowid AS row_number, {accepted} AS verdict, "
            f"NULL::VARCHAR AS sf_id, NULL::{TIMESTAMPTZ} AS read_to FROM {STAGED} r {joins}"
        )
    drifted = (
        "false"
        if drift == "ignore"
        else "accepted = 'unchanged' AND i.row_number IS NOT NULL AND (i.deleted OR NOT i.equal)"
    )
    return (
        f"CREATE TABLE {VERDICTS} AS WITH judged AS "
        f"(SELECT r.rowid AS row_number, {accepted} AS accepted FROM {STAGED} r {joins}), "
        f"images AS ({_compare(compared)}) "
        "SELECT j.row_number, CASE WHEN accepted <> 'unchanged' AND i.equal AND i.covered "
        f"AND NOT i.deleted THEN 'in_sync' WHEN {drifted} THEN 'drifted' ELSE accepted END "
        "AS verdict, i.sf_id, i.read_to FROM judged j "
        "LEFT JOIN images i ON i.row_number = j.row_number"
    )


def find_same(compared: ComparedImage) -> str:
    """Pairs of the same values by DuckDB's 64-bit hash, as merges compare: mostly nearly all.

    Only the others need the wide join. A row with a cell that leaves its field alone, or that
    isn't of its column's type, is among the others.
    """
    columns = compared.image.columns
    ours, theirs, hashable = [], [], []
    for column in columns:
        cell, kind = f"r.{quoted(column.cell)}", compared.types[column.cell]
        # Trimming every text would cost more than all else, and few texts need it.
        there = cell_there(compared, column)
        meaning = cell if kind == "VARCHAR" else as_kept(cell, kind, column)
        ours.append(f"CASE WHEN {cell} <> {text(SET_NULL)} THEN {meaning} END")
        theirs.append(there if kind == "VARCHAR" else as_kept(there, kind, column))
        hashable.append(f"({cell} = {text(SET_NULL)} OR {meaning} IS NOT NULL) AND {cell} <> ''")
    return (
        f"CREATE TABLE {SAME} AS SELECT p.row_number, o.covered FROM {PAIRS} p "
        f"JOIN (SELECT r.rowid AS row_number, hash({', '.join(ours)}) AS digest, "
        f"{_covered(compared)} AS covered FROM {STAGED} r WHERE {' AND '.join(hashable)}) o "
        f"ON o.row_number = p.row_number "
        f"JOIN (SELECT t.rowid AS image_number, hash({', '.join(theirs)}) AS digest "
        f"FROM {compared.table} t {_parents(compared)}) i ON i.image_number = p.image_number "
        "WHERE o.digest = i.digest"
    )


def _compare(compared: ComparedImage) -> str:
    equal = [f"({same_cell(compared, column)})" for column in compared.image.columns]
    others = f"(SELECT * FROM {PAIRS} ANTI JOIN {SAME} USING (row_number))"
    return (
        "SELECT p.row_number, p.sf_id, p.read_to, p.deleted, true AS equal, s.covered "
        f"FROM {PAIRS} p JOIN {SAME} s ON s.row_number = p.row_number UNION ALL "
        "SELECT p.row_number, p.sf_id, p.read_to, p.deleted, "
        f"{' AND '.join(equal)} AS equal, {_covered(compared)} AS covered "
        f"FROM {_joined(compared, others)}"
    )


def _covered(compared: ComparedImage) -> str:
    known = {column.cell for column in compared.image.columns}
    hidden = [f"r.{quoted(cell)} = ''" for cell in compared.cells if cell not in known]
    return " AND ".join(hidden) or "true"


def _joined(compared: ComparedImage, pairs: str) -> str:
    return (
        f"{pairs} p JOIN {STAGED} r ON r.rowid = p.row_number "
        f"JOIN {compared.table} t ON t.rowid = p.image_number {_parents(compared)}"
    )


def _parents(compared: ComparedImage) -> str:
    joins = []
    for number, column in enumerate(compared.image.columns):
        if (parent := column.parent) is not None:
            table = quoted(WAREHOUSE, parent.schema, parent.name)
            joins.append(
                f"LEFT JOIN {table} p{number} "
                f"ON p{number}.{quoted(parent.key)} = t.{quoted(column.column)}"
            )
    return " ".join(joins)


def count_verdicts() -> str:
    """Rows by verdict."""
    return f"SELECT verdict, count(*) FROM {VERDICTS} GROUP BY 1"


def rows_to_send(
    columns: Sequence[str], order_by: Sequence[str], verdicts: Sequence[str] | None
) -> str:
    """The rows with these verdicts (None: all), in order."""
    wanted = "" if verdicts is None else f"WHERE v.verdict IN ({_texts(verdicts)})"
    order = ", ".join(f"r.{quoted(column)}" for column in order_by)
    return (
        f"SELECT {', '.join('r.' + quoted(column) for column in columns)} FROM {STAGED} r "
        f"SEMI JOIN (SELECT row_number FROM {VERDICTS} v {wanted}) v ON v.row_number = r.rowid"
        f"{' ORDER BY ' + order if order else ''}"
    )


def vanished(fold: bool, kept: bool) -> str:
    """Keys that were accepted (or kept) and aren't among the rows."""
    source = KEPT if kept else STATE
    return (
        f"SELECT s.key FROM {source} s ANTI JOIN {STAGED} r ON {folded('r.' + KEY, fold)} = s.key"
    )


def drift_examples(compared: ComparedImage) -> str:
    """Key, cell column, ours, theirs of some drifted rows' differing cells."""
    some = (
        f"(SELECT p.* FROM {PAIRS} p JOIN {VERDICTS} v ON v.row_number = p.row_number "
        f"WHERE v.verdict = 'drifted' ORDER BY p.row_number LIMIT {EXAMPLES})"
    )
    source = _joined(compared, some)
    selects = [f"SELECT r.{KEY}, NULL::VARCHAR, NULL::VARCHAR, NULL FROM {source} WHERE p.deleted"]
    for column in compared.image.columns:
        cell = f"r.{quoted(column.cell)}"
        selects.append(
            f"SELECT r.{KEY}, {text(column.cell)}, nullif({cell}, {text(SET_NULL)}), "
            f"CAST({cell_there(compared, column)} AS VARCHAR) FROM {source} "
            f"WHERE NOT p.deleted AND NOT ({same_cell(compared, column)})"
        )
    return f"{' UNION ALL '.join(selects)} ORDER BY 1, 2 LIMIT {EXAMPLES}"


def in_sync() -> str:
    """Rows found in sync: key, hash, Id and when their image had been read."""
    return (
        f"SELECT r.{KEY} AS key, r.{HASH} AS hash, v.sf_id, v.read_to FROM {STAGED} r "
        f"JOIN {VERDICTS} v ON v.row_number = r.rowid WHERE v.verdict = 'in_sync'"
    )


def _texts(values: Sequence[str]) -> str:
    return ", ".join(text(value) for value in values) or "NULL"
