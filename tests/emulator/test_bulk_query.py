"""Bulk API 2.0 query jobs [bulk guide] [amp]."""

import gzip

import pytest

from tests.emulator.api import Api, error_of

TRICKY = ['a,"b"', "line\nbreak", "crlf\r\nend", '"', "Ünï 港", ' "\n" ', "NULL", "007"]


def test_a_created_job_shows_the_recorded_keys_and_no_more(api):
    answer = api.post("jobs/query", {"operation": "query", "query": "SELECT Id FROM Account"})

    body = answer.json()
    assert answer.status_code == 200
    assert list(body) == [
        "id",
        "operation",
        "object",
        "createdById",
        "createdDate",
        "systemModstamp",
        "state",
        "concurrencyMode",
        "contentType",
        "apiVersion",
        "lineEnding",
        "columnDelimiter",
    ]
    assert body["id"].startswith("750")
    assert (body["object"], body["state"]) == ("Account", "UploadComplete")
    assert body["apiVersion"] == 66.0
    assert '"apiVersion":66.0' in answer.text


def test_a_finished_job_tells_its_type_and_counters(api):
    api.org.create("Account", count=3)

    info = api.finished_job("SELECT Id FROM Account")

    assert info["jobType"] == "V2Query"
    assert info["numberRecordsProcessed"] == 3
    assert info["retries"] == 0
    assert info["totalProcessingTime"] > 0


def test_values_survive_quoting_line_breaks_and_pages(api):
    api.org.create("Account", *({"Name": name} for name in TRICKY))

    rows = api.bulk_rows("SELECT Id, Name FROM Account ORDER BY Id", page_rows=3)

    assert [row["Name"] for row in rows] == TRICKY


def test_every_page_has_the_header_and_everything_is_quoted(api):
    api.org.change(
        "Account",
        create=[{"Name": name, "AnnualRevenue": 300} for name in ("A", "B", "C")],
        modstamp="2024-09-09T13:08:34Z",
    )
    job = api.finished_job(
        "SELECT Name, AnnualRevenue, Phone, SystemModstamp FROM Account ORDER BY Name"
    )

    first = api.get(f"jobs/query/{job['id']}/results", params={"maxRecords": 2})
    second = api.get(
        f"jobs/query/{job['id']}/results",
        params={"maxRecords": 2, "locator": first.headers["Sforce-Locator"]},
    )

    assert first.text == (
        '"Name","AnnualRevenue","Phone","SystemModstamp"\n'
        '"A","300.0","","2024-09-09T13:08:34.000Z"\n'
        '"B","300.0","","2024-09-09T13:08:34.000Z"\n'
    )
    assert second.text.splitlines()[0] == first.text.splitlines()[0]
    assert second.text.count("\n") == 2
    assert first.headers["Content-Type"] == "text/csv"
    assert [a.headers["Sforce-NumberOfRecords"] for a in (first, second)] == ["2", "1"]


def test_a_locator_is_a_row_number_in_base64_and_the_last_is_the_text_null(api):
    api.org.create("Account", count=250)
    job = api.finished_job("SELECT Id FROM Account")
    path = f"jobs/query/{job['id']}/results"

    first = api.get(path, params={"maxRecords": 100})
    last = api.get(path, params={"maxRecords": 100, "locator": "MjAw"})

    assert first.headers["Sforce-Locator"] == "MTAw"
    assert last.headers["Sforce-Locator"] == "null"
    assert last.headers["Sforce-NumberOfRecords"] == "50"


def test_a_page_can_be_read_again(api):
    api.org.create("Account", count=5)
    job = api.finished_job("SELECT Id FROM Account")

    bodies = [
        api.get(f"jobs/query/{job['id']}/results", params={"maxRecords": 2, "locator": "Mg"}).text
        for _ in range(2)
    ]

    assert bodies[0] == bodies[1]


