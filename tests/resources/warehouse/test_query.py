"""Queries of loads: streamed, read-only, and clear about mistakes."""

import subprocess
import sys

import duckdb
import pytest

from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from resources.warehouse.errors import LoadQueryError, WarehouseLockedError


@pytest.fixture
def warehouse(tmp_path):
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("CREATE TABLE orders AS SELECT i, 'n' || i AS no FROM range(100) r(i)")
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb", lock_timeout_s=0.2)


def test_the_rows_of_a_select_arrive(warehouse):
    with warehouse.query("SELECT no FROM orders WHERE i < 2 ORDER BY i;") as rows:
        assert rows.read_all().to_pydict() == {"no": ["n0", "n1"]}


def test_files_can_be_queried_before_anything_was_loaded(tmp_path):
    (tmp_path / "erp.csv").write_text("no\n007\n")
    warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb")

    with warehouse.query(
        f"SELECT no FROM read_csv('{tmp_path}/erp.csv', all_varchar=true)"
    ) as rows:
        assert rows.read_all().to_pydict() == {"no": ["007"]}
    assert not warehouse.path.exists()


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT nope FROM orders", '"nope" not found'),
        ("SELECT * FROM missing", "missing does not exist"),
        ("SELEC 1", 'at or near "SELEC"'),
        ("", "the text holds: nothing"),
        ("SELECT 1; SELECT 2", "the text holds: SELECT, SELECT"),
        ("DROP TABLE orders", "the text holds: DROP"),
        ("COPY orders TO 'x.csv'", "the text holds: COPY"),
    ],
)
def test_a_mistake_in_the_sql_is_said_in_the_warehouse_s_words(warehouse, sql, says):
    with pytest.raises(LoadQueryError) as error, warehouse.query(sql):
        pass
    assert says in str(error.value)


def test_a_query_that_fails_half_way_says_so(warehouse):
    sql = "SELECT CASE WHEN i = 900000 THEN ('x' || i)::INT ELSE i END FROM range(1000000) r(i)"

    with warehouse.query(sql) as rows, pytest.raises(LoadQueryError, match="Could not convert"):
        for _ in rows:
            pass


def test_the_file_is_free_once_the_last_row_was_read(warehouse):
    with warehouse.query("SELECT * FROM orders") as rows:
        with pytest.raises(WarehouseLockedError):
            warehouse.row_count("main", "orders")
        rows.read_all()
        assert warehouse.row_count("main", "orders") == 100


def test_the_file_is_free_if_the_rows_were_not_wanted(warehouse):
    with warehouse.query("SELECT * FROM orders"):
        pass

    assert warehouse.row_count("main", "orders") == 100


def test_nothing_is_printed_where_duckdb_takes_a_program_for_a_notebook(warehouse):
    program = """if True:
        import sys
        from pathlib import Path
        from resources.warehouse.duckdb_adapter import DuckDBWarehouse
        with DuckDBWarehouse(Path(sys.argv[1])).query(
            "SELECT current_setting('enable_progress_bar') AS bar"
        ) as rows:
            print(rows.read_all()["bar"].to_pylist())
    """
    command = [sys.executable, "-c", program, str(warehouse.path)]

    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout == "[False]\n"


PROGRAM = """
import resource, sys
from pathlib import Path
from resources.warehouse.duckdb_adapter import DuckDBWarehouse
sql = "SELECT i, hash(i) || 'x' || hash(i + 1) AS a, hash(i * 7) || 'y' AS b FROM range({}) r(i)"
with DuckDBWarehouse(Path(sys.argv[1]), threads=2).query(sql.format(sys.argv[2])) as rows:
    print(sum(batch.num_rows for batch in rows))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def peak_mb(path, rows):
    command = [sys.executable, "-c", PROGRAM, str(path), str(rows)]
    count, peak = subprocess.run(command, capture_output=True, check=True).stdout.split()
    assert int(count) == rows
    return int(peak)


@pytest.mark.slow
def test_a_query_s_memory_does_not_grow_with_its_rows(warehouse):
    assert peak_mb(warehouse.path, 4_000_000) < peak_mb(warehouse.path, 200_000) + 100
