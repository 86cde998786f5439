"""What a client that reads must do because Salesforce is as it is: docs/salesforce_facts.md."""

import io

import pytest

from resources.salesforce.arrow import arrow_schema, read_csv_page, read_json_page
from resources.salesforce.errors import QueryError


def complete_job(client, soql):
    return client.bulk.wait(client.bulk.submit(soql).id)


def downloaded(client, job, page_rows=None):
    """The bodies of all pages of a job."""
    bodies, locator = [], None
    while not bodies or locator is not None:
        body = io.BytesIO()
        locator = client.bulk.download_page(job.id, locator, page_rows, body).next_locator
        bodies.append(body.getvalue())
    return bodies


def test_pages_smaller_than_asked_are_followed_to_the_end(org, client):
    org.create("Account", count=2001)
    schema = arrow_schema(client.describe("Account"), ["Id", "Description"])

    pages = list(client.rest_pages("SELECT Id, Description FROM Account"))

    rows = [row for page in pages for row in read_json_page(page.body, schema).to_pylist()]
    assert [page.rows for page in pages] == [1000, 1000, 1]
    assert sorted(row["Id"] for row in rows) == org.ids("Account")


def test_an_error_is_known_by_its_code_whatever_language_its_text_has(org, client):
    german = [{"errorCode": "INVALID_FIELD", "message": "Keine solche Spalte"}]
    org.faults.answer(400, german, path="*/query")

    with pytest.raises(QueryError) as caught:
        client.rest_page("SELECT Id FROM Account")

    assert caught.value.code == "INVALID_FIELD"


def test_a_page_that_ends_early_as_if_that_were_all_is_fetched_again(org, client, waits):
    org.create("Account", *({"Name": f"Pier {n}, north"} for n in range(50)))
    job = complete_job(client, "SELECT Id, Name FROM Account")
    waits.clear()
    schema = arrow_schema(client.describe("Account"), ["Id", "Name"])
    for through, length in enumerate((400, 433, 700)):
        cut = {"cut_after_bytes": length, "clean": True}
        org.faults.add(cut, path="*/results", after=through)

    (body,) = downloaded(client, job)

    rows = [row for batch in read_csv_page(body, schema) for row in batch.to_pylist()]
    assert sorted(row["Id"] for row in rows) == org.ids("Account")
    assert len(waits) == 3


def test_pages_of_a_bulk_result_are_asked_for_in_a_bounded_size(org, client, tmp_path):
    org.create("Account", count=5)
    job = complete_job(client, "SELECT Id FROM Account")

    pages = list(client.bulk.pages(job, lambda _: (tmp_path / "page.csv").open("wb"), page_rows=2))

    assert [page.rows for page in pages] == [2, 2, 1]


def test_an_org_that_falls_silent_is_asked_again_after_the_timeout(org, connect, waits):
    client = connect(read_timeout_s=0.5)
    org.create("Account", count=3)
    job = complete_job(client, "SELECT Id FROM Account")
    waits.clear()
    org.faults.add({"delay_s": 3}, path="*/results")

    (body,) = downloaded(client, job)

    assert body.count(b"\n") == 4
    assert len(waits) == 1


def test_text_that_readers_take_for_something_else_arrives_by_both_apis(org, client):
    texts = ["NA", "NULL", "nan", "None", "true", "007", "1e5", "12345678901234567890", "#N/A"]
    org.create("Account", *({"Name": text} for text in texts))
    schema = arrow_schema(client.describe("Account"), ["Name"])

    (page,) = client.rest_pages("SELECT Name FROM Account")
    (body,) = downloaded(client, complete_job(client, "SELECT Name FROM Account"))

    by_rest = read_json_page(page.body, schema)["Name"].to_pylist()
    by_bulk = [row for batch in read_csv_page(body, schema) for row in batch["Name"].to_pylist()]
    assert sorted(by_rest) == sorted(by_bulk) == sorted(texts)
