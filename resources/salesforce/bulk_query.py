"""Queries by Bulk API 2.0: submit, wait, download page by page.

A job outlives us: its id is worth keeping before anything else is done with it, and its pages can
be fetched again by their locators as long as it exists (7 days).
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, BinaryIO
from urllib.parse import quote

from resources.salesforce.bulk_job import JobInfo, PollPlan, parse_job
from resources.salesforce.bulk_jobs import (
    created_in_order,
    json_list,
    listed_jobs,
    malformed_job,
    url_parameter,
    wait_for_end,
)
from resources.salesforce.bulk_page import PageInfo, download
from resources.salesforce.errors import LocatorLoopError, RowCountError
from resources.salesforce.transport import ApiRequest, JsonAnswer, Transport

OpenPage = Callable[[str | None], AbstractContextManager[BinaryIO]]
RESULT_PAGES_SINCE = 58.0
PAGE_ROWS = 250_000


class BulkQuery:
    """The query jobs of one org."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def has_result_pages(self) -> bool:
        """Whether this API version tells all locators at once (``result_locators``)."""
        return float(self._transport.settings.api_version) >= RESULT_PAGES_SINCE

    def submit(self, soql: str, all_rows: bool = False) -> JobInfo:
        """Create a job; it starts by itself.

        Raises:
            LostAnswerError: It may exist. Look for it with ``list_jobs``, never just repeat.
            QueryError, UnsupportedQueryError: The org refuses the query.
        """
        operation = "queryAll" if all_rows else "query"
        body = {"operation": operation, "query": soql, "contentType": "CSV", "lineEnding": "LF"}
        request = ApiRequest("POST", self._path(), json_body=body, creates=True)
        return self._job(self._transport.json(request))

    def info(self, job_id: str) -> JobInfo:
        """The job as it is now.

        Raises:
            NotFoundError: It was deleted, or is too old.
        """
        return self._job(self._transport.json(ApiRequest("GET", self._path(job_id))))

    def wait(
        self,
        job_id: str,
        on_progress: Callable[[JobInfo], None] | None = None,
        *,
        poll: PollPlan | None = None,
    ) -> JobInfo:
        """Ask until the job is complete, rarer and rarer.

        Args:
            on_progress: Called with each answer.

        Returns:
            The complete job; its ``read`` says when the rows were read.

        Raises:
            JobFailedError, JobAbortedError: It ended without a result.
            JobStalledError: It didn't end in ``poll.give_up_after_s``; it goes on, though.
        """
        job = wait_for_end(lambda: self.info(job_id), self._transport.sleep, on_progress, poll)
        job.raise_unless_complete()
        return job

    def list_jobs(self, created_since: datetime | None = None) -> list[JobInfo]:
        """The org's Bulk 2.0 query jobs, oldest first, of all users; counters are absent.

        Args:
            created_since: Leave out jobs created before this second of the org's clock.
        """
        entries = listed_jobs(self._transport, self._path(), "V2Query")
        jobs = {job.id: job for job in (self._job(answer, entry) for answer, entry in entries)}
        return created_in_order(jobs.values(), created_since)

    def download_page(
        self,
        job_id: str,
        locator: str | None,
        page_rows: int | None,
        into: BinaryIO,
        *,
        seen: Collection[str | None] = (),
    ) -> PageInfo:
        """Download one page of a complete job into a file, whole or not at all.

        Args:
            locator: None for the first page, else ``next_locator`` of the page before, or one of
                ``result_locators``.
            page_rows: Most rows to ask for; the org may send fewer at any time. None: the org
                chooses, which is what its own locators are made for.
            into: Where to write from its current position on. Unpacked CSV with a header row.
            seen: Locators of pages read before; none of them can come next.

        Raises:
            TransientError: The page stayed incomplete; ``into`` is as before, try later.
            ConflictError: The job was created with another API version.
            NotFoundError: The job is gone.
            LocatorLoopError: The page points back to itself or to one of ``seen``.
        """
        asked = []
        if page_rows is not None:
            asked.append(f"maxRecords={page_rows:d}")
        if locator is not None:
            asked.append(f"locator={quote(locator, safe='')}")
        query = f"?{'&'.join(asked)}" if asked else ""
        path = f"{self._path(job_id)}/results{query}"
        page = download(self._transport, path, locator, into)
        if page.next_locator is not None and page.next_locator in {locator, *seen}:
            raise LocatorLoopError(f"Job {job_id}", page.next_locator, len(seen) + 1)
        return page

    def pages(
        self,
        job: JobInfo,
        open_page: OpenPage,
        *,
        page_rows: int | None = PAGE_ROWS,
        after: Sequence[PageInfo] = (),
    ) -> Iterator[PageInfo]:
        """Download all pages one after the other.

        Args:
            job: A complete job.
            open_page: Opens the file for the page of a locator; it is closed before the page is
                yielded.
            after: Pages downloaded earlier, in order; goes on behind them.

        Raises:
            LocatorLoopError: A page points back to an earlier one.
            RowCountError: At the end, when the pages hold another number of rows than the job.
        """
        done = list(after)
        while not done or done[-1].next_locator is not None:
            locator = done[-1].next_locator if done else None
            with open_page(locator) as into:
                seen = [page.locator for page in done]
                page = self.download_page(job.id, locator, page_rows, into, seen=seen)
            done.append(page)
            yield page
        received = sum(page.rows for page in done)
        if job.rows is not None and received != job.rows:
            raise RowCountError(f"Job {job.id} on {job.object_name}", job.rows, received)

    def result_locators(self, job_id: str) -> list[str | None]:
        """The locators of all pages, in order, as the org has cut them (API 58.0 and later).

        Pages of these are asked for without ``page_rows``, in any order or side by side. A page
        whose address has no locator is the first, None here.
        """
        locators: list[str | None] = []
        path = f"{self._path(job_id)}/resultPages"
        seen = {path}
        while True:
            answer = self._transport.json(ApiRequest("GET", path))
            for entry in json_list(answer, "resultPages"):
                # The guide says resultUrl; Salesforce's OpenAPI file says resultLink.
                url = entry.get("resultUrl") or entry.get("resultLink") or ""
                locators.append(url_parameter(url, "locator"))
            following = answer.json.get("nextRecordsUrl") or answer.json.get("nextRecordUrl")
            if answer.json.get("done", True) or not following:
                return locators
            if following in seen:
                raise LocatorLoopError(
                    f"The result pages of job {job_id}", following, len(locators)
                )
            seen.add(following)
            path = following

    def abort(self, job_id: str) -> None:
        """Stop a job.

        Raises:
            JobStateError: It has ended already.
        """
        self._transport.json(
            ApiRequest("PATCH", self._path(job_id), json_body={"state": "Aborted"})
        )

    def delete(self, job_id: str) -> None:
        """Delete an ended job with its result.

        Raises:
            JobStateError: It hasn't ended.
            NotFoundError: It is gone already.
        """
        self._transport.json(ApiRequest("DELETE", self._path(job_id)))

    def _path(self, job_id: str = "") -> str:
        jobs = f"{self._transport.base}/jobs/query"
        return f"{jobs}/{quote(job_id, safe='')}" if job_id else jobs

    def _job(self, answer: JsonAnswer, entry: Any = None) -> JobInfo:
        found = answer.json if entry is None else entry
        try:
            return parse_job(found, answer.read)
        except (KeyError, TypeError, ValueError) as error:
            raise malformed_job(answer, f"it isn't a job ({error!r})") from error
