"""One page of a Bulk result, downloaded whole or not at all."""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from typing import BinaryIO

from resources.salesforce.csv_rows import RecordCounter
from resources.salesforce.errors import BrokenBodyError, RowCountError
from resources.salesforce.http_body import body_chunks
from resources.salesforce.transport import Answer, ApiRequest, Transport

COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class PageInfo:
    """A downloaded page: CSV with its header, unpacked, ``bytes`` long, of that ``sha256``.

    ``locator`` is what it was asked by (None for the first), ``next_locator`` is None at the end.
    """

    locator: str | None
    next_locator: str | None
    rows: int
    bytes: int
    sha256: str


def download(
    transport: Transport,
    path: str,
    locator: str | None,
    into: BinaryIO,
    *,
    rows: int | None = None,
) -> PageInfo:
    """Fetch a page into a file.

    ``rows`` is how many it must have, where that is known before.

    A page that breaks off or holds another number of rows than announced is fetched again, from
    the start. When it fails for good, ``into`` is as long as before: a file that can't go back is
    written only when the whole page is there.

    Raises:
        BrokenBodyError, RowCountError: It stayed incomplete.
    """
    if not into.seekable():
        with tempfile.TemporaryFile() as whole:
            page = download(transport, path, locator, whole, rows=rows)
            whole.seek(0)
            shutil.copyfileobj(whole, into, COPY_BYTES)
            return page
    start = into.tell()
    request = ApiRequest("GET", path, {"Accept": "text/csv"})
    try:
        return transport.send(request, lambda answer: _read(answer, locator, into, start, rows))
    except BaseException:
        into.seek(start)
        into.truncate()
        raise


def _read(
    answer: Answer, locator: str | None, into: BinaryIO, start: int, expected: int | None
) -> PageInfo:
    into.seek(start)
    into.truncate()
    counter, digest, written = RecordCounter(), hashlib.sha256(), 0
    for chunk in body_chunks(answer.response, answer.request.shown):
        into.write(chunk)
        digest.update(chunk)
        counter.feed(chunk)
        written += len(chunk)
    if counter.in_quotes:
        raise BrokenBodyError(answer.request.shown, written, "it stops within a quoted value")
    rows = max(0, counter.records - 1)  # every page begins with the header
    _check_rows(answer, rows, expected)
    next_locator = parse_locator(answer.headers.get("Sforce-Locator"))
    return PageInfo(locator, next_locator, rows, written, digest.hexdigest())


def _check_rows(answer: Answer, rows: int, expected: int | None) -> None:
    announced = answer.headers.get("Sforce-NumberOfRecords", "")
    if announced.isdigit() and int(announced) != rows:
        raise RowCountError(f"Page {answer.request.shown}", int(announced), rows)
    if expected is not None and expected != rows:
        raise RowCountError(f"The job of {answer.request.shown}", expected, rows)


def parse_locator(header: str | None) -> str | None:
    """``Sforce-Locator``: after the last page it is the text "null", not absent."""
    return None if header in (None, "", "null") else header
