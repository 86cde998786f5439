"""Lands the answer to one query, so that a crash at any point costs no second answer.

The ledger says what comes next; this does it. What is small is read by REST, all else by a bulk
job.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from assets.extract_plan import Api, stay_with_rest
from assets.landed import Landed, write_landed
from resources.landing.ledger import Extract, ExtractLedger
from resources.landing.ledger_entry import ExtractKey
from resources.landing.ledger_plan import (
    Adopt,
    CloseJob,
    FetchPage,
    FindJob,
    Finished,
    JobIntent,
    JobSeen,
    Start,
    WriteManifest,
)
from resources.landing.manifest import ExtractManifest, PageRecord
from resources.landing.store import read_bytes
from resources.salesforce.bulk_job import JobInfo
from resources.salesforce.bulk_query import PAGE_ROWS
from resources.salesforce.client import SalesforceClient
from resources.salesforce.errors import (
    JobError,
    LostAnswerError,
    NotFoundError,
    QueryError,
    RowCountError,
    UnsupportedQueryError,
)
from resources.salesforce.rest_query import RestPage

Report = Callable[[str], None]

DOWNLOADS_AT_ONCE = 4
# An attempt is given up when its job or locator is gone; a second time something else is wrong.
MOST_ATTEMPTS = 3


@dataclass(frozen=True)
class Question:
    """One query to land.

    Args:
        key: What makes it the same question after a crash.
        soql: The query as it is sent.
        api: Where to begin.
        landed: What the later stages need to know of the pages.
    """

    key: ExtractKey
    soql: str
    api: Api
    landed: Landed


@dataclass(frozen=True)
class RunIds:
    """The run that asks, and the first one of its chain of retries."""

    run_id: str
    root_run_id: str


class _AskAgain(Exception):  # noqa: N818 - not an error: the next attempt takes over
    """This attempt can't be finished; another may, through ``api``."""

    def __init__(self, reason: str, api: Api) -> None:
        super().__init__(reason, api)
        self.reason, self.api = reason, api


def land(
    client: SalesforceClient, ledger: ExtractLedger, question: Question, run: RunIds, report: Report
) -> ExtractManifest:
    """The manifest of the landed answer; goes on where a crash left off.

    Raises:
        SalesforceError: As the client raises them; the attempt is then continued by the next run.
        JobError: The job ended without a result; the next run submits another.
    """
    for attempt in range(MOST_ATTEMPTS):
        with ledger.begin_or_continue(
            question.key, root_run_id=run.root_run_id, run_id=run.run_id
        ) as extract:
            try:
                return _Landing(client, extract, question, report).finish()
            except _AskAgain as again:
                extract.abandon(again.reason)
                report(f"{again.reason}: asking again")
                question = replace(question, api=again.api)
                if attempt == MOST_ATTEMPTS - 1:
                    raise (again.__cause__ or again) from None
            except (JobError, RowCountError) as error:
                extract.abandon(str(error))
                raise
    raise AssertionError("the loop returns or raises")


