"""The controls under /_emulator, as the contract names them."""

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emulator.api import Api


def refused(org, method, path, body):
    answer = requests.request(method, f"{org.url}/_emulator/{path}", json=body, timeout=30)
    return answer.status_code, answer.json()["error"]


def test_the_clock_ticks_is_set_and_advanced(org):
    org.set_clock("2026-03-01T12:00:00Z")
    first = org.now()
    org.advance(3600)

    assert first.startswith("2026-03-01T12:00:0")
    assert org.now().startswith("2026-03-01T13:00:0")


def test_changes_of_every_kind_are_one_transaction(org):
    a, b, c, d = org.create("Account", count=4)
    org.change("Account", delete=[c])

    ids = org.change(
        "Account",
        create=[{"Name": "New"}],
        update=[{"Id": a, "Name": "Changed"}],
        delete=[b],
        undelete=[c],
        purge=[d],
    )

    rows = {row["Id"]: row for row in org.rows("Account", "Id", "Name", "IsDeleted", deleted=True)}
    assert ids[1:] == [a, b, c, d]
    assert rows[ids[0]]["Name"] == "New"
    assert rows[a]["Name"] == "Changed"
    assert [rows[one]["IsDeleted"] for one in (a, b, c)] == [False, True, False]
    assert d not in rows


def test_purging_a_row_purges_its_details(org):
    (account,) = org.create("Account", {"Name": "x"})
    org.create("Contact", {"LastName": "y", "AccountId": account})

    org.change("Account", purge=[account])

    assert org.rows("Contact", "Id", deleted=True) == []


def test_rows_of_an_object_without_a_described_prefix_can_be_made(org):
    (account,) = org.create("Account", {"Name": "x"})

    ids = org.create("AccountHistory", *[{"AccountId": account, "Field": "Name"}] * 2)

    described = Api(org).get("sobjects/AccountHistory/describe").json()
    assert described["keyPrefix"] is None
    assert [one[:3] for one in ids] == ["017", "017"]
    assert org.ids("AccountHistory") == sorted(ids)


def test_a_refused_row_refuses_the_whole_transaction(org):
    (account,) = org.create("Account", {"Name": "Before"})

    status, error = refused(
        org,
        "POST",
        "records/Account",
        {"create": [{"Name": "x"}, {"Nope": 1}], "update": [{"Id": account, "Name": "After"}]},
    )

    assert status == 400
    assert "No such column 'Nope'" in error
    assert [row["Name"] for row in org.rows("Account", "Name")] == ["Before"]


def test_a_modstamp_stamps_the_row_and_its_creation(org):
    (account,) = org.change("Account", create=[{"Name": "x"}], modstamp="2026-01-02T03:04:05.678Z")
    org.change("Account", update=[{"Id": account, "Phone": "1"}], modstamp="2026-01-03T00:00:00Z")

    (row,) = org.rows("Account", "CreatedDate", "LastModifiedDate", "SystemModstamp")
    assert row == {
        "CreatedDate": "2026-01-02T03:04:05.000+0000",
        "LastModifiedDate": "2026-01-03T00:00:00.000+0000",
        "SystemModstamp": "2026-01-03T00:00:00.000+0000",
    }


def test_controls_may_set_what_the_api_can_not(org):
    org.create("Account", {"Name": "x", "LastActivityDate": "2026-01-01"})

    assert org.rows("Account", "LastActivityDate") == [{"LastActivityDate": "2026-01-01"}]


def test_a_late_commit_appears_with_its_first_stamp_when_the_clock_has_passed(api):
    api.org.set_clock("2026-03-01T12:00:00Z")
    (late,) = api.org.change("Account", create=[{"Name": "Late"}], commit_after_s=600)
    before = api.records("SELECT Id FROM Account")

    api.org.advance(601)

    (row,) = api.records("SELECT Id, SystemModstamp FROM Account")
    assert before == []
    assert row["Id"] == late
    assert row["SystemModstamp"].startswith("2026-03-01T12:00:0")


def test_a_late_commit_appears_by_the_passing_of_time_alone(api):
    api.org.change("Account", create=[{"Name": "Late"}], commit_after_s=0.3)

    while not api.records("SELECT Id FROM Account"):
        continue

    assert len(api.org.ids("Account")) == 1


def test_a_row_held_by_a_late_commit_is_locked_for_the_api(api):
    (account,) = api.org.create("Account", {"Name": "x"})
    api.org.change("Account", update=[{"Id": account, "Name": "late"}], commit_after_s=600)

    answer = api.patch(f"sobjects/Account/{account}", {"Name": "mine"})

    assert answer.json()[0]["errorCode"] == "UNABLE_TO_LOCK_ROW"


