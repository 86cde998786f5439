"""Pages of query results: a snapshot is kept when a result doesn't fit into one page."""

from __future__ import annotations

import secrets
import string
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from emulator.errors import ApiError
from emulator.ids import to_18
from emulator.soql import CompiledQuery
from emulator.store.database import Database
from emulator.store.tables import quoted

LOCATOR_PREFIX = "0r8"
# Lifetime of a locator (rest.md, "Query").
LIFETIME = timedelta(days=2)


@dataclass(frozen=True)
class Snapshot:
    """The whole result of one query, as it was when the first page was asked for."""

    locator: str
    query: CompiledQuery
    total: int
    page_rows: int
    made_at: datetime


@dataclass(frozen=True)
class Page:
    """Records of one page; `next_locator` is None on the last."""

    records: list[dict[str, Any]]
    total: int
    next_locator: str | None


class Pages:
    """Runs queries and keeps what doesn't fit into the first page."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._snapshots: dict[str, Snapshot] = {}

    def first(self, query: CompiledQuery, page_rows: int, base_path: str, now: datetime) -> Page:
        """Run a query; the first page of its result."""
        with self._database.reader() as connection:
            connection.execute(query.sql, query.params)
            rows = connection.fetchmany(page_rows + 1)
            if len(rows) <= page_rows:
                return Page(query.records(rows, base_path), len(rows), None)
        snapshot = self._keep(query, page_rows, now)
        return self._page(snapshot, 0, base_path)

    def following(self, locator: str, base_path: str, now: datetime) -> Page:
        """The page that a locator stands for; it may be fetched again.

        Raises:
            ApiError: The locator is unknown, too old, or outside the result.
        """
        name, _, offset = locator.rpartition("-")
        self._forget_old(now)
        snapshot = self._snapshots.get(name)
        if snapshot is None or not offset.isdigit() or int(offset) >= snapshot.total:
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(snapshot, int(offset), base_path)

    def clear(self) -> None:
        """Forget all snapshots."""
        with self._lock:
            names = list(self._snapshots)
            self._snapshots.clear()
        self._drop(names)

    def _keep(self, query: CompiledQuery, page_rows: int, now: datetime) -> Snapshot:
        locator = _new_locator()
        with self._database.reader() as connection:
            connection.execute(f"CREATE TABLE {_table(locator)} AS {query.sql}", query.params)
            counted = connection.execute(f"SELECT count(*) FROM {_table(locator)}").fetchone()
        snapshot = Snapshot(locator, query, counted[0] if counted else 0, page_rows, now)
        self._forget_old(now)
        with self._lock:
            self._snapshots[locator] = snapshot
        return snapshot

    def _page(self, snapshot: Snapshot, offset: int, base_path: str) -> Page:
        end = offset + snapshot.page_rows
        with self._database.reader() as connection:
            # Row ids number the rows in the order in which the query gave them.
            rows = connection.execute(
                f"SELECT * FROM {_table(snapshot.locator)} WHERE rowid >= ? AND rowid < ? "
                "ORDER BY rowid",
                [offset, end],
            ).fetchall()
        more = f"{snapshot.locator}-{end}" if end < snapshot.total else None
        return Page(snapshot.query.records(rows, base_path), snapshot.total, more)

    def _forget_old(self, now: datetime) -> None:
        with self._lock:
            old = [n for n, kept in self._snapshots.items() if kept.made_at + LIFETIME <= now]
            for name in old:
                del self._snapshots[name]
        self._drop(old)

    def _drop(self, locators: list[str]) -> None:
        if locators:
            with self._database.reader() as connection:
                for locator in locators:
                    connection.execute(f"DROP TABLE IF EXISTS {_table(locator)}")


def _table(locator: str) -> str:
    return f"pages.main.{quoted(locator)}"


def _new_locator() -> str:
    alphabet = string.ascii_letters + string.digits
    return to_18(LOCATOR_PREFIX + "".join(secrets.choice(alphabet) for _ in range(12)))
