"""Other processes and other threads at the same DuckDB file."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager

import duckdb
import pytest

from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from resources.warehouse.errors import WarehouseError, WarehouseLockedError
from tests.resources.warehouse.harbour import merge, rows_of, table_spec
from tests.resources.warehouse.image_model import Image

HOLD = (
    "import duckdb, sys; connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == 'read');"
    " print('open', flush=True); sys.stdin.read()"
)


@contextmanager
def held_by_another_process(path, how):
    """Another process has the file open until the block ends, or its stdin is closed."""
    command = [sys.executable, "-c", HOLD, str(path), how]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"open\n"
        yield process
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    merge(DuckDBWarehouse(path), table_spec(), [Image("a", 1, 10, 11, "x")])
    return path


@pytest.mark.parametrize("how", ["read", "write"])
def test_a_merge_waits_until_another_process_lets_go_and_says_whom_it_waits_for(path, how):
    with held_by_another_process(path, how) as holder:
        messages = []

        def on_wait(message):
            messages.append(message)
            holder.stdin.close()  # it goes only after we have waited

        warehouse = DuckDBWarehouse(path, lock_timeout_s=60, on_wait=on_wait)
        merge(warehouse, table_spec(), [Image("b", 1, 10, 11, "x")])

    program = os.path.basename(os.path.realpath(sys.executable))
    assert f"process {holder.pid} ({program})" in messages[0]
    assert rows_of(path, table_spec()).keys() == {"a", "b"}


@pytest.mark.parametrize("how", ["read", "write"])
def test_after_the_timeout_the_error_names_the_process_that_holds_the_file(path, how):
    with held_by_another_process(path, how) as holder:
        warehouse = DuckDBWarehouse(path, lock_timeout_s=0.2)

        with pytest.raises(WarehouseLockedError, match=f"process {holder.pid} ") as caught:
            merge(warehouse, table_spec(), [Image("b", 1, 10, 11, "x")])

    assert caught.value.waited_s == 0.2


def test_counting_goes_on_beside_a_reader_of_another_process(path):
    with held_by_another_process(path, "read"):
        assert DuckDBWarehouse(path, lock_timeout_s=0).row_count("salesforce", "account") == 1


def test_the_file_is_free_between_calls(path):
    warehouse = DuckDBWarehouse(path, lock_timeout_s=0)
    warehouse.row_count("salesforce", "account")

    with held_by_another_process(path, "write"):
        pass
    merge(warehouse, table_spec(), [Image("b", 1, 10, 11, "x")])


def test_a_merge_works_beside_another_connection_of_the_same_process(path):
    with duckdb.connect(str(path)):
        merge(DuckDBWarehouse(path), table_spec(), [Image("b", 1, 10, 11, "x")])

    assert rows_of(path, table_spec()).keys() == {"a", "b"}


def test_threads_that_merge_at_once_all_arrive(path):
    errors = []

    def work(number):
        try:
            warehouse = DuckDBWarehouse(path, lock_timeout_s=60)
            spec = table_spec(f"table_{number % 2}")
            merge(warehouse, spec, [Image(f"{number}", 1, 10, 11, "x")])
            warehouse.row_count("salesforce", spec.name)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    for name, keys in (("table_0", {"0", "2", "4"}), ("table_1", {"1", "3", "5"})):
        assert rows_of(path, table_spec(name)).keys() == keys


def test_a_file_that_is_no_database_is_an_error_of_ours(tmp_path):
    path = tmp_path / "notes.duckdb"
    path.write_text("not a database, but long enough to be taken for one" * 100)

    with pytest.raises(WarehouseError, match="can't be opened"):
        merge(DuckDBWarehouse(path), table_spec(), [])