def test_a_result_without_rows_is_a_header(api):
    job = api.finished_job("SELECT Id, Name FROM Account")

    answer = api.get(f"jobs/query/{job['id']}/results")

    assert job["numberRecordsProcessed"] == 0
    assert answer.text == '"Id","Name"\n'
    assert answer.headers["Sforce-Locator"] == "null"


@pytest.mark.parametrize(
    ("delimiter", "ending", "line"),
    [("TAB", "LF", '"A"\t""\n'), ("SEMICOLON", "CRLF", '"A";""\r\n'), ("PIPE", "LF", '"A"|""\n')],
)
def test_delimiters_and_line_endings_are_as_asked(api, delimiter, ending, line):
    api.org.create("Account", {"Name": "A"})

    job = api.finished_job(
        "SELECT Name, Phone FROM Account", columnDelimiter=delimiter, lineEnding=ending
    )

    assert job["columnDelimiter"] == delimiter
    assert api.get(f"jobs/query/{job['id']}/results").content.decode().endswith(line)


def test_results_are_gzipped_when_asked_for(api):
    api.org.create("Account", count=200)
    job = api.finished_job("SELECT Id FROM Account")
    path = f"jobs/query/{job['id']}/results"

    packed = api.get(path, headers={"Accept-Encoding": "gzip"}, stream=True)
    plain = api.get(path, headers={"Accept-Encoding": "identity"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Transfer-Encoding"] == "chunked"
    assert gzip.decompress(packed.raw.read(decode_content=False)) == plain.content


def test_query_all_sees_deleted_rows(api):
    ids = api.org.create("Account", count=3)
    api.org.change("Account", delete=ids[:1])

    seen = {
        operation: len(api.bulk_rows("SELECT Id FROM Account", operation))
        for operation in ("query", "queryAll")
    }

    assert seen == {"query": 2, "queryAll": 3}


def test_a_result_is_what_the_org_was_when_the_job_ran(api):
    api.org.create("Account", {"Name": "Before"})
    job = api.finished_job("SELECT Name FROM Account")
    api.org.create("Account", {"Name": "After"})

    assert "After" not in api.get(f"jobs/query/{job['id']}/results").text


def test_another_api_version_may_not_read_the_results(api):
    job = api.finished_job("SELECT Id FROM Account")
    other = Api(api.org, "65.0")

    assert other.get(f"jobs/query/{job['id']}/results").status_code == 409
    assert other.get(f"jobs/query/{job['id']}").status_code == 200


@pytest.fixture
def stalled(api):
    """A job that stays InProgress."""
    api.org.faults.add({"job": "stall"})
    job = api.start_job("SELECT Id FROM Account")
    return api.wait_for_job(job["id"], "InProgress")


def test_results_before_the_end_are_refused(api, stalled):
    assert api.get(f"jobs/query/{stalled['id']}/results").status_code == 400


def test_a_running_job_can_be_aborted_and_then_deleted(api, stalled):
    path = f"jobs/query/{stalled['id']}"
    too_early = api.delete(path)

    aborted = api.patch(path, {"state": "Aborted"})
    deleted = api.delete(path)

    assert error_of(too_early) == (400, "API_ERROR")
    assert (aborted.status_code, aborted.json()["state"]) == (200, "Aborted")
    assert list(aborted.json())[-1] == "apiVersion"
    assert deleted.status_code == 204
    assert error_of(api.get(path)) == (404, "NOT_FOUND")


def test_a_stalled_job_goes_on_when_the_faults_are_cleared(api, stalled):
    api.org.faults.clear()

    assert api.wait_for_job(stalled["id"])["state"] == "JobComplete"


def test_stalled_jobs_keep_no_other_job_waiting(api):
    api.org.faults.add({"job": "stall"}, times=5)
    stalled = [api.start_job("SELECT Id FROM Account") for _ in range(5)]

    other = api.finished_job("SELECT Id FROM Account")

    states = {api.get(f"jobs/query/{job['id']}").json()["state"] for job in stalled}
    assert (other["state"], states) == ("JobComplete", {"InProgress"})


def test_a_finished_job_can_not_be_aborted(api):
    job = api.finished_job("SELECT Id FROM Account")

    answer = api.patch(f"jobs/query/{job['id']}", {"state": "Aborted"})

    assert answer.status_code == 400
    assert answer.json() == [
        {
            "message": "Aborting already Completed Job not allowed",
            "errorCode": "INVALIDJOBSTATE",
        }
    ]


@pytest.mark.parametrize(("fate", "state"), [("fail", "Failed"), ("abort", "Aborted")])
def test_a_job_fails_or_is_aborted_on_request(api, fate, state):
    api.org.faults.add({"job": fate}, object="Account")
    other = api.start_job("SELECT Id FROM Contact")
    job = api.start_job("SELECT Id FROM Account")

    info = api.wait_for_job(job["id"])

    assert info["state"] == state
    assert ("errorMessage" in info) == (state == "Failed")
    assert api.wait_for_job(other["id"])["state"] == "JobComplete"


def test_jobs_are_listed_by_type(api):
    made = {api.finished_job("SELECT Id FROM Account")["id"] for _ in range(2)}

    queries = api.get("jobs/query", params={"jobType": "V2Query"}).json()
    ingests = api.get("jobs/query", params={"jobType": "V2Ingest"}).json()

    assert {record["id"] for record in queries["records"]} == made
    assert (queries["done"], queries["nextRecordsUrl"]) == (True, None)
    assert all(record["jobType"] == "V2Query" for record in queries["records"])
    assert ingests["records"] == []


def test_result_pages_give_five_urls_at_a_time(api):
    api.org.create("Account", count=13)
    job = api.finished_job("SELECT Id FROM Account")

    first = api.get(f"jobs/query/{job['id']}/resultPages", params={"maxRecords": 2}).json()
    second = api.get(first["nextRecordsUrl"]).json()

    urls = [page["resultUrl"] for page in first["resultPages"] + second["resultPages"]]
    counts = [api.get(url).headers["Sforce-NumberOfRecords"] for url in urls]
    assert [len(one["resultPages"]) for one in (first, second)] == [5, 2]
    assert (first["done"], second["done"]) == (False, True)
    assert "/resultpages?" in first["nextRecordsUrl"]
    assert counts == ["2"] * 6 + ["1"]


def test_result_pages_are_unknown_before_version_58(org):
    api = Api(org, "57.0")
    job = api.finished_job("SELECT Id FROM Account")

    assert error_of(api.get(f"jobs/query/{job['id']}/resultPages")) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT COUNT(Id) FROM Account",
        "SELECT Name FROM Account GROUP BY Name",
        "SELECT Id FROM Account OFFSET 5",
        "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
        "SELECT BillingAddress FROM Account",
        "SELECT Nope FROM Account",
        "SELECT Id FORM Account",
    ],
)
def test_what_bulk_refuses_is_refused_when_the_job_is_created(api, soql):
    answer = api.post("jobs/query", {"operation": "query", "query": soql})

    assert answer.status_code == 400
    assert api.get("jobs/query").json()["records"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"operation": "insert", "query": "SELECT Id FROM Account"},
        {"operation": "query"},
        {"operation": "query", "query": "SELECT Id FROM Account", "columnDelimiter": "DOT"},
        {"operation": "query", "query": "SELECT Id FROM Account", "contentType": "JSON"},
        {"operation": "query", "query": "SELECT Id FROM Account", "object": "Account"},
    ],
)
def test_a_wrong_request_for_a_job_is_refused(api, body):
    assert api.post("jobs/query", body).status_code == 400


def test_jobs_are_forgotten_after_seven_days(api):
    job = api.finished_job("SELECT Id FROM Account")

    api.org.advance(7 * 86_400)

    assert api.get("jobs/query").json()["records"] == []
    assert api.get(f"jobs/query/{job['id']}").status_code == 404
