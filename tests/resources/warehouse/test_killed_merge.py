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


def size(file):
    return file.stat().st_size if file.exists() else 0


class Written:
    """True once a file was seen to change so many times."""

    def __init__(self, file, times):
        self.file, self.times, self.seen = file, times, set()

    def __call__(self):
        self.seen.add(self.file.stat().st_mtime_ns)
        return len(self.seen) > self.times


def moments(path):
    """When to kill: while images are staged, while the commit is logged, while the log is moved.

    Measured: the log of one generation grows to 1.3 MB, then the file is written several times.
    """
    log = path.with_name(f"{path.name}.wal")
    dice = random.Random(7)
    yield lambda: True
    for _ in range(8):
        least = dice.randint(1, 1_300_000)
        yield lambda least=least: size(log) >= least
    for writes in (1, 1, 2, 3):
        yield Written(path, writes)


def kill_when(moment, process):
    """Looks again and again; a process that ended by itself is an error."""
    deadline = time.monotonic() + 60
    while not moment():
        assert process.poll() is None
        assert time.monotonic() < deadline, "the moment never came"
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_killed_merge_leaves_one_whole_generation(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    merge(DuckDBWarehouse(path), table_spec(), images(0))
    generation, interrupted = 0, 0
    for moment in moments(path):
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(path), str(generation + 1)],
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout.readline() == b"merging\n"
            kill_when(moment, process)

        # Reading alone must work too, though the log wasn't moved into the file.
        assert DuckDBWarehouse(path).row_count("salesforce", "account") == ROWS
        rows = rows_of(path, table_spec())
        values = {value for value, _ in rows.values()}
        assert len(rows) == ROWS
        assert len(values) == 1
        interrupted += int(values == {f"{generation}"})
        generation = int(values.pop())

    assert interrupted > 0, "no kill hit a merge before its commit"
    assert generation > 0, "no kill hit a merge after its commit"
    merge(DuckDBWarehouse(path), table_spec(), images(generation + 1))
    assert set(rows_of(path, table_spec()).values()) == {(f"{generation + 1}", False)}


PROGRAM = (
    "import sys; from tests.resources.warehouse.test_killed_merge import merge_for_ever; "
    "merge_for_ever(sys.argv[1], int(sys.argv[2]))"
)
