"""SIGKILL at any point of a run, then run again: the same table, and little asked twice."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.assets.one_run import YESTERDAY
from tests.emulator_process import CHECKOUT, Org

ROWS = 4_000
PAGE_ROWS = 400
KILLS = 6


def start(org: Org, folder: Path) -> subprocess.Popen[str]:
    """A run that is about to begin, in a process group of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.assets.one_run", org.url, str(folder)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    with process.stdout as said:
        assert said.readline() == "begun\n"
    return process


def kill_after(process: subprocess.Popen[str], seconds: float) -> bool:
    """Whether it was killed before it ended by itself."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def landed_pages(folder: Path) -> int:
    return len(list(folder.rglob("*.page")))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_table(
    org: Org, tmp_path: Path, seed: int
):
    chance = random.Random(seed)
    rows = [{"Name": f"A{number}", "Industry": "Retail"} for number in range(ROWS)]
    org.change("Account", create=rows, modstamp=f"{YESTERDAY}T10:00:00Z")
    org.control("PUT", "bulk", {"page_rows": PAGE_ROWS})
    org.faults.add({"delay_s": 0.15}, times=10_000, path="*/results*")

    kills = 0
    for _ in range(KILLS):
        # From before the login to after the merge, as one run takes some seconds.
        kills += kill_after(start(org, tmp_path), chance.uniform(0.1, 5.0))
    last = start(org, tmp_path)

    assert last.wait(timeout=120) == 0
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as warehouse:
        table = warehouse.execute(
            "SELECT id, name, industry, _deleted FROM salesforce.account ORDER BY id"
        ).fetchall()
    truth = org.rows("Account", "Id", "Name", "Industry")
    assert table == sorted((r["Id"], r["Name"], r["Industry"], False) for r in truth)

    posts = [
        r
        for r in org.requests_since()
        if r["method"] == "POST" and r["path"].endswith("/jobs/query")
    ]
    ended_by_themselves = KILLS + 1 - kills
    assert len(posts) <= ended_by_themselves + kills


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_page_that_has_landed_is_never_fetched_again(org: Org, tmp_path: Path):
    rows = [{"Name": f"A{number}"} for number in range(ROWS)]
    org.change("Account", create=rows, modstamp=f"{YESTERDAY}T10:00:00Z")
    org.control("PUT", "bulk", {"page_rows": PAGE_ROWS})
    org.faults.add({"delay_s": 0.3}, times=10_000, path="*/results*")
    kills = 0

    process = start(org, tmp_path)
    while process.poll() is None:
        before = landed_pages(tmp_path)
        if before and kills < before // 3:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            process = start(org, tmp_path)

    assert process.returncode == 0
    assert kills >= 2
    jobs = [r for r in org.requests_since() if r["path"].endswith("/jobs/query")]
    assert [job["method"] for job in jobs] == ["POST"]
    # Only the page under way when a process was killed can be asked for a second time.
    sent = [r for r in org.requests_since() if r["path"].endswith("/results")]
    assert ROWS // PAGE_ROWS <= len(sent) <= ROWS // PAGE_ROWS + kills
