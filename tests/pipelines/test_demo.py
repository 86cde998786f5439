"""`python -m pipelines demo` from a shell."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipelines.demo import DemoError, remove_old_org, remove_old_tables
from tests.emulator_process import CHECKOUT

ORG_ID = "00DTd0000000001MAA"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_demo_ends_with_every_cell_as_in_the_org(tmp_path: Path):
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SALESFORCE_", "TIDEGATE_"))
    }
    # A real org and warehouse that the user has configured must not take part.
    environment |= {
        "DAGSTER_HOME": str(tmp_path / "dagster"),
        "SALESFORCE_LOGIN_URL": "https://nowhere.example",
        "TIDEGATE_WAREHOUSE_URL": "duckdb:////nowhere/at.all",
    }

    done = subprocess.run(
        [sys.executable, "-m", "pipelines", "demo", "--folder", str(tmp_path / "demo")],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=580,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    assert "rows of 6 tables are as in the org" in said
    assert "36 orders are in the org as in the ERP" in said
    assert "40 orders are in the org as in the ERP, 240 cells compared." in said
    last = said.partition("240 cells compared.")[2]
    assert "Changes that the sensor brought" in last
    assert "The changes were in the warehouse" in last
    assert "rows of 6 tables are as in the org" in last


def test_the_demo_leaves_a_warehouse_of_another_org_alone(tmp_path: Path):
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE SCHEMA _tidegate")
        connection.execute("CREATE TABLE _tidegate.tables AS SELECT '00Dxx0000000001EAA' AS org_id")

    with pytest.raises(DemoError, match="00Dxx0000000001EAA"):
        remove_old_tables(tmp_path, ORG_ID)

    assert file.exists()


def test_the_demo_does_not_take_the_org_away_from_who_uses_it(tmp_path: Path):
    file = tmp_path / "emulator" / "org.duckdb"
    file.parent.mkdir()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True);"
            " sys.stdin.read()",
            str(file),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(DemoError, match="is in use"):
            remove_old_org(tmp_path)
    finally:
        holder.communicate()
    assert file.exists()
