"""simple-salesforce, as published on PyPI, works against the emulator.

It insists on https, so its session gets an adapter that sends https requests to the emulator's
plain port; nothing else of it is touched.
"""

import csv
import io
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce, SalesforceAuthenticationFailed
from simple_salesforce.exceptions import (
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
)


class PlainPort(HTTPAdapter):
    """Sends every request to one host and port over http."""

    def __init__(self, url):
        super().__init__()
        self.netloc = urlsplit(url).netloc

    def send(self, request, **options):
        parts = urlsplit(request.url)
        request.url = urlunsplit(("http", self.netloc, parts.path, parts.query, ""))
        return super().send(request, **options)


def session_to(org):
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", PlainPort(org.url))
    return session


def log_in(org, **overrides):
    settings = {
        "username": org.username,
        "password": org.password,
        "consumer_key": org.client_id,
        "consumer_secret": org.client_secret,
        "session": session_to(org),
        "version": "60.0",
    }
    return Salesforce(**{**settings, **overrides})


def test_simple_salesforce_logs_in_with_a_password_and_with_client_credentials(org):
    by_password = log_in(org)
    by_client = log_in(org, username=None, password=None, domain="tidegate.my")

    assert by_password.query("SELECT Id FROM Organization")["records"][0]["Id"] == org.org_id
    assert by_client.query("SELECT Id FROM Organization")["totalSize"] == 1


def test_simple_salesforce_logs_in_with_a_jwt(org):
    salesforce = log_in(
        org, password=None, consumer_secret=None, privatekey_file=org.private_key_file
    )

    assert salesforce.query("SELECT Id FROM Organization")["totalSize"] == 1


def test_simple_salesforce_reads_a_wrong_password_as_failed_authentication(org):
    with pytest.raises(SalesforceAuthenticationFailed):
        log_in(org, password="wrong")


def test_simple_salesforce_describes(org):
    salesforce = log_in(org)

    objects = {entry["name"] for entry in salesforce.describe()["sobjects"]}
    fields = {field["name"] for field in salesforce.Account.describe()["fields"]}

    assert {"Account", "Contact", "Order__c"} <= objects
    assert {"Id", "Name", "ERP_Id__c", "SystemModstamp"} <= fields


def test_simple_salesforce_pages_through_a_query(org):
    names = [f"Berth {n:04}" for n in range(2500)]
    org.create("Account", *({"Name": name} for name in names))

    rows = list(log_in(org).query_all_iter("SELECT Name FROM Account ORDER BY Name"))

    assert [row["Name"] for row in rows] == names


def test_simple_salesforce_reads_and_writes_rows(org):
    account = log_in(org).Account

    created = account.create({"Name": "Quay", "AnnualRevenue": 1250})
    account.update(created["id"], {"Name": "Quay 2"})
    row = account.get(created["id"])
    account.delete(created["id"])

    assert (row["Name"], row["AnnualRevenue"]) == ("Quay 2", 1250.0)
    assert org.ids("Account") == []


def test_simple_salesforce_reads_a_wrong_query_as_malformed(org):
    with pytest.raises(SalesforceMalformedRequest) as caught:
        log_in(org).query("SELECT Nonsense FROM Account")

    assert caught.value.content[0]["errorCode"] == "INVALID_FIELD"


def test_simple_salesforce_runs_a_bulk_query_in_pages(org):
    names = sorted(f'Pier {n:03}, "north"\nside' for n in range(250))
    org.create("Account", *({"Name": name} for name in names))

    pages = list(log_in(org).bulk2.Account.query("SELECT Id, Name FROM Account", max_records=100))

    rows = [row for page in pages for row in csv.DictReader(io.StringIO(page))]
    assert len(pages) == 3
    assert sorted(row["Name"] for row in rows) == names


def test_simple_salesforce_upserts_by_external_id_and_reads_several_matches(org):
    salesforce = log_in(org)

    created = salesforce.Account.upsert("ERP_Id__c/E-1", {"Name": "Quay"})
    updated = salesforce.Account.upsert("ERP_Id__c/E-1", {"Name": "Quay 2"})
    org.create("Contact", *({"LastName": name, "Email": "a@example.com"} for name in "AB"))
    with pytest.raises(SalesforceMoreThanOneRecord):
        salesforce.Contact.upsert("Email/a@example.com", {"LastName": "C"})

    assert (created, updated) == (201, 200)
    assert org.rows("Account", "Name") == [{"Name": "Quay 2"}]


def test_simple_salesforce_sends_lists_and_composites(org):
    salesforce = log_in(org)
    records = [{"attributes": {"type": "Account"}, "Name": name} for name in ("Quay", "")]

    saved = salesforce.restful("composite/sobjects", method="POST", json={"records": records})
    composite = salesforce.restful(
        "composite",
        method="POST",
        json={
            "compositeRequest": [
                {
                    "method": "GET",
                    "url": f"/services/data/v60.0/sobjects/Account/{saved[0]['id']}?fields=Name",
                    "referenceId": "read",
                }
            ]
        },
    )

    assert [one["success"] for one in saved] == [True, False]
    assert saved[1]["errors"][0]["fields"] == ["Name"]
    assert composite["compositeResponse"][0]["body"]["Name"] == "Quay"


def test_simple_salesforce_upserts_by_bulk_and_reads_what_failed(org):
    (known,) = org.create("Order__c", {"ERP_Order_Id__c": "E-1", "Amount__c": 1})
    orders = log_in(org).bulk2.Order__c

    (done,) = orders.upsert(
        records=[
            {"ERP_Order_Id__c": "E-1", "Amount__c": "2.5", "Notes__c": 'said "no",\nthen left'},
            {"ERP_Order_Id__c": "E-2", "Amount__c": "3", "Notes__c": ""},
            {"ERP_Order_Id__c": "E-3", "Amount__c": "three", "Notes__c": ""},
        ],
        external_id_field="ERP_Order_Id__c",
        wait=1,
    )

    job = done["job_id"]
    failed = list(csv.DictReader(io.StringIO(orders.get_failed_records(job))))
    successful = list(csv.DictReader(io.StringIO(orders.get_successful_records(job))))
    left = list(csv.DictReader(io.StringIO(orders.get_unprocessed_records(job))))
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (3, 1)
    assert [row["ERP_Order_Id__c"] for row in failed] == ["E-3"]
    assert failed[0]["sf__Error"].startswith("INVALID_FIELD:Failed to deserialize field at col ")
    assert {row["ERP_Order_Id__c"]: row["sf__Created"] for row in successful} == {
        "E-1": "false",
        "E-2": "true",
    }
    assert known in {row["sf__Id"] for row in successful}
    assert left == []
    assert sorted(row["Amount__c"] for row in org.rows("Order__c", "Amount__c")) == [2.5, 3.0]


def test_simple_salesforce_inserts_in_parallel_and_deletes_by_bulk(org):
    accounts = log_in(org).bulk2.Account

    done = accounts.insert(
        records=[{"Name": f"Quay {n}"} for n in range(40)], batch_size=10, concurrency=3, wait=1
    )
    accounts.delete(records=[{"Id": row_id} for row_id in org.ids("Account")[:39]], wait=1)

    assert [one["numberRecordsProcessed"] for one in done] == [10, 10, 10, 10]
    assert len(org.ids("Account")) == 1
