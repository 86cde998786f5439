"""What a user reads when something is wrong, and whether Dagster tries again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from assets.specs import ObjectSpec
from tests.assets.conftest import Harbour, daily, days

ACCOUNT = ObjectSpec("Account", ("Name",), partitions=daily())


def jobs_and_queries(harbour: Harbour) -> list[str]:
    paths = [request["path"] for request in harbour.org.requests_since()]
    return [path for path in paths if "/query" in path]


def failure_metadata(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    [event] = [e for e in result.all_events if e.is_step_failure]
    data = event.step_failure_data.user_failure_data
    return {name: value.value for name, value in data.metadata.items()}


def test_fields_that_the_user_cannot_see_are_named_before_the_first_query(harbour: Harbour):
    spec = replace(ACCOUNT, fields=("Name", "AnualRevenue", "Secret__c"))

    with pytest.raises(dg.Failure) as failure:
        harbour.run(spec, days(2))

    said = failure.value.description
    assert "AnualRevenue (did you mean AnnualRevenue?)" in said
    assert "Secret__c" in said
    assert "field-level security" in said
    assert jobs_and_queries(harbour) == []


def test_an_unknown_object_is_named_with_its_nearest_spelling(harbour: Harbour):
    with pytest.raises(dg.Failure, match=r"no object Acount .*Did you mean Account\?"):
        harbour.run(replace(ACCOUNT, name="Acount"), days(2))


def test_a_file_field_asked_for_by_name_is_refused(harbour: Harbour):
    with pytest.raises(dg.Failure, match=r"Attachment\.Body is of type base64"):
        harbour.run(ObjectSpec("Attachment", ("Body",)))


def test_windows_on_an_object_without_modstamp_are_refused(harbour: Harbour):
    with pytest.raises(dg.Failure, match="AccountHistory has no SystemModstamp"):
        harbour.run(ObjectSpec("AccountHistory", ("Field",), partitions=daily()), days(2))


def test_a_broken_where_fails_with_salesforces_own_words(harbour: Harbour):
    with pytest.raises(dg.Failure, match="MALFORMED_QUERY"):
        harbour.run(replace(ACCOUNT, where="Name ="), days(2))


def test_over_budget_is_deferred_with_a_time_and_not_retried(harbour: Harbour):
    harbour.reserve = 14_990
    harbour.__post_init__()
    harbour.org.faults.add({"limits": {"DailyApiRequests": 100}}, times=1000)

    result = harbour.run(ACCOUNT, days(2), raise_on_error=False)

    assert not result.success
    said = failure_metadata(result)
    assert said["tidegate/status"] == "deferred"
    run = harbour.instance.get_run_by_id(result.run_id)
    not_before = datetime.fromisoformat(run.tags["tidegate/not_before"])
    assert (
        datetime.now(UTC) - timedelta(hours=1) < not_before < datetime.now(UTC) + timedelta(hours=2)
    )


def test_a_job_that_fails_is_submitted_again(harbour: Harbour):
    harbour.org.faults.add({"job": "fail"}, times=1)
    harbour.org.change("Account", create=[{"Name": "A"}], modstamp=f"{days(5)}T10:00:00Z")

    result = harbour.run(ACCOUNT, days(5), raise_on_error=False)

    retries = [e for e in result.all_events if e.is_step_up_for_retry]
    assert len(retries) == 1
    assert harbour.rows("account", "name") == [("A",)]
