"""SOQL by REST: query, queryAll, and the pages that follow."""

from __future__ import annotations

import re

from emulator.answer import Answer
from emulator.call import Call
from emulator.errors import ApiError
from emulator.rest.pages import Page
from emulator.rest.soql_query import compiled
from emulator.soql import CompiledQuery

# Default, most and least rows of a page [rest guide].
MOST_ROWS, LEAST_ROWS = 2000, 200
# Recorded: a query with one long text field pages at 1,000. With two or more custom ones the
# reference says 200 or so.
LONG_TEXT_ROWS, LONG_TEXTS_ROWS = 1000, 200
_LONG_TEXT_CHARS = 255

_BATCH_SIZE = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)


def query(call: Call) -> Answer:
    """GET /query"""
    return _query(call, include_deleted=False)


def query_all(call: Call) -> Answer:
    """GET /queryAll"""
    return _query(call, include_deleted=True)


def next_page(call: Call) -> Answer:
    """GET /query/{locator} and /queryAll/{locator}: both take any locator."""
    page = call.org.pages.following(call.arguments["locator"], call.base_path, call.now)
    return Answer(200, _body(call, page))


def _query(call: Call, *, include_deleted: bool) -> Answer:
    soql = call.query.get("q")
    if soql is None:
        raise ApiError(400, "MALFORMED_QUERY", "A query string has to be specified")
    now = call.org.settle()
    found = compiled(call, soql, include_deleted=include_deleted)
    if call.query.get("columns", "").lower() == "true":
        return Answer(200, found.column_metadata())
    page = call.org.pages.first(found, _page_rows(call, found), call.base_path, now)
    return Answer(200, _body(call, page))


def _body(call: Call, page: Page) -> dict[str, object]:
    body: dict[str, object] = {"totalSize": page.total, "done": page.next_locator is None}
    if page.next_locator is not None:
        # Also for queryAll the path says `query` [nango] [rest guide].
        body["nextRecordsUrl"] = f"{call.base_path}/query/{page.next_locator}"
    return body | {"records": page.records}


def _page_rows(call: Call, found: CompiledQuery) -> int:
    asked = _BATCH_SIZE.search(call.headers.get("sforce-query-options", ""))
    rows = min(MOST_ROWS, max(LEAST_ROWS, int(asked.group(1)))) if asked else MOST_ROWS
    return min(rows, _rows_for_long_texts(found))


def _rows_for_long_texts(found: CompiledQuery) -> int:
    names = [column["columnName"] for column in found.column_metadata()["columnMetadata"]]
    fields = [one for one in map(found.object.field, names) if one is not None]
    texts = [one for one in fields if one.type == "textarea" and one.length > _LONG_TEXT_CHARS]
    if sum(1 for one in texts if one.custom) >= 2:
        return LONG_TEXTS_ROWS
    return LONG_TEXT_ROWS if texts else MOST_ROWS
