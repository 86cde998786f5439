"""Memory doesn't grow with the rows: a million of them through all three stages."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.emulator_process import CHECKOUT, running_org

ROWS = 1_000_000
MOST_MB = 700


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_million_rows_of_twenty_fields_take_less_than_700_megabytes(tmp_path: Path):
    with running_org("--seed", "empty", "--rows", f"Account={ROWS}") as org:
        done = subprocess.run(
            [sys.executable, "-m", "tests.assets.million_rows", org.url, str(tmp_path)],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=580,
        )

    assert done.returncode == 0, done.stderr[-3000:]
    measured = json.loads(done.stdout.splitlines()[-1])
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as warehouse:
        [(rows, ids)] = warehouse.execute(
            "SELECT count(*), count(DISTINCT id) FROM salesforce.account"
        ).fetchall()
    # Those that the org made today lie in a window that isn't over.
    assert ROWS * 0.99 < rows == ids <= ROWS
    assert max(measured["peak_mb"].values()) < MOST_MB, measured
