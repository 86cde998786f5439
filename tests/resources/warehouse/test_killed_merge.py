"""A process that is killed while it merges leaves the table as it was, or as it shall be."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from tests.resources.warehouse.harbour import merge, rows_of, table_spec
from tests.resources.warehouse.image_model import Image

ROWS = 20_000
ROUNDS = 12


def images(generation):
    """All records, changed once per generation."""
    return [Image(f"{n:06d}", generation, 10, 11, f"{generation}") for n in range(ROWS)]


def merge_for_ever(path, generation):
    """Run in a process of its own: one generation after another."""
    warehouse = DuckDBWarehouse(Path(path), lock_timeout_s=60)
    while True:
        batch = images(generation)
        print("merging", flush=True)
        merge(warehouse, table_spec(), batch)
        generation += 1


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_killed_merge_leaves_one_whole_generation(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    merge(DuckDBWarehouse(path), table_spec(), images(0))
    generation, interrupted = 0, 0
    moments = random.Random(7)
    for _ in range(ROUNDS):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(path), str(generation + 1)],
            stdout=subprocess.PIPE,
        )
        assert process.stdout.readline() == b"merging\n"
        # Not a wait for something: the moment of the kill is what is tried.
        time.sleep(moments.uniform(0.0, 0.6))
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        process.stdout.close()

        rows = rows_of(path, table_spec())
        values = {value for value, _ in rows.values()}
        assert len(rows) == ROWS
        assert len(values) == 1
        interrupted += int(values == {f"{generation}"})
        generation = int(values.pop())

    assert interrupted > 0, "no kill hit a merge before its commit"
    merge(DuckDBWarehouse(path), table_spec(), images(generation + 1))
    assert set(rows_of(path, table_spec()).values()) == {(f"{generation + 1}", False)}


PROGRAM = (
    "import sys; from tests.resources.warehouse.test_killed_merge import merge_for_ever; "
    "merge_for_ever(sys.argv[1], int(sys.argv[2]))"
)
