"""The client and a running org: what it reads is what is there, also when things go wrong."""

import io
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from resources.salesforce.arrow import arrow_schema, read_csv_page, read_json_page
from resources.salesforce.bulk_job import PollPlan
from resources.salesforce.errors import (
    AnswerError,
    ClockError,
    ConflictError,
    DeferredError,
    JobAbortedError,
    JobFailedError,
    JobStalledError,
    JobStateError,
    LostAnswerError,
    NotFoundError,
    OAuthError,
    QueryError,
    TransientError,
    UnavailableError,
    UnsupportedQueryError,
)
from resources.salesforce.settings import (
    ClientCredentials,
    JwtBearer,
    RefreshToken,
    UsernamePassword,
)

FIELDS = ["Id", "Name", "AnnualRevenue", "NumberOfEmployees", "SystemModstamp", "IsDeleted"]
SOQL = f"SELECT {', '.join(FIELDS)} FROM Account"
AWKWARD = ['O\'Hara, "Sons" & Co', "two\nlines", "NULL", "007", "日本語 ünï", "back\\slash"]


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def complete_job(client, soql=SOQL, *, all_rows=False):
    return client.bulk.wait(client.bulk.submit(soql, all_rows).id)


def logged(org, measure, expected):
    """What ``measure`` makes of the org's log, once the log has caught up with the answers."""
    deadline = time.monotonic() + 10
    while (found := measure(org.requests_since())) != expected and time.monotonic() < deadline:
        pass
    return found


def ending_in(path):
    """Counts requests whose path ends so."""
    return lambda log: sum(entry["path"].endswith(path) for entry in log)


def api_calls(log):
    """API calls as the org counted them."""
    return sum(entry["api_calls"] for entry in log)


def into_files(files):
    def open_page(locator):
        files[locator] = io.BytesIO()
        return _Kept(files[locator])

    return open_page


