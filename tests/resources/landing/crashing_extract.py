"""An org whose jobs are plain records, and an extract that can crash after every step."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from resources.landing.ledger import ExtractKey
from resources.landing.ledger_plan import (
    Adopt,
    CloseJob,
    FetchPage,
    FindJob,
    Finished,
    JobSeen,
    Start,
    WriteManifest,
)
from resources.landing.manifest import ExtractManifest, PageRecord

USER = "005000000000001AAA"
START = datetime(2026, 9, 2, 2, 0, tzinfo=UTC)
PAGES = 3


@dataclass
class Org:
    """Counts what is asked of it."""

    jobs: dict = field(default_factory=dict)  # id: (SOQL, created)
    fetched: list = field(default_factory=list)
    deleted: list = field(default_factory=list)
    seconds: int = 0

    def now(self):
        self.seconds += 1
        return START + timedelta(seconds=self.seconds)

    def submit(self, soql):
        job_id = f"750{len(self.jobs):012d}AAA"
        self.jobs[job_id] = (soql, self.now())
        return job_id

    def list_jobs(self):
        return [
            JobSeen(job_id, USER, "Account", "query", created, "JobComplete")
            for job_id, (_, created) in self.jobs.items()
            if job_id not in self.deleted
        ]

    def page(self, job_id, index):
        assert job_id not in self.deleted
        self.fetched.append((job_id, index))
        return f"{self.jobs[job_id][0]} page {index}\n".encode()


def key(where):
    """A question; its condition stands in every page of the answer."""
    return ExtractKey(
        org_id="00D000000000001AAA",
        object="Account",
        fields=("Id", "Name"),
        where=where,
        all_rows=False,
        api_version="66.0",
        window_start=START - timedelta(days=1),
        window_end=START,
    )


def steps(org, extract, soql):
    """Do an extract; yields after everything that outlives a crash, last of all the manifest."""
    while True:
        match extract.next_step:
            case Start():
                yield from submit(org, extract, soql, None)
            case FindJob():
                decision = extract.settle(org.list_jobs())
                if isinstance(decision, Adopt):
                    yield extract.record_job(decision.job_id, adopted=True)
                else:
                    yield from submit(org, extract, soql, decision.doubt)
            case FetchPage(index, _, job_id):
                with extract.create_page(index, "csv") as file:
                    body = org.page(job_id, index)
                    file.write(body)
                yield
                yield extract.record_page(page_record(extract, index, body))
            case WriteManifest(job_id):
                yield extract.write_manifest(manifest(extract, job_id, soql))
            case CloseJob(job_id):
                org.deleted.append(job_id)
                yield
                yield extract.close()
            case Finished():
                yield extract.read_manifest()
                return


def submit(org, extract, soql, doubt):
    extract.intend_job("query", at=org.now(), user_id=USER, doubt=doubt)
    yield
    job_id = org.submit(soql)
    yield
    yield extract.record_job(job_id)


def page_record(extract, index, body):
    return PageRecord(
        index=index,
        path=extract.page_path(index, "csv"),
        rows=1,
        bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        locator=f"L{index}" if index else None,
        next_locator=f"L{index + 1}" if index + 1 < PAGES else None,
    )


def manifest(extract, job_id, soql):
    return ExtractManifest(
        manifest_id=extract.attempt,
        org_id=extract.key.org_id,
        object=extract.key.object,
        api="bulk",
        api_version=extract.key.api_version,
        query=soql,
        columns=extract.key.fields,
        all_rows=False,
        window_start=extract.key.window_start,
        window_end=extract.key.window_end,
        read_from=START,
        read_to=START,
        job_id=job_id,
        announced_rows=PAGES,
        api_calls=PAGES + 3,
        pages=extract.pages,
        doubts=extract.doubts,
    )
