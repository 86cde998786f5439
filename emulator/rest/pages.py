"""Pages of query results: the Ids of a long result are kept, the rows read page by page.

Source: SOAP API guide, "queryMore()": querying "gathers all the IDs and creates a server-side
cursor to page through". So a later page shows its rows as they are when it is fetched.
"""

from __future__ import annotations

import secrets
import string
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from emulator.errors import ApiError
from emulator.ids import to_18
from emulator.soql import CompiledQuery
from emulator.store.database import Connection, Database

LOCATOR_PREFIX = "0r8"
# Lifetime of a locator [limits].
LIFETIME = timedelta(days=2)
ID_BYTES = 18


@dataclass(frozen=True)
class Snapshot:
    """Which rows a query found, in its order: their Ids one after the other."""

    locator: str
    query: CompiledQuery
    ids: bytes
    page_rows: int
    made_at: datetime

    @property
    def total(self) -> int:
        return len(self.ids) // ID_BYTES

    def page_ids(self, offset: int) -> list[str]:
        """The Ids of the page that begins with row `offset`."""
        end = min(offset + self.page_rows, self.total)
        text = self.ids[offset * ID_BYTES : end * ID_BYTES].decode()
        return [text[at : at + ID_BYTES] for at in range(0, len(text), ID_BYTES)]


@dataclass(frozen=True)
class Page:
    """Records of one page; `next_locator` is None on the last."""

    records: list[dict[str, Any]]
    total: int
    next_locator: str | None = None


class Pages:
    """Runs queries and keeps the Ids of what doesn't fit into the first page."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._snapshots: dict[str, Snapshot] = {}

    def first(self, query: CompiledQuery, page_rows: int, base_path: str, now: datetime) -> Page:
        """Run a query; the first page of its result. Counts and groups are one page, always.

        Raises:
            SoqlError: There are more groups than one answer holds.
        """
        with self._database.snapshot() as connection:  # of the Ids and of their rows
            if query.kind != "rows":
                return _whole(connection, query, base_path)
            snapshot = Snapshot(_new_locator(), query, _ids_of(connection, query), page_rows, now)
            page = _page(connection, snapshot, 0, base_path)
        if page.next_locator is not None:
            self._forget_old(now)
            with self._lock:
                self._snapshots[snapshot.locator] = snapshot
        return page

    def following(self, locator: str, base_path: str, now: datetime) -> Page:
        """The page that a locator stands for; it may be fetched again.

        Raises:
            ApiError: The locator is unknown, too old, or outside the result.
        """
        name, _, offset = locator.rpartition("-")
        self._forget_old(now)
        with self._lock:
            snapshot = self._snapshots.get(name)
        if snapshot is None or not offset.isdigit() or int(offset) >= snapshot.total:
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        with self._database.reader() as connection:
            return _page(connection, snapshot, int(offset), base_path)

    def clear(self) -> None:
        """Forget all snapshots."""
        with self._lock:
            self._snapshots.clear()

    def _forget_old(self, now: datetime) -> None:
        with self._lock:
            old = [n for n, kept in self._snapshots.items() if kept.made_at + LIFETIME <= now]
            for name in old:
                del self._snapshots[name]


def _whole(connection: Connection, query: CompiledQuery, base_path: str) -> Page:
    rows = connection.execute(query.sql, query.params).fetchall()
    if query.kind == "count":
        # The number is the total; there are no records [restforce] [swiftly] [cci].
        return Page([], int(rows[0][0]))
    return Page(query.records(rows, base_path), len(rows))


def _ids_of(connection: Connection, query: CompiledQuery) -> bytes:
    found = connection.sql(query.ids.text, params=list(query.ids.params)).to_arrow_table()
    chunks = found.column(0).cast(pa.large_binary()).cast(pa.binary(ID_BYTES)).chunks
    return b"".join(_content(chunk) for chunk in chunks)


def _content(ids: pa.FixedSizeBinaryArray) -> bytes:
    start, buffer = ids.offset * ID_BYTES, ids.buffers()[1]
    assert buffer is not None, "Arrow values always lie in a buffer"
    return buffer.to_pybytes()[start : start + len(ids) * ID_BYTES]


def _page(connection: Connection, snapshot: Snapshot, offset: int, base_path: str) -> Page:
    rows_sql = snapshot.query.page(snapshot.page_ids(offset))
    rows = connection.execute(rows_sql.text, list(rows_sql.params)).fetchall()
    end = offset + snapshot.page_rows
    more = f"{snapshot.locator}-{end}" if end < snapshot.total else None
    return Page(snapshot.query.records(rows, base_path), snapshot.total, more)


def _new_locator() -> str:
    alphabet = string.ascii_letters + string.digits
    return to_18(LOCATOR_PREFIX + "".join(secrets.choice(alphabet) for _ in range(12)))
