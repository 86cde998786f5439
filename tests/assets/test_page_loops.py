"""A server that sends its pages round in a circle ends in an error, not in a full disk."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from assets.extract import RunIds, land
from assets.extract_plan import Api
from assets.landed import Landed
from assets.questions import Question
from resources.landing.ledger import ExtractLedger
from resources.landing.ledger_entry import ExtractKey
from resources.landing.local_store import LocalStore
from resources.landing.manifest import PageRecord
from resources.salesforce.bulk_query import PAGE_ROWS
from resources.salesforce.client import SalesforceClient
from resources.salesforce.errors import LocatorLoopError
from resources.salesforce.settings import ClientCredentials, ConnectionSettings
from tests.resources.salesforce.scripted_org import ScriptedOrg, Seen, answer, scripted_org

ORG_ID = "00D000000000001EAA"
JOB = {
    "id": "750000000000001AAA",
    "operation": "queryAll",
    "object": "Account",
    "createdById": "005000000000001AAA",
    "createdDate": "2026-05-06T07:25:30.000+0000",
    "systemModstamp": "2026-05-06T07:25:31.000+0000",
    "state": "JobComplete",
    "apiVersion": 66.0,
    "numberRecordsProcessed": 9,
}
NEXT = {"": "A", "A": "B", "B": "A"}
GONE = "750000000000009AAA"
ROWS = PAGE_ROWS // 2 + 1
QUESTION = Question(
    ExtractKey(ORG_ID, "Account", ("Id",), None, True, "66.0", None, None),
    "SELECT Id FROM Account",
    "bulk",
    Landed(pa.schema([("Id", pa.string())]), ("Id",), (), None, {}, {}),
)


def client_of(org: ScriptedOrg) -> SalesforceClient:
    login = ClientCredentials("tidegate", "tidegate-secret")
    return SalesforceClient(ConnectionSettings("salesforce", org.url, login))


def going_round(seen: Seen) -> bytes:
    """First page, A, B, A, B and so on, by Bulk and by REST."""
    path, _, query = seen.target.partition("?")
    if path.endswith("/results"):
        locator = query.partition("locator=")[2].partition("&")[0]
        return answer('"Id"\n"001"\n', Sforce_Locator=NEXT[locator], Sforce_NumberOfRecords="1")
    if "/jobs/query" in path:
        return answer(JOB)
    last = path.rsplit("/", 1)[1]
    following = NEXT[last if last in NEXT else ""]
    return answer(
        {
            "totalSize": 9,
            "done": False,
            "nextRecordsUrl": f"/services/data/v66.0/query/{following}",
            "records": [{"Id": "001"}],
        }
    )


@pytest.fixture
def org() -> Iterator[ScriptedOrg]:
    with scripted_org(going_round) as org:
        yield org


def listing_too_few(seen: Seen) -> bytes:
    """Two pages by the locators in their headers, of which the list of pages has the first."""
    path, _, query = seen.target.partition("?")
    if path.endswith("/results"):
        following = "null" if "locator=A" in query else "A"
        body = '"Id"\n' + '"001"\n' * ROWS
        return answer(body, Sforce_Locator=following, Sforce_NumberOfRecords=str(ROWS))
    if path.endswith("/resultPages"):
        return answer({"resultPages": [{"resultUrl": f"{path}/results"}], "done": True})
    if seen.method == "DELETE":
        return answer(status=204)
    return answer({**JOB, "numberRecordsProcessed": 2 * ROWS})


def test_pages_that_the_list_of_pages_lacks_are_followed_by_their_locators(tmp_path: Path):
    with scripted_org(listing_too_few) as org, client_of(org) as client:
        manifest = land(
            client, ExtractLedger(LocalStore(tmp_path)), QUESTION, RunIds("r", "r"), print
        )

    assert [page.locator for page in manifest.pages] == [None, "A"]
    assert manifest.announced_rows == 2 * ROWS


def without_the_old_job(seen: Seen) -> bytes:
    """The job of before the crash was deleted by somebody; a new one has a page of one row."""
    path, _, _ = seen.target.partition("?")
    if GONE in path:
        return answer([{"errorCode": "NOT_FOUND", "message": "gone"}], 404)
    if path.endswith("/results"):
        return answer('"Id"\n"001"\n', Sforce_Locator="null", Sforce_NumberOfRecords="1")
    if seen.method == "DELETE":
        return answer(status=204)
    return answer({**JOB, "numberRecordsProcessed": 1})


def test_a_job_that_is_deleted_after_its_last_page_is_asked_again(tmp_path: Path):
    ledger = ExtractLedger(LocalStore(tmp_path))
    with ledger.begin_or_continue(QUESTION.key, root_run_id="r", run_id="r") as crashed:
        crashed.intend_job("queryAll", at=datetime.now(UTC), user_id="005000000000001AAA")
        crashed.record_job(GONE)
        crashed.record_page(PageRecord(0, crashed.page_path(0, "csv"), 1, 1, "", None, None))

    with scripted_org(without_the_old_job) as org, client_of(org) as client:
        manifest = land(client, ledger, QUESTION, RunIds("r", "r"), print)

    assert manifest.job_id == JOB["id"]


@pytest.mark.parametrize("api", ["bulk", "rest"])
def test_pages_that_go_round_in_a_circle_are_given_up(org: ScriptedOrg, tmp_path: Path, api: Api):
    ledger = ExtractLedger(LocalStore(tmp_path))

    with client_of(org) as client, pytest.raises(LocatorLoopError):
        land(client, ledger, replace(QUESTION, api=api), RunIds("r", "r"), print)

    pages = [seen for seen in org.requests if "results" in seen.target or "/query" in seen.target]
    assert len(pages) < 10
    with ledger.begin_or_continue(QUESTION.key, root_run_id="s", run_id="s") as extract:
        assert extract.pages == ()
