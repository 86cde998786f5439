"""Lands the answer to one query, so that a crash at any point costs no second answer.

The ledger says what comes next; this does it. What is small is read by REST here, all else by
a bulk job (``bulk_landing``).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

from assets.bulk_landing import AskAgain, BulkLanding, Report
from assets.extract_plan import stay_with_rest
from assets.landed import write_landed
from assets.questions import Question
from resources.landing.ledger import Extract, ExtractLedger
from resources.landing.ledger_plan import (
    CloseJob,
    FetchPage,
    FindJob,
    Finished,
    Start,
    WriteManifest,
)
from resources.landing.manifest import ExtractManifest, PageRecord
from resources.landing.store import read_bytes
from resources.salesforce.client import SalesforceClient
from resources.salesforce.errors import (
    JobError,
    LocatorLoopError,
    NotFoundError,
    QueryError,
    RowCountError,
)
from resources.salesforce.rest_query import RestPage

# An attempt is given up when its job or locator is gone; a second time something else is wrong.
MOST_ATTEMPTS = 3


@dataclass(frozen=True)
class RunIds:
    """The run that asks, and the first one of its chain of retries."""

    run_id: str
    root_run_id: str


def land(
    client: SalesforceClient, ledger: ExtractLedger, question: Question, run: RunIds, report: Report
) -> ExtractManifest:
    """The manifest of the landed answer; goes on where a crash left off.

    Raises:
        SalesforceError: As the client raises them; the attempt is then continued by the next run.
        JobError: The job ended without a result; the next run submits another.
        LocatorLoopError: A page points back to one before it; the next run asks anew.
    """
    for attempt in range(MOST_ATTEMPTS):
        with ledger.begin_or_continue(
            question.key, root_run_id=run.root_run_id, run_id=run.run_id
        ) as extract:
            try:
                return _Landing(client, extract, question, report).finish()
            except AskAgain as again:
                extract.abandon(again.reason)
                report(f"{again.reason}: asking again")
                question = replace(question, api=again.api)
                if attempt == MOST_ATTEMPTS - 1:
                    raise (again.__cause__ or again) from None
            except (JobError, RowCountError, LocatorLoopError) as error:
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
        self._bulk = BulkLanding(client, extract, question, report)

    def finish(self) -> ExtractManifest:
        while True:
            match self._extract.next_step:
                case Start():
                    self._start()
                case FindJob(intent):
                    self._bulk.find_job(intent)
                case FetchPage(index, str() as next_url, None):
                    self._land_next_rest_page(index, next_url)
                case FetchPage(_, _, str() as job_id):
                    self._bulk.land_pages(job_id)
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
            self._bulk.submit(None)
            return
        page = self._client.rest_page(question.soql, all_rows=question.key.all_rows)
        if question.api == "rest" or stay_with_rest(page.total_size):
            self._land_rest_page(0, None, page)
        else:
            self._report(f"{page.total_size:,} rows: a bulk job reads them")
            self._bulk.submit(None)

    def _land_next_rest_page(self, index: int, next_url: str) -> None:
        try:
            page = self._client.rest_next_page(next_url)
        except QueryError as error:
            raise AskAgain("The query's locator is too old", self._question.api) from error
        landed = {page.locator for page in self._extract.pages}
        if page.next_url is not None and page.next_url in {next_url, *landed}:
            raise LocatorLoopError("The query's nextRecordsUrl", page.next_url, len(landed) + 1)
        self._land_rest_page(index, next_url, page)

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

    def _write_manifest(self, job_id: str | None) -> None:
        extract, question = self._extract, self._question
        pages = extract.pages
        if job_id is None:
            announced = int(json.loads(read_bytes(extract.store, pages[0].path))["totalSize"])
            starts = [page.read_from for page in pages if page.read_from]
            ends = [page.read_to for page in pages if page.read_to]
            read_from, read_to = min(starts), max(ends)
        else:
            job = self._bulk.complete_job(job_id)
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
