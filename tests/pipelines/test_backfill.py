"""A backfill as the UI starts it: through Dagster's GraphQL API, by its daemon."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.emulator_process import Org
from tests.pipelines.command import Command
from tests.pipelines.dagster_service import running_service, wait_for

START = date(2026, 9, 1)
TWELVE = [str(START + timedelta(days=n)) for n in range(12)]
STAGES = [
    ["extract", "salesforce", "account"],
    ["transform", "salesforce", "account"],
    ["salesforce", "account"],
]

LAUNCH = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""
STATUS = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { status numPartitions error { message } }
  }
}"""
PARTITIONS = """
query ($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode { partitionStats { numMaterialized numFailed } }
  }
}"""


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_backfill_of_twelve_windows_is_one_query_and_twelve_green_partitions(
    org: Org, tmp_path: Path
):
    command = Command(org, tmp_path)
    org.change("Account", create=[{"Name": "A"}], modstamp="2026-09-03T10:00:00Z")

    with running_service(command) as service:
        launched = service.graphql(
            LAUNCH,
            params={"assetSelection": [{"path": p} for p in STAGES], "partitionNames": TWELVE},
        )["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched

        def ended():
            found = service.graphql(STATUS, id=launched["backfillId"])["partitionBackfillOrError"]
            return found if found["status"].startswith(("COMPLETED", "FAILED")) else None

        backfill = wait_for(ended, 200, "end of the backfill")
        nodes = [
            service.graphql(PARTITIONS, key={"path": path})["assetNodeOrError"] for path in STAGES
        ]

    assert backfill["status"] == "COMPLETED_SUCCESS", backfill
    stats = [node["partitionStats"] for node in nodes]
    assert stats == [{"numMaterialized": 12, "numFailed": 0}] * len(STAGES)
    jobs = [
        request
        for request in org.requests_since()
        if request["method"] == "POST" and request["path"].endswith("/jobs/query")
    ]
    assert len(jobs) == 1
