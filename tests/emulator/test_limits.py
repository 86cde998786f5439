"""Allowances and record counts [nango] [cci] [rest guide]."""

from tests.emulator.api import Api, error_of


def test_limits_name_what_is_left_of_each_allowance(api):
    limits = api.get("limits").json()

    assert limits["DailyApiRequests"] == {"Max": 15000, "Remaining": 14999}
    assert limits["DailyBulkV2QueryJobs"] == {"Max": 10000, "Remaining": 10000}
    assert "Max" in limits["PermissionSets"]["CreateCustom"]
    assert len(limits) > 45


def test_an_allowance_has_another_name_before_version_49(org):
    assert "DailyBulkApiRequests" in Api(org, "48.0").get("limits").json()
    assert "DailyBulkApiBatches" in Api(org, "49.0").get("limits").json()


def test_a_query_job_uses_the_allowance_for_jobs(api):
    api.finished_job("SELECT Id FROM Account")

    assert api.get("limits").json()["DailyBulkV2QueryJobs"]["Remaining"] == 9999


def test_used_calls_come_back_after_24_hours_of_the_orgs_clock(api):
    api.get("limits")
    api.org.advance(23 * 3600)
    within = api.get("limits").headers["Sforce-Limit-Info"]
    api.org.advance(2 * 3600)
    after = api.get("limits").headers["Sforce-Limit-Info"]

    assert (within, after) == ("api-usage=2/15000", "api-usage=2/15000")
    api.org.advance(25 * 3600)
    assert api.get("limits").headers["Sforce-Limit-Info"] == "api-usage=1/15000"


def test_without_calls_left_everything_is_refused(api):
    api.org.faults.add({"limits": {"DailyApiRequests": 2}})

    answers = [api.get("sobjects/Account") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert answers[0].headers["Sforce-Limit-Info"] == "api-usage=14999/15000"
    assert answers[2].json() == [
        {"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}
    ]


def test_without_jobs_left_a_job_is_refused(api):
    api.org.faults.add({"limits": {"DailyBulkV2QueryJobs": 0}})

    answer = api.post("jobs/query", {"operation": "query", "query": "SELECT Id FROM Account"})

    assert error_of(answer) == (400, "LIMIT_EXCEEDED")


def test_record_counts_leave_out_objects_without_rows(api):
    api.org.create("Account", count=3)

    answer = api.get("limits/recordCount", params={"sObjects": "Account,Contact"})

    assert answer.json() == {"sObjects": [{"count": 3, "name": "Account"}]}


def test_a_record_count_of_an_unknown_object_is_not_found(api):
    answer = api.get("limits/recordCount", params={"sObjects": "Nothing"})

    assert error_of(answer) == (404, "NOT_FOUND")
