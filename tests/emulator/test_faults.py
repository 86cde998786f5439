"""Faults on request: what clients must survive."""

import time

import pytest
import requests

from tests.emulator.api import error_of


def test_an_answer_is_replaced_for_as_many_calls_as_asked(api):
    api.org.faults.answer(
        503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}], times=2, path="*/query"
    )

    answers = [api.query("SELECT Id FROM Account").status_code for _ in range(3)]

    assert answers == [503, 503, 200]


def test_a_replaced_answer_may_have_headers_and_a_body_that_is_no_json(api):
    api.org.faults.add({"status": 429, "body": "<html/>", "headers": {"Retry-After": "7"}})

    answer = api.get("limits")

    assert (answer.status_code, answer.text) == (429, "<html/>")
    assert answer.headers["Retry-After"] == "7"
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_fault_meets_only_its_method_path_and_object(api):
    api.org.faults.answer(500, [], method="GET", path="*/sobjects/*/describe", object="Contact")

    assert api.get("sobjects/Account/describe").status_code == 200
    assert api.get("sobjects/Contact").status_code == 200
    assert api.get("sobjects/Contact/describe").status_code == 500


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Id FROM Contact",
        "select id, (select id from Cases) from contact "
        "where AccountId in (select id from Account)",
    ],
)
def test_the_object_of_a_query_is_the_one_of_its_outer_from(api, soql):
    api.org.faults.answer(500, [], times=2, object="Contact")

    answers = (api.query(soql), api.post("jobs/query", {"operation": "query", "query": soql}))

    assert [answer.status_code for answer in answers] == [500, 500]


def test_a_fault_may_let_some_calls_through_first(api):
    api.org.faults.answer(500, [], after=2)

    assert [api.get("limits").status_code for _ in range(4)] == [200, 200, 500, 200]


def test_a_fault_with_a_probability_meets_some_calls(api):
    api.org.faults.add({"status": 500, "body": []}, times=1000, probability=0.5)

    seen = {api.get("limits").status_code for _ in range(40)}

    assert seen == {200, 500}


def test_a_connection_is_cut_within_the_body(api):
    api.org.create("Account", count=50)
    job = api.finished_job("SELECT Id, Name FROM Account")
    api.org.faults.cut_connection("*/results", after_bytes=100)
    path = f"jobs/query/{job['id']}/results"

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        api.get(path)

    assert api.get(path).headers["Sforce-NumberOfRecords"] == "50"


def test_a_json_answer_is_cut_too(api):
    api.org.faults.cut_connection("*/sobjects", after_bytes=100)

    with pytest.raises(requests.exceptions.RequestException):
        api.get("sobjects", headers={"Accept-Encoding": "identity"})


def test_a_body_may_end_early_as_if_that_were_all(api):
    api.org.create("Account", count=50)
    job = api.finished_job("SELECT Id, Name FROM Account")
    api.org.faults.add({"cut_after_bytes": 100, "clean": True}, path="*/results")

    answer = api.get(f"jobs/query/{job['id']}/results", headers={"Accept-Encoding": "identity"})

    assert len(answer.content) == 100
    assert answer.headers["Sforce-NumberOfRecords"] == "50"


def test_an_answer_is_delayed(api):
    api.org.faults.add({"delay_s": 0.3})

    started = time.monotonic()
    api.get("limits")

    assert time.monotonic() - started >= 0.3


def test_a_download_is_throttled(api):
    api.org.create("Account", count=100)
    job = api.finished_job("SELECT Id FROM Account")
    api.org.faults.add({"throttle_bytes_s": 5000}, path="*/results")

    started = time.monotonic()
    answer = api.get(f"jobs/query/{job['id']}/results", headers={"Accept-Encoding": "identity"})

    assert len(answer.content) / 5000 * 0.9 <= time.monotonic() - started


def test_a_token_expires_in_the_middle_and_stays_dead(api):
    api.org.faults.add({"expire_token": True}, after=1)

    answers = [api.get("limits") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 401, 401]
    assert error_of(answers[1]) == (401, "INVALID_SESSION_ID")


