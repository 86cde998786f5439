"""A command that was killed leaves a run that nobody works on: the next night asks for it again."""

from datetime import UTC, datetime
from pathlib import Path
from random import Random

import dagster as dg
import pytest

from assets.specs import ObjectSpec, PartitionSpec, SyncSpec
from pipelines.schedules.nightly import nightly_schedule
from resources.salesforce.resource import ClientCredentialsLogin, SalesforceResource
from tests.emulator_process import Org
from tests.end_to_end.killing import KilledSync
from tests.end_to_end.test_kills import START, checkout_of

SYNC = SyncSpec("crm", "salesforce")
ACCOUNT = ObjectSpec("Account", ("Name",), partitions=PartitionSpec("day", START))


@pytest.mark.slow
def test_a_night_asks_for_the_windows_of_a_command_that_was_killed(org: Org, tmp_path: Path):
    checkout = checkout_of(tmp_path / "copy", org, "Account", ["Name"])
    org.change("Account", create=[{"Name": "A"}], modstamp=f"{START}T10:00:00Z")
    org.faults.add({"delay_s": 5}, times=10, path="*/results")
    sync = KilledSync(checkout, org, ("crm",), Random(4))
    sync.kill_when(sync.has("job.json"), "the job's id")
    login = ClientCredentialsLogin(client_id=org.client_id, client_secret=org.client_secret)

    with dg.DagsterInstance.from_config(str(checkout.root / ".tidegate/dagster")) as instance:
        [before] = instance.get_runs()
        with dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=datetime.now(UTC),
            resources={"org_salesforce": SalesforceResource(login_url=org.url, auth=login)},
        ) as context:
            tick = nightly_schedule(SYNC, [ACCOUNT], "0 2 * * *", "UTC").evaluate_tick(context)
        [after] = instance.get_runs()

    assert (before.status, after.status) == (
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.FAILURE,
    )
    [request] = tick.run_requests
    assert request.tags["dagster/asset_partition_range_start"] == str(START)
