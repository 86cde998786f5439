"""How soon a change in the org is visible in the warehouse while the listener runs.

`python -m benchmarks.freshness` starts an emulator and `python -m pipelines listen` with state of
their own, changes accounts one after the other, and looks for each in the table.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

import duckdb

from tests.emulator_process import CHECKOUT, Org, end_process_group, running_org

# Each look locks the file for some milliseconds, which the listener has to wait for.
LOOK_EACH_S = 0.1
DEADLINE_S = 120.0
CHANNEL = "/data/AccountChangeEvent"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.freshness", description=__doc__)
    parser.add_argument("--changes", type=int, default=40, help="changes to look for")
    parser.add_argument("--pause-s", type=float, default=6.0, help="mean pause between two")
    parser.add_argument("--run-every", type=float, default=5.0, help="as for `listen`")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        folder = Path(name)
        with (
            running_org("--seed", "empty", "--cdc", "Account") as org,
            _listener(org, folder, options.run_every),
        ):
            _seen_after_s(org, folder / "warehouse.duckdb", "before the clock starts")
            found = _measure(org, folder, options.changes, options.pause_s)
    print(f"{len(found)} changes, each seen in the warehouse after")
    print(f"p50 {_percentile(found, 50):.2f} s, p95 {_percentile(found, 95):.2f} s, ", end="")
    print(f"most {max(found):.2f} s (a run at most every {options.run_every:g} s, ", end="")
    print(f"a change every {options.pause_s:g} s on average)")


def _measure(org: Org, folder: Path, changes: int, pause_s: float) -> list[float]:
    chance = random.Random(0)
    found = []
    for number in range(changes):
        time.sleep(chance.expovariate(1 / pause_s))
        found.append(_seen_after_s(org, folder / "warehouse.duckdb", f"Change {number}"))
    return found


def _seen_after_s(org: Org, warehouse: Path, name: str) -> float:
    """Seconds from before the org is asked to commit until a reader finds the row."""
    begun_s = time.monotonic()
    [record_id] = org.create("Account", {"Name": name})
    while not _holds(warehouse, record_id):
        if time.monotonic() - begun_s > DEADLINE_S:
            sys.exit(f"{name} wasn't in {warehouse} after {DEADLINE_S:.0f} s")
        time.sleep(LOOK_EACH_S)
    return time.monotonic() - begun_s


def _holds(warehouse: Path, record_id: str) -> bool:
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            query = "SELECT 1 FROM salesforce.account WHERE id = ?"
            return connection.execute(query, [record_id]).fetchone() is not None
    except duckdb.Error:  # the file or the table isn't there yet, or somebody writes
        return False


@contextmanager
def _listener(org: Org, folder: Path, run_every_s: float) -> Iterator[None]:
    """`python -m pipelines listen` on one channel, with all its state in a folder."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    state = {
        "DAGSTER_HOME": str(folder / "dagster"),
        "TIDEGATE_LANDING_URL": str(folder / "landing"),
        "TIDEGATE_WAREHOUSE_URL": f"duckdb:///{folder / 'warehouse.duckdb'}",
        "TIDEGATE_MASK_KEY": "made up",
    }
    command = ["-m", "pipelines", "listen", "--channel", CHANNEL, "--run-every", str(run_every_s)]
    with (folder / "listen.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=CHECKOUT,
            env={**kept, **org.environment(), **state},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        yield
    finally:
        end_process_group(process, signal.SIGTERM)


def _percentile(values: Sequence[float], percent: int) -> float:
    return quantiles(values, n=100, method="inclusive")[percent - 1]


if __name__ == "__main__":
    main()