def test_a_replaced_401_leaves_the_session_alive(api):
    body = [
        {
            "message": "This session is not valid for use with the REST API",
            "errorCode": "INVALID_SESSION_ID",
        }
    ]
    api.org.faults.answer(401, body)

    first, second = api.get("limits"), api.get("limits")

    assert (first.status_code, first.json(), second.status_code) == (401, body, 200)


def test_a_row_is_locked_on_request(api):
    (account,) = api.org.create("Account", {"Name": "x"})
    api.org.faults.add({"lock": 1}, object="Account")

    first = api.patch(f"sobjects/Account/{account}", {"Name": "y"})
    second = api.patch(f"sobjects/Account/{account}", {"Name": "y"})

    assert error_of(first) == (400, "UNABLE_TO_LOCK_ROW")
    assert second.status_code == 204


def test_faults_can_be_looked_at_and_cleared(org):
    org.faults.answer(500, [], times=3, path="*/limits")

    (fault,) = org.control("GET", "faults")["faults"]
    org.faults.clear()

    assert fault["match"] == {"path": "*/limits"}
    assert (fault["times"], fault["hits"]) == (3, 0)
    assert org.control("GET", "faults") == {"faults": []}


def test_the_controls_themselves_never_fail(org):
    org.faults.answer(500, [], times=5)

    assert org.now()
    assert org.control("GET", "faults")["faults"][0]["hits"] == 0


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"do": {}},
        {"do": {"explode": True}},
        {"do": {"status": 500, "delay_s": 1}},
        {"do": {"job": "dance"}},
        {"do": {"event": "refuse"}},
        {"do": {"event": "refuse", "code": "mood"}},
        {"do": {"event": "drop", "code": "service.unavailable"}},
        {"do": {"limits": {"Nothing": 1}}},
        {"do": {"delay_s": "long"}},
        {"do": {"status": 500}, "match": {"host": "x"}},
        {"do": {"status": 500}, "count": 1},
        {"do": {"status": 500}, "times": "one"},
        {"do": {"status": 500}, "probability": 2},
        [],
    ],
)
def test_a_fault_that_is_none_is_refused(org, fault):
    answer = requests.post(f"{org.url}/_emulator/faults", json=fault, timeout=30)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_download_that_nobody_reads_any_more_is_given_up(api):
    api.org.create("Account", count=500)
    job = api.finished_job("SELECT Id FROM Account")
    api.org.faults.add({"throttle_bytes_s": 1000}, path="*/results")
    answer = api.get(
        f"jobs/query/{job['id']}/results", headers={"Accept-Encoding": "identity"}, stream=True
    )
    answer.raw.read(10)
    answer.close()

    deadline = time.monotonic() + 5
    while not any(one["path"].endswith("/results") for one in api.org.requests_since()):
        assert time.monotonic() < deadline, "the org still sends 10 kB at 1 kB/s"


def test_a_fault_of_an_object_meets_lists_and_composites_of_it(api):
    ids = api.org.create("Account", {"Name": "A"})
    read = {"method": "GET", "url": f"{api.base}/sobjects/Account/{ids[0]}", "referenceId": "a"}
    query = {
        "method": "GET",
        "url": f"{api.base}/query?q=SELECT+Id+FROM+Account",
        "referenceId": "b",
    }
    records = [{"attributes": {"type": "Account"}, "Name": "B"}]
    calls = [
        lambda: api.post("composite/sobjects", {"records": records}),
        lambda: api.post("composite/sobjects/Account", {"ids": ids, "fields": ["Id"]}),
        lambda: api.post("composite", {"compositeRequest": [read]}),
        lambda: api.post("composite", {"compositeRequest": [query]}),
        lambda: api.delete(f"composite/sobjects?ids={ids[0]}"),
    ]

    statuses = []
    for call in calls:
        api.org.faults.add({"status": 503}, object="account")
        statuses.append(call().status_code)
        api.org.faults.add({"status": 503}, object="Contact")
        statuses.append(call().status_code)
        api.org.faults.clear()

    assert statuses == [503, 200] * len(calls)
