"""A server that sends its pages round in a circle ends in an error, not in a full disk."""

from collections.abc import Iterator
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


@pytest.mark.parametrize("api", ["bulk", "rest"])
def test_pages_that_go_round_in_a_circle_are_given_up(org: ScriptedOrg, tmp_path: Path, api: Api):
    key = ExtractKey(ORG_ID, "Account", ("Id",), None, True, "66.0", None, None)
    landed = Landed(pa.schema([("Id", pa.string())]), ("Id",), (), None, {}, {})
    question = Question(key, "SELECT Id FROM Account", api, landed)
    login = ClientCredentials("tidegate", "tidegate-secret")
    ledger = ExtractLedger(LocalStore(tmp_path))

    with (
        SalesforceClient(ConnectionSettings("salesforce", org.url, login)) as client,
        pytest.raises(LocatorLoopError),
    ):
        land(client, ledger, question, RunIds("r", "r"), print)

    pages = [seen for seen in org.requests if "results" in seen.target or "/query" in seen.target]
    assert len(pages) < 10
    with ledger.begin_or_continue(key, root_run_id="s", run_id="s") as extract:
        assert extract.pages == ()
