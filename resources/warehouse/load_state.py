"""The state tables of loads: what was accepted last, and what became of every row sent.

``load_state`` and ``load_outcomes`` are public; ``load_outcomes`` says in ``_attempt`` and
``_part`` what the upload ledger knows the row by. ``loads`` and ``load_parts`` are ours.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from resources.warehouse.dialect import texts
from resources.warehouse.errors import LoadOrgError, OutcomeError, StateFormatError
from resources.warehouse.load_adapter import HASH, KEY, OUTCOME_SCHEMA, Outcome, OutcomeCounts
from resources.warehouse.state import FORMAT_VERSION, State

_INCOMING = "temp.incoming_outcomes"
_COUNTS = (
    "count(*) FILTER (outcome = 'accepted'), count(*) FILTER (outcome = 'accepted' AND created), "
    "count(*) FILTER (outcome = 'failed'), count(*) FILTER (outcome = 'unprocessed')"
)


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part of an attempt whose outcomes are recorded; see ``LoadWarehouse.record_outcomes``."""

    load: str
    attempt: str
    part: int
    run_id: str
    sent_at: datetime
    accepted_at: datetime
    fold_keys: bool
    removes_state: bool


class LoadState:
    """The state tables of loads behind one open connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, state: State) -> None:
        self._connection = connection
        self._loads = state.table("loads")
        self._state = state.table("load_state")
        self._outcomes = state.table("load_outcomes")
        self._parts = state.table("load_parts")

    def check_org(self, load: str, org_id: str) -> bool:
        """Whether the load has written before; to this org, that is.

        Raises:
            LoadOrgError: It has written to another org.
            StateFormatError: Another version of Tidegate wrote its state.
        """
        row = self._one(f"SELECT org_id, format_version FROM {self._loads} WHERE load = ?", [load])
        if row is None:
            return False
        if row[1] != FORMAT_VERSION:
            raise StateFormatError(f"the load {load}", row[1], FORMAT_VERSION)
        if row[0] != org_id:
            raise LoadOrgError(load, row[0], org_id)
        return True

    def claim(self, load: str, org_id: str, object_name: str, now: datetime) -> None:
        """Tie a load to an org, or make sure that it is this org's."""
        if not self.check_org(load, org_id):
            self._run(
                f"INSERT INTO {self._loads} VALUES (?, ?, ?, ?, ?)",
                [load, org_id, object_name, FORMAT_VERSION, now],
            )

    def recorded(self, attempt: str, part: int) -> OutcomeCounts | None:
        """The counts of a part that was recorded; None if it wasn't."""
        row = self._one(
            "SELECT accepted, created, failed, unprocessed, error_codes "
            f"FROM {self._parts} WHERE attempt = ? AND part = ?",
            [attempt, part],
        )
        if row is None:
            return None
        accepted, created, failed, unprocessed, codes = row
        return OutcomeCounts(accepted, created, failed, unprocessed, json.loads(codes))

    def record(
        self, part: SentPart, outcomes: pa.RecordBatchReader, now: datetime
    ) -> OutcomeCounts:
        """Write the outcomes of a part that wasn't recorded yet, and what was accepted.

        Raises:
            OutcomeError: The outcomes aren't one per row.
        """
        self._stage(part.load, outcomes)
        counts = self._count(_INCOMING)
        self._replace_outcomes(part)
        self._replace_state(part)
        self._run(
            f"INSERT INTO {self._parts} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                *(part.load, part.attempt, part.part, part.run_id, now),
                *(counts.accepted, counts.created, counts.failed, counts.unprocessed),
                json.dumps(counts.by_error_code),
            ],
        )
        return counts

    def _stage(self, load: str, outcomes: pa.RecordBatchReader) -> None:
        missing = [name for name in OUTCOME_SCHEMA.names if name not in outcomes.schema.names]
        if missing:
            raise OutcomeError(load, f"column(s) {', '.join(missing)} are missing")
        names = ", ".join(OUTCOME_SCHEMA.names)
        self._connection.register("outcome_rows", outcomes)
        self._run(f"CREATE OR REPLACE TEMP TABLE {_INCOMING} AS SELECT {names} FROM outcome_rows")
        self._connection.unregister("outcome_rows")
        row = self._one(
            f"SELECT count(*) FILTER ({KEY} IS NULL), count({KEY}) - count(DISTINCT {KEY}), "
            "count(*) FILTER (outcome IS NULL OR outcome NOT IN "
            f"('accepted', 'failed', 'unprocessed')), "
            f"count(*) FILTER (outcome = 'accepted' AND {HASH} IS NULL) FROM {_INCOMING}",
        )
        keyless, repeated, unknown, hashless = row or (0, 0, 0, 0)
        for number, problem in (
            (keyless, f"have no {KEY}"),
            (repeated, "repeat another row's key"),
            (unknown, "have an outcome that doesn't exist"),
            (hashless, f"were accepted and have no {HASH}"),
        ):
            if number:
                raise OutcomeError(load, f"{number:,} row(s) {problem}")

    def _replace_outcomes(self, part: SentPart) -> None:
        earlier = self._one(f"SELECT count(*) FROM {self._parts} WHERE attempt = ?", [part.attempt])
        if earlier and earlier[0]:
            self._run(
                f"DELETE FROM {self._outcomes} WHERE load = ? AND _attempt = ? "
                f"AND key IN (SELECT {KEY} FROM {_INCOMING})",
                [part.load, part.attempt],
            )
        self._run(
            f"INSERT INTO {self._outcomes} SELECT ?, ?, {KEY}, outcome, sf_id, created, "
            "error_code, error_message, error_fields, payload, ?, job_id, ?, ? "
            f"FROM {_INCOMING}",
            [part.load, part.run_id, part.sent_at, part.attempt, part.part],
        )

    def _replace_state(self, part: SentPart) -> None:
        key = "lower({})" if part.fold_keys else "{}"
        self._run(
            f"DELETE FROM {self._state} WHERE load = ? AND {key.format('key')} IN "
            f"(SELECT {key.format(KEY)} FROM {_INCOMING} WHERE outcome = 'accepted')",
            [part.load],
        )
        if not part.removes_state:
            self._run(
                f"INSERT INTO {self._state} SELECT ?, {KEY}, {HASH}, sf_id, ? "
                f"FROM {_INCOMING} WHERE outcome = 'accepted'",
                [part.load, part.accepted_at],
            )

    def remember(self, load: str, in_sync: str, fold_keys: bool) -> None:
        """Salesforce was seen to hold these contents: key, hash, sf_id, read_to."""
        key = "lower(key)" if fold_keys else "key"
        again = f"{key} IN (SELECT {key} FROM ({in_sync}))"
        self._run(f"DELETE FROM {self._state} WHERE load = ? AND {again}", [load])
        self._run(
            f"INSERT INTO {self._state} SELECT ?, key, hash, sf_id, read_to FROM ({in_sync})",
            [load],
        )

    def count(self, load: str, attempt: str | None) -> OutcomeCounts:
        """How rows ended: of an attempt, or the latest outcome of each key."""
        if attempt is None:
            return self._count(self.latest(load))
        return self._count(
            f"(SELECT * FROM {self._outcomes} WHERE load = {texts([load])} "
            f"AND _attempt = {texts([attempt])})"
        )

    def _count(self, source: str) -> OutcomeCounts:
        row = self._one(f"SELECT {_COUNTS} FROM {source}")
        accepted, created, failed, unprocessed = row or (0, 0, 0, 0)
        codes = self._connection.execute(
            f"SELECT coalesce(error_code, ''), count(*) FROM {source} "
            "WHERE outcome <> 'accepted' GROUP BY 1 ORDER BY 2 DESC, 1"
        ).fetchall()
        return OutcomeCounts(accepted, created, failed, unprocessed, dict(codes))

    def accepted_rows(self, load: str) -> int:
        """Keys of which a content is known to be in Salesforce."""
        row = self._one(f"SELECT count(*) FROM {self._state} WHERE load = ?", [load])
        return int(row[0]) if row else 0

    def latest(self, load: str) -> str:
        """The latest outcome of each key, as a source for SELECT."""
        return (
            "(SELECT key, unnest(max_by({'outcome': outcome, 'created': created, "
            f"'error_code': error_code}}, {_ORDER})) "
            f"FROM {self._outcomes} WHERE load = {texts([load])} GROUP BY key)"
        )

    def kept(self, load: str, outcomes: Sequence[Outcome]) -> str:
        """SELECT for the rows whose latest outcome is one of these, as ``KEPT_SCHEMA``.

        Only keys that ever ended so are looked at: mostly few.
        """
        return kept_rows(self._outcomes, load, outcomes)

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._connection.execute(sql, list(parameters))

    def _one(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        return self._connection.execute(sql, list(parameters)).fetchone()


#: Attempts are named by when they were begun.
_ORDER = "{'at': sent_at, 'attempt': _attempt, 'part': _part}"


def kept_rows(table: str, load: str, outcomes: Sequence[Outcome]) -> str:
    """SELECT for the rows whose latest outcome is one of these, as ``KEPT_SCHEMA``, by key."""
    wanted = f"outcome IN ({texts(outcomes)})"
    of_load = f"load = {texts([load])}"
    return (
        f"SELECT key AS {KEY}, outcome, sf_id, created, error_code, error_message, error_fields, "
        f"payload, job_id, run_id, date_trunc('milliseconds', sent_at) AS sent_at "
        f"FROM {table} WHERE {of_load} "
        f"AND key IN (SELECT key FROM {table} WHERE {of_load} AND {wanted}) "
        f"QUALIFY row_number() OVER (PARTITION BY key ORDER BY {_ORDER} DESC) = 1 AND {wanted} "
        f"ORDER BY key"
    )
