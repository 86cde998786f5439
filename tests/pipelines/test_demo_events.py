"""The demo's last act: a change in the org arrives through the sensor, or it says why not."""

import io
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import RemoteInstigatorOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    SensorInstigatorData,
    SensorType,
)
from rich.console import Console

from pipelines import report
from pipelines.demo import demo_environment
from pipelines.demo_events import follow_changes
from pipelines.demo_sensor import SENSOR, switched_on
from pipelines.emulator_process import Emulator
from pipelines.instance import open_instance
from pipelines.project import Project
from tests.emulator_process import Org

FOLLOWED = ["Account", "Contact", "Order__c"]


@pytest.fixture
def emulator(org: Org, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An org that has something to change, in the environment of a demo."""
    org.control("PUT", "cdc", {"objects": FOLLOWED})
    org.create("Account", {"Name": "Acme"})
    org.create("Order__c", {"Status__c": "Draft"})
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    emulator = Emulator(org.url, org.org_id, org.ready["pubsub"])
    with demo_environment(emulator, tmp_path):
        yield emulator


def follow(emulator: Emulator, folder: Path) -> tuple[int, str]:
    """The exit code, and all that was said."""
    said = io.StringIO()
    console = Console(file=said, width=500)
    with open_instance() as instance:
        code = follow_changes(console, console, emulator, folder, instance)
        unfinished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
        assert instance.get_runs(unfinished) == []
    return code, said.getvalue()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_changes_arrive_through_the_sensor(emulator: Emulator, tmp_path: Path):
    code, said = follow(emulator, tmp_path)

    assert code == report.DONE, said
    for name in FOLLOWED:
        assert f"\n{name}" in said
    assert "by 5 events" in said


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_object_whose_changes_nobody_tells_is_named(
    emulator: Emulator, org: Org, tmp_path: Path
):
    org.control("PUT", "cdc", {"objects": ["Account", "Order__c"]})

    code, said = follow(emulator, tmp_path)

    assert code == report.FAILED
    assert "The warehouse misses the change of Contact." in said
    assert "/data/ContactChangeEvent" in said


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_org_that_tells_nothing_ends_the_wait(emulator: Emulator, org: Org, tmp_path: Path):
    org.faults.add({"event": "silence"}, times=1_000, method="Subscribe")

    code, said = follow(emulator, tmp_path)

    assert code == report.FAILED
    assert "The warehouse misses the change of Account, Contact, Order__c." in said
    assert f"{SENSOR} has looked, and says: " in said


def test_a_sensor_that_was_switched_off_is_on_for_the_demo_only():
    origin = RemoteInstigatorOrigin(Project().job_origin().repository_origin, SENSOR)
    data = SensorInstigatorData(sensor_type=SensorType.STANDARD)
    off = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.STOPPED, data)
    with dg.DagsterInstance.local_temp() as instance:
        instance.add_instigator_state(off)

        def status() -> InstigatorStatus:
            [state] = instance.all_instigator_state()
            return state.status

        with switched_on(instance):
            assert status() == InstigatorStatus.RUNNING
        assert status() == InstigatorStatus.STOPPED
