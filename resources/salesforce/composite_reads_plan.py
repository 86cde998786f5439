"""Which subrequests read rows of several objects by Id, and which of them go into one call."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from resources.salesforce.describe import SObjectDescribe, describe_path, if_changed
from resources.salesforce.soql import name as checked_name
from resources.salesforce.soql import queries_by_id

MOST_READS = 5  # queries and collections in one composite call (REST API guide)
RETRIEVE_IDS = 2_000  # in the body of one retrieve; a URL has room for some 600


@dataclass(frozen=True)
class RowsWanted:
    """Rows of one object to be read.

    Args:
        where: Leaves out those for which it doesn't hold.
        deleted_too: Also those in the recycle bin.
    """

    object_name: str
    fields: Sequence[str]
    ids: Sequence[str]
    where: str = ""
    deleted_too: bool = False

    @property
    def needs_query(self) -> bool:
        """Whether a retrieve by Id can't tell: it knows no condition and no parent's fields.

        Nor does it know what is deleted.
        """
        parents = any("." in field for field in self.fields)
        return self.deleted_too or bool(self.where.strip()) or parents


@dataclass(frozen=True)
class Read:
    """One subrequest; ``index`` says whose of the wanted rows it reads."""

    index: int
    method: str
    url: str
    body: Mapping[str, Any] | None = None

    def as_json(self, reference: str) -> dict[str, Any]:
        """As it stands in ``compositeRequest``."""
        found = {"method": self.method, "url": self.url, "referenceId": reference}
        return found if self.body is None else {**found, "body": self.body}


def describe_question(base: str, known: SObjectDescribe) -> dict[str, Any]:
    """The subrequest for an object's description, if it has changed; first in its call."""
    return {
        "method": "GET",
        "url": describe_path(base, known.name),
        "referenceId": "described",
        "httpHeaders": if_changed(known),
    }


def composite_reads(base: str, wanted: Sequence[RowsWanted]) -> Iterator[list[Read]]:
    """The subrequests of each call, five at most, in the order of ``wanted``.

    Args:
        base: ``/services/data/v66.0``: URLs of subrequests are whole paths.

    Raises:
        SoqlError: A name that can't be one, or fields that are too long for a URL.
    """
    reads = [read for index, rows in enumerate(wanted) for read in _reads(base, index, rows)]
    for start in range(0, len(reads), MOST_READS):
        yield reads[start : start + MOST_READS]


def _reads(base: str, index: int, rows: RowsWanted) -> Iterator[Read]:
    ids = list(dict.fromkeys(rows.ids))
    if rows.needs_query:
        resource = "queryAll" if rows.deleted_too else "query"
        for soql, _ in queries_by_id(rows.object_name, rows.fields, ids, where=rows.where):
            yield Read(index, "GET", f"{base}/{resource}?q={quote(soql, safe='')}")
        return
    path = f"{base}/composite/sobjects/{checked_name(rows.object_name)}"
    for start in range(0, len(ids), RETRIEVE_IDS):
        body = {"ids": ids[start : start + RETRIEVE_IDS], "fields": list(rows.fields)}
        yield Read(index, "POST", path, body)
