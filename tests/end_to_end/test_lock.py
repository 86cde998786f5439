"""Another process that has the warehouse file open delays a sync, and doesn't fail it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from tests.emulator_process import Org, end_process_group
from tests.end_to_end.checkout import Checkout
from tests.end_to_end.test_kills import START, checkout_of, rows_of, table_of

HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reading")
print(connection.sql("SELECT count(*) FROM salesforce.account").fetchall(), flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(checkout: Checkout, purpose: str) -> Iterator[int]:
    """A process that has the warehouse open within the block; its id."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(checkout.warehouse), purpose],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "[(1,)]\n"
        yield process.pid
    finally:
        end_process_group(process)
        assert process.stdin is not None
        process.stdin.close()


def messages(checkout: Checkout) -> list[str]:
    """What the newest run has said in Dagster's log."""
    with dg.DagsterInstance.from_config(str(checkout.root / ".tidegate/dagster")) as instance:
        runs = instance.get_runs(limit=1)
        return [entry.user_message for run in runs for entry in instance.all_logs(run.run_id)]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("purpose", ["reading", "writing"])
def test_a_sync_waits_for_whoever_has_the_warehouse_open(org: Org, tmp_path: Path, purpose: str):
    checkout = checkout_of(tmp_path / "copy", org, "Account", ["Name"])
    org.change("Account", create=[{"Name": "A"}], modstamp=f"{START}T10:00:00Z")
    day = str(START + timedelta(days=1))
    first = ["crm", "--from", str(START), "--to", str(START)]
    assert checkout.run("-m", "pipelines", "sync", *first, org=org).returncode == 0
    org.change("Account", create=[{"Name": "B"}], modstamp=f"{day}T10:00:00Z")

    with holder(checkout, purpose) as pid:
        second = ["crm", "--from", day, "--to", day]
        terminal = tmp_path / "terminal.txt"
        sync = checkout.start("-m", "pipelines", "sync", *second, org=org, log=terminal)
        deadline = time.monotonic() + 120
        while not any(f"Waiting for process {pid} (python" in m for m in messages(checkout)):
            assert sync.poll() is None, "it didn't wait"
            assert time.monotonic() < deadline, "it never said for whom it waits"
            time.sleep(0.2)
        assert sync.poll() is None

    assert sync.wait(timeout=120) == 0
    assert f"Waiting for process {pid} (python" in terminal.read_text()
    assert table_of(checkout, "account", ["name"]) == rows_of(org, "Account", ["Name"])


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_sync_says_that_it_waits_for_a_place_in_the_pool(org: Org, tmp_path: Path):
    checkout = checkout_of(tmp_path / "copy", org, "Account", ["Name"])
    assert checkout.run("-m", "pipelines", "setup", org=org).returncode == 0
    terminal = tmp_path / "terminal.txt"
    windows = ["crm", "--from", str(START), "--to", str(START)]
    with dg.DagsterInstance.from_config(str(checkout.root / ".tidegate/dagster")) as instance:
        [pool] = instance.event_log_storage.get_pool_limits()
        others = [f"step_{number}" for number in range(pool.limit)]
        for other in others:
            instance.event_log_storage.claim_concurrency_slot(pool.name, "another run", other)

        sync = checkout.start("-m", "pipelines", "sync", *windows, org=org, log=terminal)
        deadline = time.monotonic() + 120
        while f"waiting for a place in the pool {pool.name}" not in terminal.read_text():
            assert sync.poll() is None, terminal.read_text()
            assert time.monotonic() < deadline, "it never said that it waits"
            time.sleep(0.2)
        instance.event_log_storage.free_concurrency_slots_for_run("another run")

    assert sync.wait(timeout=120) == 0
