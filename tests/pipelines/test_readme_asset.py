"""The asset that README.md shows, as a user would write it into `pipelines/defs`."""

import re

import dagster as dg
import pytest

from tests.emulator.api import Api
from tests.emulator.event_stream import EventBus
from tests.emulator_process import CHECKOUT, Org
from tests.pipelines.conftest import DefsFolder

CHANNEL = "/event/Order_Event__e"


@pytest.fixture
def order_events(org: Org, defs_folder: DefsFolder, monkeypatch: pytest.MonkeyPatch):
    """Materializes the asset of the page in a project whose connection is the org."""
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    [code] = re.findall(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    defs_folder.write_file("order_events", "assets.py", code)
    for name, value in org.environment().items():
        monkeypatch.setenv(name, value)

    def materialize() -> dg.ExecuteInProcessResult:
        with defs_folder.load() as defs:
            job = defs.resolve_implicit_global_asset_job_def()
            return job.execute_in_process(
                asset_selection=[dg.AssetKey("order_events")], raise_on_error=False
            )

    return materialize


def test_the_asset_publishes_its_rows(org: Org, order_events):
    result = order_events()

    assert result.success
    [made] = result.get_asset_materialization_events()
    assert made.materialization.metadata["events"].value == 2
    events = EventBus(Api(org)).events(CHANNEL, 2)
    assert [(e["Order_Id__c"], e["Action__c"], e["Payload__c"]) for e in events] == [
        ("A-1001", "CREATED", None),
        ("A-1002", None, None),
    ]


def test_the_asset_fails_with_a_count_when_the_org_refuses_events(org: Org, order_events):
    org.faults.add({"limits": {"HourlyPublishedPlatformEvents": 1}})

    result = order_events()

    [failed] = [event for event in result.all_events if event.is_step_failure]
    said = failed.step_failure_data.user_failure_data.description
    assert said.startswith("1 of 2 events: PUBLISH: The number of platform event messages")
