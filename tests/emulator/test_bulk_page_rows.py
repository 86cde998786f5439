"""The org may send fewer rows than a client asks for [bulk guide]."""

import base64

from tests.emulator.api import Api


def test_a_page_holds_no_more_rows_than_the_org_wants_to_send(org):
    api = Api(org)
    org.create("Account", count=5)
    org.control("PUT", "bulk", {"page_rows": 2})
    job = api.finished_job("SELECT Id FROM Account")

    page = api.get(f"jobs/query/{job['id']}/results", params={"maxRecords": 100})

    assert page.headers["Sforce-NumberOfRecords"] == "2"
    assert base64.b64decode(page.headers["Sforce-Locator"] + "==") == b"2"
    pages = api.get(f"jobs/query/{job['id']}/resultPages").json()["resultPages"]
    assert len(pages) == 3
