"""Versions, routes and what every answer carries [nango] [cci] [rest guide]."""

import gzip
import json

import pytest
import requests

from tests.emulator.api import Api, error_of


def test_versions_are_listed_without_a_login_or_a_limit_header(org):
    answer = requests.get(f"{org.url}/services/data/", timeout=30)

    versions = answer.json()
    assert versions[0] == {
        "label": "Summer '14",
        "url": "/services/data/v31.0",
        "version": "31.0",
    }
    assert versions[-1]["version"] == "67.0"
    assert "Spring \u201918" in [one["label"] for one in versions]
    assert "Sforce-Limit-Info" not in answer.headers


@pytest.mark.parametrize("version", ["50.0", "58.0", "67.0"])
def test_each_version_answers_under_its_own_path(org, version):
    api = Api(org, version)

    assert api.get("").json()["sobjects"] == f"/services/data/v{version}/sobjects"


@pytest.mark.parametrize(("path", "status"), [("v21.0", 410), ("v30.0", 410), ("v99.0", 404)])
def test_retired_versions_are_gone_and_unknown_ones_not_found(api, path, status):
    assert api.get(f"/services/data/{path}/limits").status_code == status


def test_an_answer_carries_the_recorded_headers(api):
    headers = api.get("limits").headers

    assert headers["Content-Type"] == "application/json;charset=UTF-8"
    assert headers["Sforce-Limit-Info"] == "api-usage=1/15000"
    assert headers["Cache-Control"] == "no-cache,must-revalidate,max-age=0,no-store,private"
    assert headers["Server"] == "sfdcedge"
    assert headers["X-SFDC-Request-Id"] == headers["X-Request-Id"]


def test_every_call_counts_even_a_refused_one(api):
    api.get("limits")
    api.get("sobjects/Nothing/describe")

    assert api.get("limits").headers["Sforce-Limit-Info"] == "api-usage=3/15000"


def test_the_date_of_an_answer_is_the_orgs_clock(api):
    api.org.set_clock("2026-03-01T12:00:00Z")

    assert api.get("limits").headers["Date"].startswith("Sun, 01 Mar 2026 12:00:0")


def test_a_call_without_a_login_is_refused_before_its_path_is_looked_at(org):
    for path in ("/services/data/v66.0/limits", "/services/data/v66.0/nowhere"):
        assert error_of(requests.get(org.url + path, timeout=30)) == (401, "INVALID_SESSION_ID")


@pytest.mark.parametrize("path", ["nowhere", "sobjects/Nothing", "sobjects/Nothing/describe"])
def test_what_is_not_there_is_not_found(api, path):
    answer = api.get(path)

    assert answer.status_code == 404
    assert answer.json() == [
        {"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}
    ]


def test_a_wrong_method_is_refused(api):
    assert error_of(api.delete("limits")) == (405, "METHOD_NOT_ALLOWED")


def test_a_slash_at_the_end_changes_nothing(api):
    assert api.get("limits/").json() == api.get("limits").json() | {
        "DailyApiRequests": {"Max": 15000, "Remaining": 14999}
    }


def test_until_version_57_a_path_may_end_in_json(api):
    paths = [f"/services/data/v{version}.0/sobjects/Account/describe.json" for version in (57, 58)]

    assert [api.get(path).status_code for path in paths] == [200, 404]


def test_a_uri_over_16384_bytes_is_too_long(api):
    soql = "SELECT Id FROM Account WHERE Name = '" + "x" * 16_400 + "'"

    assert api.query(soql).status_code == 414


def test_json_is_compact_unless_pretty_print_is_asked_for(api):
    plain, pretty = api.get(""), api.get("", headers={"X-PrettyPrint": "1"})

    assert '":"' in plain.text
    assert '" : "' in pretty.text
    assert plain.json() == pretty.json()


def test_bodies_are_gzipped_both_ways(api):
    body = gzip.compress(json.dumps({"Name": "Packed"}).encode())

    made = api.call(
        "POST",
        "sobjects/Account",
        data=body,
        headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
    )
    packed = api.get("sobjects", headers={"Accept-Encoding": "gzip"})
    plain = api.get("sobjects", headers={"Accept-Encoding": "identity"})

    assert made.status_code == 201
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.json() == plain.json()


def test_a_method_in_the_query_string_overrides_post(api):
    record_id = api.post("sobjects/Account", {"Name": "Before"}).json()["id"]

    answer = api.post(f"sobjects/Account/{record_id}?_HttpMethod=PATCH", {"Name": "After"})

    assert answer.status_code == 204
    assert api.records("SELECT Name FROM Account")[0]["Name"] == "After"


def test_head_answers_like_get_without_a_body(api):
    answer = api.call("HEAD", "limits")

    assert (answer.status_code, answer.content) == (200, b"")


def test_describes_are_conditional(api):
    first = api.get("sobjects/Account/describe")

    by_date = api.get(
        "sobjects/Account/describe",
        headers={"If-Modified-Since": first.headers["Last-Modified"]},
    )
    by_tag = api.get("sobjects/Account/describe", headers={"If-None-Match": first.headers["ETag"]})
    older = api.get(
        "sobjects/Account/describe",
        headers={"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
    )

    assert (by_date.status_code, by_date.content) == (304, b"")
    assert by_date.headers["ETag"] == first.headers["ETag"]
    assert by_tag.status_code == 304
    assert older.status_code == 200
