"""A million rows of twenty fields through `python -m pipelines sync`: how much memory it takes."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import psutil
import pytest

from tests.emulator_process import running_org
from tests.end_to_end.checkout import Checkout
from tests.end_to_end.test_kills import checkout_of

ROWS = 1_000_000
MOST_MB = 700
# With Id, twenty. They are those of docs/performance.md.
FIELDS = [
    *("Name", "Type", "Industry", "AnnualRevenue", "NumberOfEmployees", "Phone", "Website"),
    *("Description", "Rating", "BillingStreet", "BillingCity", "BillingState"),
    *("BillingPostalCode", "BillingCountry", "AccountSource", "ERP_Id__c", "OwnerId"),
    *("CreatedDate", "LastModifiedDate"),
]
STAGES = {"extract": "extract", "transform": "transform", "salesforce": "table"}
LOOK_EVERY_S = 0.05


def peak_mb(pid: int) -> float:
    """Most resident memory that the process and its children had together, until it ends.

    Pages that processes share count for each of them, so this is rather too much.
    """
    peak = 0
    try:
        process = psutil.Process(pid)
        while process.status() != psutil.STATUS_ZOMBIE:
            tree = [process, *process.children(recursive=True)]
            peak = max(peak, sum(_resident_bytes(one) for one in tree))
            time.sleep(LOOK_EVERY_S)
    except psutil.NoSuchProcess:
        pass
    return peak / 1e6


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def seconds_by_stage(checkout: Checkout) -> dict[str, float]:
    """From Dagster's history: from one stage's materialization to the next one's."""
    with dg.DagsterInstance.from_config(str(checkout.root / ".tidegate/dagster")) as instance:
        [run] = instance.get_runs()
        events = instance.all_logs(run.run_id)
    times: dict[str, float] = {}
    [last] = [e.timestamp for e in events if _is(e, dg.DagsterEventType.STEP_START)]
    for entry in events:
        if _is(entry, dg.DagsterEventType.ASSET_MATERIALIZATION):
            stage = STAGES[entry.dagster_event.asset_key.path[0]]
            if stage not in times:
                times[stage], last = round(entry.timestamp - last, 1), entry.timestamp
    return times


def _is(entry: dg.EventLogEntry, kind: dg.DagsterEventType) -> bool:
    return entry.dagster_event is not None and entry.dagster_event.event_type == kind


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_million_rows_of_twenty_fields_take_less_than_700_megabytes(
    tmp_path: Path, record_property
):
    two_days_ago = f"{datetime.now(UTC).date() - timedelta(days=2)}T00:00:00Z"
    arguments = ["--seed", "empty", "--rows", f"Account={ROWS}", "--clock", two_days_ago]
    with running_org(*arguments) as org:
        org.set_clock(datetime.now(UTC).isoformat())
        checkout = checkout_of(tmp_path / "copy", org, "Account", FIELDS)

        sync = checkout.start("-m", "pipelines", "sync", "crm", org=org)
        peak = peak_mb(sync.pid)
        assert sync.wait(timeout=500) == 0

    seconds = seconds_by_stage(checkout)
    record_property("states", f"peak of the process tree {peak:.0f} MB, seconds {seconds}")
    with duckdb.connect(str(checkout.warehouse), read_only=True) as warehouse:
        [counts] = warehouse.execute(
            "SELECT count(*), count(DISTINCT id) FROM salesforce.account"
        ).fetchall()
    assert counts == (ROWS, ROWS)
    assert set(seconds) == {"extract", "transform", "table"}
    assert peak < MOST_MB