def test_a_control_waits_for_a_late_commit_so_that_stamps_never_go_back(org):
    (account,) = org.create("Account", {"Name": "x"})
    org.change("Account", update=[{"Id": account, "Name": "late"}], commit_after_s=600)
    org.change("Account", update=[{"Id": account, "Phone": "1"}])
    org.advance(601)

    assert org.rows("Account", "Name", "Phone") == [{"Name": "late", "Phone": "1"}]


def test_the_truth_holds_formulas_and_deleted_rows(org):
    (order,) = org.create("Order__c", {"Amount__c": 100, "Tax_Rate__c": 20, "Tags__c": None})
    org.change("Order__c", delete=[order])

    alive = org.rows("Order__c", "Id")
    (row,) = org.rows("Order__c", "Id", "Amount_With_Tax__c", deleted=True)

    assert alive == []
    assert row == {"Id": order, "Amount_With_Tax__c": 120.0}


def test_the_truth_and_a_query_agree_on_every_field(org):
    org.change(
        "Opportunity",
        create=[
            {
                "Name": 'Öl, "Gas" & Koks',
                "StageName": "Prospecting",
                "CloseDate": "2026-02-28",
                "Amount": 1234.56,
                "Description": "two\nlines",
            }
        ],
    )
    api = Api(org)
    (truth,) = org.rows("Opportunity")

    (record,) = api.records(f"SELECT {', '.join(truth)} FROM Opportunity")

    del record["attributes"]
    assert record == truth


def test_requests_are_logged_without_secrets(api):
    api.query("SELECT Id FROM Account WHERE Name = 'a b'")

    log = api.org.requests_since()

    assert [(e["method"], e["path"], e["status"], e["api_calls"]) for e in log] == [
        ("POST", "/services/oauth2/token", 200, 0),
        ("GET", "/services/data/v66.0/query", 200, 1),
    ]
    assert log[1]["query"] == "q=SELECT Id FROM Account WHERE Name = 'a b'"
    assert log[1]["bytes"] > 0
    assert api.login["access_token"] not in str(log)
    assert api.org.client_secret not in str(log)
    assert api.org.requests_since(log[0]["n"]) == log[1:]


def test_objects_for_change_events_are_chosen(org):
    assert org.control("GET", "cdc") == {"objects": []}
    assert org.control("PUT", "cdc", {"objects": ["Account"]}) == {"objects": ["Account"]}
    assert refused(org, "PUT", "cdc", {"objects": ["Nothing"]})[0] == 404


def test_a_reset_leaves_nothing_behind(api):
    api.org.create("Account", count=3)
    api.finished_job("SELECT Id FROM Account")
    api.org.faults.answer(500, [])
    api.org.advance(86_400)
    api.org.control("PUT", "auth", {"rotate_refresh_tokens": True})

    api.org.reset()

    assert api.org.ids("Account") == []
    assert api.org.control("GET", "faults") == {"faults": []}
    assert api.org.control("GET", "auth")["rotate_refresh_tokens"] is False
    assert api.get("limits").status_code == 401
    fresh = Api(api.org)
    assert fresh.get("limits").headers["Sforce-Limit-Info"] == "api-usage=1/15000"
    assert fresh.get("jobs/query").json()["records"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "clock", {"now": "soon"}),
        ("PUT", "clock", {"time": "2026-01-01T00:00:00Z"}),
        ("POST", "clock/advance", {"seconds": "1"}),
        ("POST", "records/Account", {"insert": []}),
        ("POST", "records/Account", {"create": {}}),
        ("POST", "records/Nothing", {"create": []}),
        ("POST", "records/Account", {"update": [{"Name": "x"}]}),
        ("POST", "records/Account", {"undelete": ["001Td0000000001"]}),
        ("POST", "reset", {"seed": "weeds"}),
        ("GET", "records/Account?fields=Nope", None),
        ("GET", "requests?since=x", None),
        ("GET", "nothing", None),
    ],
)
def test_a_wrong_request_to_a_control_is_told_what_is_wrong(org, method, path, body):
    status, error = refused(org, method, path, body)

    assert status in (400, 404)
    assert error


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(names=st.lists(NAMES, min_size=1, max_size=8), page_rows=st.integers(1, 5))
def test_the_truth_rest_and_bulk_tell_the_same_texts(org, names, page_rows):
    org.reset()
    api = Api(org)
    org.create("Account", *({"Name": name} for name in names))

    truth = [row["Name"] for row in org.rows("Account", "Name")]
    rest = [row["Name"] for row in api.records("SELECT Name FROM Account ORDER BY Id")]
    bulk = api.bulk_rows("SELECT Name FROM Account ORDER BY Id", page_rows=page_rows)

    assert truth == rest == [row["Name"] for row in bulk] == names
