"""Platform events start runs that Dagster's own daemon works on, with nothing else running."""

from pathlib import Path

import dagster as dg
import duckdb
import pytest

from pipelines.defs.erp.tables import write_table
from tests.assets.platform_events import Publisher
from tests.emulator_process import Org
from tests.pipelines.command import Command
from tests.pipelines.dagster_service import running_service, wait_for

JOB = dg.RunsFilter(job_name="erp_orders_load")


def orders_of_events(warehouse: Path) -> list[tuple[str, str]]:
    """Rows of the table; none while it isn't there, or somebody else has it open."""
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            return connection.execute(
                "SELECT order_id_c, action_c FROM salesforce.order_events ORDER BY 1"
            ).fetchall()
    except duckdb.Error:
        return []


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_events_become_rows_and_each_that_matches_one_finished_run(org: Org, tmp_path: Path):
    command = Command(org, tmp_path)
    warehouse = tmp_path / "warehouse.duckdb"
    write_table(warehouse)
    publisher = Publisher(org)
    for order, action in (("1", "CREATED"), ("2", "PAID"), ("3", "CREATED")):
        publisher.publish(order, action)

    with (
        running_service(command),
        dg.DagsterInstance.from_config(str(tmp_path / "dagster")) as instance,
    ):

        def ended() -> list[dg.DagsterRun]:
            runs = instance.get_runs(JOB)
            return runs if len(runs) == 2 and all(run.is_finished for run in runs) else []

        runs = wait_for(ended, 200, "two finished runs")
        rows = wait_for(lambda: orders_of_events(warehouse), 120, "rows")
        spans = sorted((r.start_time, r.end_time) for r in instance.get_run_records(JOB))

    assert rows == [("1", "CREATED"), ("2", "PAID"), ("3", "CREATED")]
    assert {run.tags["tidegate.event/Order_Id__c"] for run in runs} == {"1", "3"}
    assert {run.tags["tidegate/load"] for run in runs} == {"erp_orders"}
    # A load refuses to work twice at once; the queue has waited for the first run.
    assert spans[0][1] <= spans[1][0]
