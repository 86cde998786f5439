"""`python -m pipelines sync`, from a shell to the warehouse."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from tests.emulator_process import Org
from tests.pipelines.command import Command

pytestmark = pytest.mark.slow


@pytest.fixture
def command(org: Org, tmp_path: Path) -> Command:
    return Command(org, tmp_path)


def yesterday() -> str:
    return (datetime.now(UTC) - timedelta(days=1)).date().isoformat()


def test_windows_of_a_day_are_run_and_seen_in_dagsters_history(command: Command):
    command.org.change("Account", create=[{"Name": "Nereid"}], modstamp=f"{yesterday()}T10:00:00Z")

    code, said = command.json("sync", "crm", "--object", "Account", "--from", yesterday())

    [run] = said["runs"]
    assert (code, said["status"]) == (0, "done")
    assert run["range"] == yesterday()
    assert run["objects"][0]["numbers"]["inserted"] == 1
    with dg.DagsterInstance.from_config(str(command.folder / "dagster")) as instance:
        kept = instance.get_run_by_id(run["run_id"])
    assert kept.status == dg.DagsterRunStatus.SUCCESS
    assert kept.remote_job_origin.location_name == "tidegate"
    with duckdb.connect(str(command.folder / "warehouse.duckdb"), read_only=True) as warehouse:
        rows = warehouse.execute("SELECT name FROM salesforce.account").fetchall()
    assert rows == [("Nereid",)]


def test_without_dates_what_is_missing_is_run_and_then_nothing(command: Command):
    first = command.run("sync", "--object", "Account", "--json")
    second = command.run("sync", "--object", "Account")

    assert first.returncode == 0, first.stderr
    assert second.returncode == 0
    assert "Nothing to do: every window is there." in second.stdout


def test_a_failure_ends_with_one_and_its_cause(command: Command):
    command.org.faults.answer(
        400,
        [{"message": "No such column 'X'", "errorCode": "INVALID_FIELD"}],
        times=50,
        path="*/query*",
    )

    done = command.run("sync", "--object", "Account", "--from", yesterday())

    assert done.returncode == 1
    assert "Account failed: " in done.stderr
    assert "INVALID_FIELD" in done.stderr


def test_over_budget_ends_with_three(command: Command):
    command.org.faults.add({"limits": {"DailyApiRequests": 50}}, times=500)

    code, said = command.json("sync", "--object", "Account", "--from", yesterday())

    assert (code, said["status"]) == (3, "deferred")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["crn"], "There is no sync crn; there are crm. Did you mean crm?"),
        (["--object", "Acount"], "Did you mean Account?"),
        (["--from", "2199-01-01"], "No window that is over holds 2199-01-01"),
        (["--full", "--from", "2026-09-01"], "--full means all windows"),
        (["--from", "yesterday"], "yesterday"),
    ],
)
def test_bad_usage_ends_with_two(command: Command, arguments: list[str], problem: str):
    done = command.run("sync", *arguments)

    assert done.returncode == 2
    assert problem in " ".join(done.stderr.split())
    assert done.stdout == ""


def test_setup_stores_the_limits_of_the_pools(command: Command):
    done = command.run("setup")

    assert done.returncode == 0, done.stderr
    with dg.DagsterInstance.from_config(str(command.folder / "dagster")) as instance:
        [limit] = instance.event_log_storage.get_pool_limits()
    assert (limit.name, limit.limit, limit.from_default) == ("salesforce_salesforce", 4, False)
    assert os.path.exists(command.folder / "dagster" / "dagster.yaml")