class _Kept:
    """Lends a file and leaves it open, so that the test can look into it."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self.file

    def __exit__(self, *_):
        return None


def logins(org):
    key = Path(org.private_key_file).read_text()
    return {
        "client_credentials": ClientCredentials(org.client_id, org.client_secret),
        "jwt_bearer": JwtBearer(org.client_id, org.username, key),
        "refresh_token": RefreshToken(org.client_id, org.refresh_token, org.client_secret),
        "password": UsernamePassword(org.client_id, org.client_secret, org.username, org.password),
    }


# --- logging in


@pytest.mark.parametrize("flow", ["client_credentials", "jwt_bearer", "refresh_token", "password"])
def test_every_flow_logs_in(org, connect, flow):
    client = connect(org, logins(org)[flow])

    assert client.org_id == org.org_id
    assert client.user_id.startswith("005")
    assert client.instance_url == org.url
    assert client.count("Account") == 0


def test_a_wrong_secret_is_refused_with_what_to_do(org, connect):
    with pytest.raises(OAuthError, match="invalid_client") as caught:
        connect(org, ClientCredentials(org.client_id, "hush")).count("Account")

    assert "client_secret" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_session_that_ends_in_between_is_renewed(org, client):
    org.create("Account", count=3)
    client.count("Account")
    org.faults.add({"expire_token": True})

    assert [client.count("Account") for _ in range(3)] == [3, 3, 3]
    assert logged(org, ending_in("/token"), 2) == 2
    assert logged(org, lambda log: [entry["status"] for entry in log].count(401), 1) == 1


# --- describe


def test_a_description_is_downloaded_once_and_asked_again_if_changed(org, client):
    org.advance(60)
    account = client.describe("account")
    calls = client.api_calls

    assert (account.name, client.describe("Account")) == ("Account", account)
    assert client.api_calls == calls
    assert client.describe("Account", unless_changed=account) is account
    assert client.api_calls == calls + 1
    assert logged(org, lambda log: log[-1]["status"], 304) == 304


def test_a_description_tells_types_as_the_org_does(client):
    account = client.describe("Account")

    erp_id, revenue = account.field("ERP_Id__c"), account.field("AnnualRevenue")
    assert (erp_id.type, erp_id.external_id, erp_id.unique) == ("string", True, True)
    assert (revenue.type, revenue.precision, revenue.scale) == ("currency", 18, 0)
    assert "BillingCity" in {part.name for part in account.parts("BillingAddress")}
    assert not client.describe("User").has_soft_deletes


def test_an_object_that_is_not_there_is_named(client):
    with pytest.raises(NotFoundError):
        client.describe("Nonsense__c")


def test_the_global_description_lists_objects(client):
    found = {summary.name: summary for summary in client.describe_global()}

    assert found["Account"].key_prefix == "001"
    assert found["Order__c"].custom


# --- REST


def test_rest_pages_hold_every_row_once_as_typed_columns(org, client):
    org.create("Account", *[{"Name": name} for name in AWKWARD])
    org.create("Account", count=4100)
    schema = arrow_schema(client.describe("Account"), FIELDS)

    pages = list(client.rest_pages(SOQL))

    rows = [row for page in pages for row in read_json_page(page.body, schema).to_pylist()]
    assert [(page.rows, page.total_size) for page in pages] == [
        (2000, 4106),
        (2000, 4106),
        (106, 4106),
    ]
    assert sorted(row["Id"] for row in rows) == org.ids("Account")
    assert {row["Name"] for row in rows} >= set(AWKWARD)


def test_a_rest_page_knows_when_it_was_read(org, client):
    org.set_clock("2026-03-01T10:00:00Z")

    page = client.rest_page(SOQL)

    assert page.read.lo <= moment("2026-03-01T10:00:30Z")
    assert page.read.hi > moment("2026-03-01T10:00:00Z")
    assert page.read.hi - page.read.lo < timedelta(seconds=30)
    assert abs(client.org_now() - moment(org.now())) < timedelta(seconds=3)


def test_the_orgs_time_is_known_before_the_first_call(org, client):
    org.set_clock("2026-03-01T10:00:00Z")

    assert abs(client.org_now() - moment(org.now())) < timedelta(seconds=3)
    assert client.api_calls == 0


def test_deleted_rows_are_read_by_all_rows_only(org, client):
    _, deleted = org.create("Account", count=2)
    org.change("Account", delete=[deleted])

    assert client.count("Account") == 1
    assert client.rest_page(SOQL, all_rows=True).total_size == 2


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Nonsense__c FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Nonsense__c", "INVALID_TYPE"),
        ("SELECT Id FORM Account", "MALFORMED_QUERY"),
    ],
)
def test_a_wrong_query_keeps_the_orgs_code_and_text(client, soql, code):
    with pytest.raises(QueryError, match="field-level security") as caught:
        client.rest_page(soql)

    assert caught.value.code == code
    assert caught.value.message


def test_rows_are_read_again_by_id_deleted_ones_too(org, client):
    ids = org.create("Account", count=700)
    org.change("Account", delete=ids[:10])
    schema = arrow_schema(client.describe("Account"), FIELDS)

    pages, read = client.read_rows("Account", FIELDS, [*ids, *ids[:5], "001000000000000AAA"])

    rows = [row for page in pages for row in read_json_page(page, schema).to_pylist()]
    assert sorted(row["Id"] for row in rows) == sorted(ids)
    assert sum(row["IsDeleted"] for row in rows) == 10
    assert len(pages) > 1
    assert read.lo < read.hi


def test_rows_are_read_again_only_when_the_orgs_clock_has_passed_the_moment(org, connect):
    ids = org.create("Account", count=2)
    client = connect(org, sleep=org.advance)
    client.count("Account")
    after = moment(org.now()) + timedelta(minutes=2)

    pages, read = client.read_rows("Account", ["Id"], ids, after)

    assert read.lo > after
    assert len(pages) == 1
    assert logged(org, ending_in("/queryAll"), 1) == 1


def test_a_moment_far_ahead_of_the_orgs_clock_is_an_error(org, client):
    with pytest.raises(ClockError):
        client.read_rows(
            "Account", ["Id"], ["001000000000001AAA"], client.org_now() + timedelta(days=1)
        )


# --- Bulk 2.0


def test_bulk_pages_hold_every_row_once_as_typed_columns(org, client):
    org.create("Account", *[{"Name": name} for name in AWKWARD])
    org.create("Account", count=5000)
    schema = arrow_schema(client.describe("Account"), FIELDS)
    files = {}
    job = complete_job(client)

    pages = list(client.bulk.pages(job, into_files(files), page_rows=2000))

    rows = [
        row
        for page in pages
        for batch in read_csv_page(files[page.locator].getvalue(), schema)
        for row in batch.to_pylist()
    ]
    assert (job.rows, [page.rows for page in pages]) == (5006, [2000, 2000, 1006])
    assert sorted(row["Id"] for row in rows) == org.ids("Account")
    assert {row["Name"] for row in rows} >= set(AWKWARD)


def test_columns_in_the_order_of_old_api_versions_are_read(org, connect):
    org.create("Account", {"Name": "Zebra", "NumberOfEmployees": 7})
    client = connect(org, api_version="48.0")
    schema = arrow_schema(client.describe("Account"), ["NumberOfEmployees", "Name"])
    file = io.BytesIO()

    job = complete_job(client, "SELECT NumberOfEmployees, Name FROM Account")
    client.bulk.download_page(job.id, None, 1000, file)

    assert file.getvalue().startswith(b'"Name","NumberOfEmployees"')
    [batch] = read_csv_page(file.getvalue(), schema)
    assert batch.to_pylist() == [{"NumberOfEmployees": 7, "Name": "Zebra"}]
    assert not client.bulk.has_result_pages


def test_both_apis_read_the_same_values(org, client):
    org.create(
        "Account",
        *[
            {"Name": name, "AnnualRevenue": 10**n, "NumberOfEmployees": n}
            for n, name in enumerate(AWKWARD)
        ],
    )
    schema = arrow_schema(client.describe("Account"), FIELDS)
    file = io.BytesIO()

    client.bulk.download_page(complete_job(client).id, None, 1000, file)

    by_bulk = [r for batch in read_csv_page(file.getvalue(), schema) for r in batch.to_pylist()]
    by_rest = read_json_page(client.rest_page(SOQL).body, schema).to_pylist()
    assert sorted(by_bulk, key=lambda r: r["Id"]) == sorted(by_rest, key=lambda r: r["Id"])
    assert len(by_bulk) == len(AWKWARD)


def test_result_pages_may_be_downloaded_side_by_side(org, client):
    org.create("Account", count=3000)
    job = complete_job(client)
    locators = client.bulk.result_locators(job.id)

    def rows(locator):
        return client.bulk.download_page(job.id, locator, None, io.BytesIO()).rows

    with ThreadPoolExecutor(4) as pool:
        downloads = list(pool.map(rows, locators * 4))

    assert sum(downloads) == 4 * 3000


def test_pages_go_on_behind_those_already_there(org, client):
    org.create("Account", count=3000)
    job = complete_job(client)
    everything = list(client.bulk.pages(job, into_files({}), page_rows=1000))
    before = client.api_calls

    rest = list(client.bulk.pages(job, into_files({}), page_rows=1000, after=everything[:2]))

    assert rest == everything[2:]
    assert client.api_calls == before + 1


def test_a_result_without_rows_is_one_page_without_rows(org, client):
    job = complete_job(client)
    files = {}

    pages = list(client.bulk.pages(job, into_files(files)))

    assert [(page.rows, page.next_locator) for page in pages] == [(0, None)]
    schema = arrow_schema(client.describe("Account"), FIELDS)
    assert list(read_csv_page(files[None].getvalue(), schema)) == []


def test_progress_is_reported_until_the_job_ends(org, client, waits):
    org.create("Account", count=5)
    seen = []

    job = client.bulk.wait(client.bulk.submit(SOQL).id, seen.append)

    assert seen[-1] == job
    assert (job.state, job.rows, len(waits)) == ("JobComplete", 5, len(seen) - 1)
    assert job.read.lo <= moment(org.now())


@pytest.mark.parametrize(("fault", "error"), [("fail", JobFailedError), ("abort", JobAbortedError)])
def test_a_job_that_ends_without_result_is_an_error(org, client, fault, error):
    org.create("Account", count=5)
    org.faults.add({"job": fault})

    with pytest.raises(error, match="Account") as caught:
        complete_job(client)

    assert caught.value.job_id.startswith("750")


def test_a_job_that_stalls_is_given_up_after_a_while(org, client):
    org.create("Account", count=5)
    org.faults.add({"job": "stall"})
    job = client.bulk.submit(SOQL)

    with pytest.raises(JobStalledError, match=job.id):
        client.bulk.wait(job.id, poll=PollPlan(give_up_after_s=100))


def test_what_bulk_cannot_read_is_refused_at_submission(client):
    with pytest.raises((UnsupportedQueryError, QueryError)):
        client.bulk.submit("SELECT Name, COUNT(Id) FROM Account GROUP BY Name")


def test_jobs_are_found_by_their_time(org, client):
    org.set_clock("2026-03-01T10:00:00Z")
    old = client.bulk.submit(SOQL)
    org.set_clock("2026-03-01T11:00:00Z")
    new = client.bulk.submit(SOQL, all_rows=True)

    found = client.bulk.list_jobs(created_since=new.created_date)

    assert [(job.id, job.operation, job.created_by_id) for job in found] == [
        (new.id, "queryAll", client.user_id)
    ]
    assert {job.id for job in client.bulk.list_jobs()} == {old.id, new.id}


def test_a_deleted_job_is_gone(org, client):
    job = complete_job(client)
    client.bulk.delete(job.id)

    with pytest.raises(NotFoundError):
        client.bulk.info(job.id)


def test_an_ended_job_cannot_be_aborted(org, client):
    job = complete_job(client)

    with pytest.raises(JobStateError):
        client.bulk.abort(job.id)


def test_a_running_job_can_be_aborted(org, client):
    org.faults.add({"job": "stall"})
    job = client.bulk.submit(SOQL)

    client.bulk.abort(job.id)

    with pytest.raises(JobAbortedError):
        client.bulk.wait(job.id)


def test_a_result_is_not_read_with_another_api_version(org, client, connect):
    job = complete_job(client)

    with pytest.raises(ConflictError):
        connect(org, api_version="65.0").bulk.download_page(job.id, None, 100, io.BytesIO())


# --- things going wrong


def test_an_org_that_is_unavailable_for_a_moment_is_asked_again(org, client, waits):
    org.create("Account", count=3)
    org.faults.answer(
        503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "x"}], times=2, path="*query*"
    )

    assert client.count("Account") == 3
    assert len(waits) == 2


def test_an_org_that_stays_unavailable_is_a_transient_error(org, client):
    org.faults.answer(
        503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "x"}], times=50, path="*query*"
    )

    with pytest.raises(UnavailableError, match="Tried 6 times"):
        client.count("Account")


@pytest.mark.parametrize("after_bytes", [1, 40, 1000, 5000])
def test_a_page_that_breaks_off_is_fetched_again_without_losing_rows(org, client, after_bytes):
    org.create("Account", count=2000)
    job = complete_job(client)
    org.faults.cut_connection(path="*/results*", after_bytes=after_bytes, times=1)
    files = {}

    pages = list(client.bulk.pages(job, into_files(files), page_rows=5000))

    text = files[None].getvalue().decode()
    assert [page.rows for page in pages] == [2000]
    assert logged(org, ending_in("/results"), 2) == 2
    assert text.count('"001') == 2000


def test_a_page_that_always_breaks_off_leaves_nothing(org, client):
    org.create("Account", count=2000)
    job = complete_job(client)
    org.faults.cut_connection(path="*/results*", after_bytes=1000, times=100)
    file = io.BytesIO()

    with pytest.raises(TransientError):
        client.bulk.download_page(job.id, None, 5000, file)

    assert file.getvalue() == b""
    assert logged(org, ending_in("/results"), 6) == 6


def test_a_lost_answer_of_a_submission_is_found_by_listing(org, client):
    since = client.bulk.submit(SOQL).created_date
    org.faults.cut_connection(path="*/jobs/query", after_bytes=0, times=1, method="POST")

    with pytest.raises(LostAnswerError, match="List what was created"):
        client.bulk.submit(SOQL, all_rows=True)

    found = [job for job in client.bulk.list_jobs(since) if job.operation == "queryAll"]
    assert len(found) == 1
    assert client.bulk.wait(found[0].id).state == "JobComplete"


def test_a_body_that_is_not_json_is_a_clear_error(org, client):
    org.faults.answer(200, "<html>maintenance</html>", path="*/query*")

    with pytest.raises(AnswerError):
        client.rest_page(SOQL)


def test_calls_are_counted_as_the_org_counts_them(org, client):
    org.create("Account", count=10)
    client.describe("Account")
    client.count("Account")
    complete_job(client)

    left = client.read_limits()["DailyApiRequests"].left

    assert client.limits.left == left
    assert client.api_calls > 4
    assert logged(org, api_calls, client.api_calls) == client.api_calls


def test_a_run_stops_before_the_reserve(org, connect):
    org.faults.add({"limits": {"DailyApiRequests": 105}})
    client = connect(org, reserve=100)

    def run():
        for _ in range(20):
            client.count("Account")

    with pytest.raises(DeferredError) as caught:
        run()

    assert caught.value.left == caught.value.reserve == 100
    assert client.limits.left == 100
    assert logged(org, api_calls, client.api_calls) == client.api_calls


def test_rest_pages_that_break_off_are_fetched_again(org, client):
    org.create("Account", count=500)
    org.faults.cut_connection(path="*/query*", after_bytes=100, times=1)

    assert client.rest_page(SOQL).rows == 500
    assert client.api_calls == 2
