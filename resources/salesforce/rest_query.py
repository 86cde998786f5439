"""Queries by REST: small results at once, page by page, each page kept as it was sent."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from resources.salesforce.errors import AnswerError, LocatorLoopError, RowCountError
from resources.salesforce.org_clock import ReadInterval
from resources.salesforce.soql import count as count_statement
from resources.salesforce.transport import ApiRequest, JsonAnswer, Transport

PAGE_ROWS = 2_000  # the most that REST sends; it may send fewer at any time


@dataclass(frozen=True)
class RestPage:
    """One page: ``body`` is the JSON text byte for byte, ``rows`` the records in it.

    ``total_size`` is the whole result's size, on every page. ``next_url`` is None on the last.
    """

    body: bytes
    total_size: int
    rows: int
    next_url: str | None
    read: ReadInterval


class RestQuery:
    """The query resources of one org."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def page(self, soql: str, *, all_rows: bool = False) -> RestPage:
        """The first page of a query's result.

        Args:
            all_rows: Deleted and archived rows too (``queryAll``).

        Raises:
            QueryError: The org refuses the query.
        """
        resource = "queryAll" if all_rows else "query"
        return self._get(f"{self._transport.base}/{resource}?q={quote(soql, safe='')}")

    def next_page(self, next_url: str) -> RestPage:
        """The page that an earlier one pointed to; locators live for some time only.

        Raises:
            ForeignHostError: ``next_url`` leaves the org's host.
            QueryError: The locator is too old (``INVALID_QUERY_LOCATOR``).
        """
        return self._get(next_url)

    def pages(self, soql: str, *, all_rows: bool = False) -> Iterator[RestPage]:
        """All pages, in order.

        Raises:
            RowCountError: At the end, when the pages hold fewer or more rows than announced.
            LocatorLoopError: A page points back to one that was read.
        """
        page = self.page(soql, all_rows=all_rows)
        yield page
        rows, seen = page.rows, set[str]()
        while page.next_url is not None:
            if page.next_url in seen:
                raise LocatorLoopError("The query's nextRecordsUrl", page.next_url, len(seen) + 1)
            seen.add(page.next_url)
            page = self.next_page(page.next_url)
            yield page
            rows += page.rows
        if rows != page.total_size:
            raise RowCountError("The query's totalSize", page.total_size, rows)

    def count(self, object_name: str, where: str = "", *, all_rows: bool = False) -> int:
        """How many rows match, by one call that reads none."""
        return self.page(count_statement(object_name, where), all_rows=all_rows).total_size

    def _get(self, path: str) -> RestPage:
        headers = {"Sforce-Query-Options": f"batchSize={PAGE_ROWS}"}
        return parse_page(self._transport.json(ApiRequest("GET", path, headers)))


def parse_page(answer: JsonAnswer) -> RestPage:
    """A query answer as a page.

    Raises:
        AnswerError: Keys are missing, or it is neither done nor continued.
    """
    found = answer.json
    if not isinstance(found, dict) or not {"totalSize", "done", "records"} <= found.keys():
        raise _malformed(answer, "it isn't a query result with totalSize, done and records")
    next_url: Any = found.get("nextRecordsUrl")
    if not found["done"] and not next_url:
        raise _malformed(answer, "it isn't done, but doesn't say where it goes on")
    return RestPage(
        answer.body,
        int(found["totalSize"]),
        len(found["records"]),
        None if found["done"] else str(next_url),
        answer.read,
    )


def _malformed(answer: JsonAnswer, cause: str) -> AnswerError:
    kind = answer.headers.get("Content-Type", "")
    return AnswerError("GET", "query", answer.status, kind, len(answer.body), cause)
