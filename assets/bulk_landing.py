"""Reads the answer to one query by a bulk job: submits or finds the job, and lands its pages."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from assets.extract_plan import Api
from assets.questions import Question
from resources.landing.ledger import Extract
from resources.landing.ledger_plan import Adopt, FetchPage, JobIntent, JobSeen
from resources.landing.manifest import PageRecord
from resources.salesforce.bulk_job import JobInfo
from resources.salesforce.bulk_query import PAGE_ROWS
from resources.salesforce.client import SalesforceClient
from resources.salesforce.errors import LostAnswerError, NotFoundError, UnsupportedQueryError

Report = Callable[[str], None]

DOWNLOADS_AT_ONCE = 4


class AskAgain(Exception):  # noqa: N818 - not an error: the next attempt takes over
    """This attempt can't be finished; another may, through ``api``."""

    def __init__(self, reason: str, api: Api) -> None:
        super().__init__(reason, api)
        self.reason, self.api = reason, api


class BulkLanding:
    """The steps of one attempt that are about its job."""

    def __init__(
        self, client: SalesforceClient, extract: Extract, question: Question, report: Report
    ) -> None:
        self._client, self._extract, self._question = client, extract, question
        self._report = report
        self._complete_job: JobInfo | None = None

    def complete_job(self, job_id: str) -> JobInfo:
        """The job whose pages have landed, in this run or before a crash.

        Raises:
            AskAgain: It is gone; when its rows were read can't be told any more.
        """
        try:
            return self._complete_job or self._client.bulk.info(job_id)
        except NotFoundError as error:
            raise AskAgain(f"Job {job_id} is gone", self._question.api) from error

    def submit(self, doubt: str | None) -> None:
        """Submit a job; ``doubt`` is what is unclear about one submitted before."""
        key = self._question.key
        self._extract.intend_job(
            "queryAll" if key.all_rows else "query",
            at=self._client.org_now(),
            user_id=self._client.user_id,
            doubt=doubt,
        )
        try:
            job = self._client.bulk.submit(self._question.soql, key.all_rows)
        except LostAnswerError as error:
            # The ledger's next step is to look whether the job exists.
            self._report(str(error))
            return
        except UnsupportedQueryError as error:
            raise AskAgain(f"{key.object} isn't read by Bulk 2.0", "rest") from error
        self._extract.record_job(job.id)
        self._report(f"Submitted job {job.id}")

    def find_job(self, intent: JobIntent) -> None:
        """Adopt the job that was about to be submitted at a crash, or submit another."""
        jobs = [
            JobSeen(
                job_id=job.id,
                created_by_id=job.created_by_id,
                object=job.object_name,
                operation=job.operation,
                created_at=job.created_date,
                state=job.state,
            )
            for job in self._client.bulk.list_jobs(created_since=intent.at)
        ]
        found = self._extract.settle(jobs)
        if isinstance(found, Adopt):
            self._extract.record_job(found.job_id, adopted=True)
            self._report(f"Going on with job {found.job_id}, submitted before a crash")
            return
        if found.doubt:
            self._report(found.doubt)
        self.submit(found.doubt)

    def land_pages(self, job_id: str) -> None:
        """Wait for the job and land what is missing of its result.

        Raises:
            AskAgain: The job is gone.
        """
        try:
            job = self._client.bulk.wait(job_id, self._report_job)
            self._complete_job = job
            page_rows: int | None = PAGE_ROWS
            if self._client.bulk.has_result_pages and (job.rows or 0) > PAGE_ROWS:
                self._land_side_by_side(job)
                page_rows = None
            # After pages side by side: those that the org didn't list, if there are any.
            while isinstance(step := self._extract.next_step, FetchPage):
                self._land_page(job_id, step.index, step.locator, page_rows)
        except NotFoundError as error:
            raise AskAgain(f"Job {job_id} is gone", self._question.api) from error

    def _land_side_by_side(self, job: JobInfo) -> None:
        locators = self._client.bulk.result_locators(job.id)
        landed = {page.index for page in self._extract.pages}
        missing = [(i, locator) for i, locator in enumerate(locators) if i not in landed]
        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE, thread_name_prefix="bulk-page") as pool:
            downloads = [
                pool.submit(self._land_page, job.id, index, locator, None)
                for index, locator in missing
            ]
            try:
                for download in downloads:
                    download.result()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _land_page(
        self, job_id: str, index: int, locator: str | None, page_rows: int | None
    ) -> None:
        # Pages side by side come in any order: a following one may have landed before.
        seen = [page.locator for page in self._extract.pages if page.index < index]
        with self._extract.create_page(index, "csv") as file:
            page = self._client.bulk.download_page(job_id, locator, page_rows, file, seen=seen)
        self._extract.record_page(
            PageRecord(
                index=index,
                path=self._extract.page_path(index, "csv"),
                rows=page.rows,
                bytes=page.bytes,
                sha256=page.sha256,
                locator=locator,
                next_locator=page.next_locator,
            )
        )
        self._report(f"Landed page {index + 1}: {page.rows:,} rows, {page.bytes:,} bytes")

    def _report_job(self, job: JobInfo) -> None:
        self._extract.keep_alive()
        self._report(f"Job {job.id} is {job.state}, {job.rows or 0:,} rows so far")
