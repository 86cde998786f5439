"""A change in the org reaches the warehouse by Dagster's own daemon, with nothing else running."""

import time
from pathlib import Path

import duckdb
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
