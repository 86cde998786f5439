"""One Salesforce org, as everything above sees it. Only delegates."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

from resources.salesforce.bulk_ingest import BulkIngest
from resources.salesforce.bulk_query import BulkQuery
from resources.salesforce.composite import Collections
from resources.salesforce.composite_reads import CompositeReader
from resources.salesforce.composite_reads_plan import RowsWanted
from resources.salesforce.describe import DescribeCache, SObjectDescribe, SObjectSummary
from resources.salesforce.limits import Allowance, OrgLimits
from resources.salesforce.org_clock import ReadInterval
from resources.salesforce.rest_query import RestPage, RestQuery
from resources.salesforce.row_reads import RowReader
from resources.salesforce.settings import ConnectionSettings
from resources.salesforce.transport import Transport


class SalesforceClient:
    """A connection that logs in when first needed; threads may share it.

    >>> with SalesforceClient(settings) as client:
    ...     for page in client.rest_pages("SELECT Id, Name FROM Account"):
    ...         page.body
    """

    def __init__(self, settings: ConnectionSettings, *, transport: Transport | None = None) -> None:
        self.settings = settings
        self.transport = transport or Transport(settings)
        self.bulk = BulkQuery(self.transport)
        self.ingest = BulkIngest(self.transport)
        self.collections = Collections(self.transport)
        self._rest = RestQuery(self.transport)
        self._describe = DescribeCache(self.transport)
        self._composite = CompositeReader(self.transport)
        self._rows = RowReader(self._rest, self.transport.clock, self.transport.sleep)

    def __enter__(self) -> "SalesforceClient":
        """Lend the client; it logs in with its first call."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.transport.close()

    @property
    def org_id(self) -> str:
        """The org's Id, 18 characters (logs in if need be)."""
        return self.transport.login.current().org_id

    @property
    def user_id(self) -> str:
        """The API user's Id, 18 characters (logs in if need be)."""
        return self.transport.login.current().user_id

    @property
    def instance_url(self) -> str:
        """Where the org's API is, without a slash at the end (logs in if need be)."""
        return self.transport.login.current().instance_url

    @property
    def api_calls(self) -> int:
        """API requests this client has sent, repeated ones and refused ones among them."""
        return self.transport.api_calls

    @property
    def limits(self) -> OrgLimits:
        """The org's daily requests: ``allowed``, ``used``, ``left``, None before an answer."""
        return self.transport.limits

    def read_limits(self) -> dict[str, Allowance]:
        """Every allowance of the org, by Salesforce's names (``GET /limits``)."""
        return self.transport.read_limits()

    def org_now(self) -> datetime:
        """The org's clock, at most a second behind (logs in if nothing has told it yet)."""
        if not self.transport.clock.known:
            self.transport.login.current()
        return self.transport.clock.now()

    def describe(
        self, object_name: str, *, unless_changed: SObjectDescribe | None = None
    ) -> SObjectDescribe:
        """What an object is made of; downloaded once, see ``DescribeCache.describe``."""
        return self._describe.describe(object_name, unless_changed=unless_changed)

    def describe_global(self) -> tuple[SObjectSummary, ...]:
        """All objects that the API user sees."""
        return self._describe.describe_global()

    def rest_pages(self, soql: str, *, all_rows: bool = False) -> Iterator[RestPage]:
        """All pages of a query by REST; see ``RestQuery.pages``."""
        return self._rest.pages(soql, all_rows=all_rows)

    def rest_page(self, soql: str, *, all_rows: bool = False) -> RestPage:
        """The first page of a query by REST, whose ``total_size`` tells how many rows there are."""
        return self._rest.page(soql, all_rows=all_rows)

    def rest_next_page(self, next_url: str) -> RestPage:
        """The page after one whose ``next_url`` is given."""
        return self._rest.next_page(next_url)

    def count(self, object_name: str, where: str = "", *, all_rows: bool = False) -> int:
        """How many rows match, by one call that reads none."""
        return self._rest.count(object_name, where, all_rows=all_rows)

    def read_rows(
        self,
        object_name: str,
        fields: Sequence[str],
        ids: Sequence[str],
        after: datetime | None = None,
        *,
        where: str = "",
    ) -> tuple[list[bytes], ReadInterval]:
        """Read rows again by Id, deleted ones too.

        Args:
            after: Read when the org's clock has passed this moment, so that the answer is newer
                than an image read until then.
            where: Leave out rows for which it doesn't hold.

        Returns:
            JSON pages for ``arrow.read_json_page``, and when they were read. Ids that no longer
            exist are in none of them.
        """
        return self._rows.read(object_name, fields, ids, after, where)

    def read_rows_of_many(
        self,
        wanted: Sequence[RowsWanted],
        after: datetime | None = None,
        *,
        unless_changed: SObjectDescribe | None = None,
    ) -> tuple[list[list[Mapping[str, Any]]], ReadInterval]:
        """Read rows of several objects again by Id, five times 2,000 of them in one API call.

        With ``where``, a parent's field or ``deleted_too`` a query takes the place of a retrieve,
        and reads some 600 Ids at a time.

        Args:
            after: As for ``read_rows``.
            unless_changed: Ask in the first call, too, whether this description still holds.

        Returns:
            For each of ``wanted`` its records, for ``arrow.read_json_records``, and when all were
            read. Rows that no longer exist or don't match ``where`` are in none, and without
            ``deleted_too`` those that are deleted.

        Raises:
            DescribeChangedError: The object was changed since ``unless_changed``.
        """
        return self._composite.read(wanted, after, unless_changed)

    def job_url(self, job_id: str) -> str:
        """The job's page in the org's Setup, for people."""
        return f"{self.instance_url}/lightning/setup/AsyncApiJobStatus/page?address=%2F{job_id}"