class _Landing:
    """One attempt, step by step."""

    def __init__(
        self, client: SalesforceClient, extract: Extract, question: Question, report: Report
    ) -> None:
        self._client, self._extract, self._question = client, extract, question
        self._report = report
        self._calls_before = client.api_calls
        self._complete_job: JobInfo | None = None

    def finish(self) -> ExtractManifest:
        while True:
            match self._extract.next_step:
                case Start():
                    self._start()
                case FindJob(intent):
                    self._find_job(intent)
                case FetchPage(index, str() as next_url, None):
                    self._land_rest_page(index, next_url, self._next_rest_page(next_url))
                case FetchPage(_, _, str() as job_id):
                    self._land_bulk_pages(job_id)
                case WriteManifest(job_id):
                    self._write_manifest(job_id)
                case CloseJob(job_id):
                    self._close(job_id)
                case Finished():
                    return self._extract.read_manifest()
                case step:
                    raise AssertionError(f"unexpected step {step}")

    def _start(self) -> None:
        question = self._question
        if question.api == "bulk":
            self._submit(None)
            return
        page = self._client.rest_page(question.soql, all_rows=question.key.all_rows)
        if question.api == "rest" or stay_with_rest(page.total_size):
            self._land_rest_page(0, None, page)
        else:
            self._report(f"{page.total_size:,} rows: a bulk job reads them")
            self._submit(None)

    def _submit(self, doubt: str | None) -> None:
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
            raise _AskAgain(f"{key.object} isn't read by Bulk 2.0", "rest") from error
        self._extract.record_job(job.id)
        self._report(f"Submitted job {job.id}")

    def _find_job(self, intent: JobIntent) -> None:
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
        self._submit(found.doubt)

    def _next_rest_page(self, next_url: str) -> RestPage:
        try:
            return self._client.rest_next_page(next_url)
        except QueryError as error:
            raise _AskAgain("The query's locator is too old", self._question.api) from error

    def _land_rest_page(self, index: int, locator: str | None, page: RestPage) -> None:
        with self._extract.create_page(index, "json") as file:
            file.write(page.body)
        self._extract.record_page(
            PageRecord(
                index=index,
                path=self._extract.page_path(index, "json"),
                rows=page.rows,
                bytes=len(page.body),
                sha256=hashlib.sha256(page.body).hexdigest(),
                locator=locator,
                next_locator=page.next_url,
                read_from=page.read.lo,
                read_to=page.read.hi,
            )
        )

    def _land_bulk_pages(self, job_id: str) -> None:
        try:
            job = self._client.bulk.wait(job_id, self._report_job)
            self._complete_job = job
            if self._client.bulk.has_result_pages and (job.rows or 0) > PAGE_ROWS:
                self._land_side_by_side(job)
                return
            while isinstance(step := self._extract.next_step, FetchPage):
                self._land_bulk_page(job_id, step.index, step.locator, PAGE_ROWS)
        except NotFoundError as error:
            raise _AskAgain(f"Job {job_id} is gone", self._question.api) from error

    def _land_side_by_side(self, job: JobInfo) -> None:
        locators = self._client.bulk.result_locators(job.id)
        landed = {page.index for page in self._extract.pages}
        missing = [(i, locator) for i, locator in enumerate(locators) if i not in landed]
        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE, thread_name_prefix="bulk-page") as pool:
            downloads = [
                pool.submit(self._land_bulk_page, job.id, index, locator, None)
                for index, locator in missing
            ]
            try:
                for download in downloads:
                    download.result()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _land_bulk_page(
        self, job_id: str, index: int, locator: str | None, page_rows: int | None
    ) -> None:
        with self._extract.create_page(index, "csv") as file:
            page = self._client.bulk.download_page(job_id, locator, page_rows, file)
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

    def _write_manifest(self, job_id: str | None) -> None:
        extract, question = self._extract, self._question
        pages = extract.pages
        if job_id is None:
            announced = int(json.loads(read_bytes(extract.store, pages[0].path))["totalSize"])
            starts = [page.read_from for page in pages if page.read_from]
            ends = [page.read_to for page in pages if page.read_to]
            read_from, read_to = min(starts), max(ends)
        else:
            job = self._complete_job or self._client.bulk.info(job_id)
            landed = sum(page.rows for page in pages)
            announced = landed if job.rows is None else job.rows
            read_from, read_to = job.read.lo, job.read.hi
        self._check_rows(announced)
        write_landed(extract.store, extract.attempt, question.landed)
        extract.write_manifest(
            ExtractManifest(
                manifest_id=extract.attempt,
                org_id=question.key.org_id,
                object=question.key.object,
                api="rest" if job_id is None else "bulk",
                api_version=question.key.api_version,
                query=question.soql,
                columns=question.key.fields,
                all_rows=question.key.all_rows,
                window_start=question.key.window_start,
                window_end=question.key.window_end,
                read_from=read_from,
                read_to=read_to,
                job_id=job_id,
                announced_rows=announced,
                # The call that deletes the job comes after this.
                api_calls=self._client.api_calls - self._calls_before + (job_id is not None),
                pages=pages,
                doubts=extract.doubts,
            )
        )

    def _check_rows(self, announced: int) -> None:
        landed = sum(page.rows for page in self._extract.pages)
        if landed != announced:
            raise RowCountError(f"The query on {self._question.key.object}", announced, landed)

    def _close(self, job_id: str | None) -> None:
        if job_id is not None:
            try:
                self._client.bulk.delete(job_id)
            except NotFoundError:
                self._report(f"Job {job_id} was deleted before")
        self._extract.close()

    def _report_job(self, job: JobInfo) -> None:
        self._report(f"Job {job.id} is {job.state}, {job.rows or 0:,} rows so far")
