"""A change in the org reaches the warehouse by Dagster's own daemon, with nothing else running."""

import time
from contextlib import suppress
from pathlib import Path

import dagster as dg
import duckdb
import psutil
import pytest

from tests.emulator_process import Org
from tests.pipelines.command import Command
from tests.pipelines.dagster_service import running_service, wait_for

SENSOR = {
    "repositoryName": "__repository__",
    "repositoryLocationName": "tidegate",
    "sensorName": "crm_events_sensor",
}
TICKS = """
query ($sensor: SensorSelector!) {
  sensorOrError(sensorSelector: $sensor) {
    ... on Sensor { sensorState { ticks(limit: 3) { status skipReason error { message } } } }
  }
}"""


def names(warehouse: Path) -> list[str]:
    """Accounts in the warehouse; none while it isn't there, or somebody else has it open."""
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            return [
                row[0]
                for row in connection.execute(
                    "SELECT name FROM salesforce.account ORDER BY name"
                ).fetchall()
            ]
    except duckdb.Error:
        return []


def is_at_work(command: Command) -> bool:
    """Whether a process works on a run now."""
    with dg.DagsterInstance.from_config(str(command.folder / "dagster")) as instance:
        return any(
            "Executing steps in process" in entry.message
            for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
            for entry in instance.all_logs(run.run_id)
        )


def is_idle(command: Command) -> bool:
    """Whether every run has ended."""
    with dg.DagsterInstance.from_config(str(command.folder / "dagster")) as instance:
        return all(run.is_finished for run in instance.get_runs())


def kill_with_children(pid: int) -> None:
    """As when a machine loses its power: Dagster's processes have groups of their own."""
    process = psutil.Process(pid)
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            one.kill()


def failures(command: Command) -> list[str]:
    """What runs that failed end with."""
    with dg.DagsterInstance.from_config(str(command.folder / "dagster")) as instance:
        failed = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
        return [list(instance.all_logs(run.run_id))[-1].message for run in failed]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_change_reaches_the_warehouse_through_the_sensor(
    org: Org, tmp_path: Path, record_property
):
    org.control("PUT", "cdc", {"objects": ["Account", "Contact", "Order__c"]})
    command = Command(org, tmp_path)
    took_s = []
    with running_service(command) as service:
        for number in range(3):
            wanted = [f"Account {n}" for n in range(number + 1)]
            org.create("Account", {"Name": wanted[-1]})
            begun_s = time.monotonic()
            wait_for(
                lambda wanted=wanted: names(command.folder / "warehouse.duckdb") == wanted,
                120,
                "row",
            )
            took_s.append(time.monotonic() - begun_s)
        ticks = service.graphql(TICKS, sensor=SENSOR)["sensorOrError"]["sensorState"]["ticks"]

    record_property("seconds from commit to visible", took_s)
    print("seconds from commit to visible", took_s)
    assert not any(tick["error"] for tick in ticks), ticks


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_run_that_was_killed_with_its_daemon_is_ended_by_the_next_command(
    org: Org, tmp_path: Path
):
    org.control("PUT", "cdc", {"objects": ["Account", "Contact", "Order__c"]})
    command = Command(org, tmp_path)
    warehouse = command.folder / "warehouse.duckdb"
    with running_service(command) as service:
        org.create("Account", {"Name": "A"})
        wait_for(lambda: names(warehouse) == ["A"] and is_idle(command), 120, "row")
        with duckdb.connect(str(warehouse)):  # so that the run has to wait
            org.create("Account", {"Name": "B"})
            wait_for(lambda: is_at_work(command), 120, "run")
            kill_with_children(service.process.pid)
    assert failures(command) == []

    assert command.run("setup").returncode == 0

    assert failures(command) == ["The process that worked on this run has died."]
