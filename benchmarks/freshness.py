"""How soon a change in the org is visible in the warehouse, with the listener and without it.

`python -m benchmarks.freshness` starts an emulator, and beside it `python -m pipelines listen`, or
Dagster with the sensor of events on. It changes accounts one after the other, and looks for each
in the table.
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
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import duckdb

from tests.emulator_process import CHECKOUT, Org, end_process_group, running_org
from tests.pipelines.dagster_service import free_port

# Each look locks the file for some milliseconds, which the writer has to wait for.
LOOK_EACH_S = 0.1
DEADLINE_S = 180.0
CHANNEL = "/data/AccountChangeEvent"
#: What the project's sensor follows; a channel that isn't there would be an error of each tick.
OBJECTS = "Account,Contact,Order__c"


@dataclass(frozen=True)
class Way:
    """A way from the org into the warehouse: what runs, and what is said of it."""

    arguments: tuple[str, ...]
    said: str


def main() -> None:
    """Measure and print."""
    options = _options()
    ways = {
        "listen": Way(
            ("listen", "--channel", CHANNEL, "--run-every", str(options.run_every)),
            f"a run at most every {options.run_every:g} s",
        ),
        "sensor": Way(
            ("dev", "--port", str(free_port())), "Dagster with the project's sensor, no listener"
        ),
    }
    for name in options.way or ways:
        found = _measure(ways[name], options.changes, options.pause_s)
        print(f"{name}: {len(found)} changes, each seen in the warehouse after")
        print(f"p50 {_percentile(found, 50):.2f} s, p95 {_percentile(found, 95):.2f} s, ", end="")
        print(f"most {max(found):.2f} s ({ways[name].said}, ", end="")
        print(f"a pause of {options.pause_s:g} s on average)", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.freshness", description=__doc__)
    parser.add_argument("--changes", type=int, default=40, help="changes to look for")
    parser.add_argument("--pause-s", type=float, default=7.5, help="mean pause between two")
    parser.add_argument("--run-every", type=float, default=5.0, help="as for `listen`")
    parser.add_argument(
        "--way", action="append", choices=["listen", "sensor"], help="only this one"
    )
    return parser.parse_args()


def _measure(way: Way, changes: int, pause_s: float) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        folder = Path(name)
        with (
            running_org("--seed", "empty", "--cdc", OBJECTS) as org,
            _running(way, org, folder),
        ):
            _seen_after_s(org, folder / "warehouse.duckdb", "before the clock starts")
            return _changes_seen(org, folder, changes, pause_s)


def _changes_seen(org: Org, folder: Path, changes: int, pause_s: float) -> list[float]:
    chance = random.Random(0)
    found = []
    for number in range(changes):
        # Twice the mean is the sensor's 15 s: each moment between two looks is as likely.
        time.sleep(chance.uniform(0, 2 * pause_s))
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
def _running(way: Way, org: Org, folder: Path) -> Iterator[None]:
    """`python -m pipelines` with all its state in a folder."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    state = {
        "DAGSTER_HOME": str(folder / "dagster"),
        "TIDEGATE_LANDING_URL": str(folder / "landing"),
        "TIDEGATE_WAREHOUSE_URL": f"duckdb:///{folder / 'warehouse.duckdb'}",
        "TIDEGATE_MASK_KEY": "made up",
    }
    with (folder / "tidegate.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines", *way.arguments],
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
