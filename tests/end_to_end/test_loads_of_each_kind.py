"""Many rows inserted, updated and deleted by `python -m pipelines load`, compared with the org.

A hundred thousand each, or TIDEGATE_LOAD_ROWS; `test_loads_million` has the upserts.
"""

import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import duckdb
import pyarrow as pa
import pytest

from tests.emulator_process import Org, running_org
from tests.end_to_end.checkout import Checkout
from tests.end_to_end.test_loads_million import MOST_MB, load

ROWS = int(os.environ.get("TIDEGATE_LOAD_ROWS", "100000"))
DEFS = """
type: pipelines.components.SalesforceLoad
attributes:
  name: orders
  source: {sql: query.sql}
  object: Order__c
"""
OPERATIONS = {
    "insert": """
  operation: insert
  external_id: ERP_Order_Id__c
  fields: {ERP_Order_Id__c: order_no, Amount__c: amount}
""",
    "update": """
  operation: update
  fields: {Id: id, Amount__c: amount}
""",
    "delete": """
  operation: delete
  fields: {Id: id}
""",
}


def checkout_of(root: Path, org: Org, operation: str, table: pa.Table) -> Checkout:
    """A project with one load, and the rows that it sends."""
    checkout = Checkout(root)
    folder = root / "pipelines/defs/orders"
    folder.mkdir()
    (folder / "defs.yaml").write_text(dedent(DEFS) + OPERATIONS[operation])
    (folder / "query.sql").write_text("SELECT * FROM orders")
    done = checkout.run("-m", "pipelines", "setup", org=org)
    assert done.returncode == 0, done.stderr
    checkout.warehouse.parent.mkdir(exist_ok=True)
    with duckdb.connect(str(checkout.warehouse)) as warehouse:
        warehouse.register("given", table)
        warehouse.execute("CREATE TABLE orders AS FROM given")
    return checkout


def amount(number: int) -> Decimal:
    return Decimal(number * 7919 % 100_000) / 100


def orders_in(org: Org) -> dict[str, tuple[str, Decimal]]:
    """Id and amount of each order in the org, by its number."""
    return {
        row["ERP_Order_Id__c"]: (row["Id"], Decimal(str(row["Amount__c"])))
        for row in org.rows("Order__c", "Id", "ERP_Order_Id__c", "Amount__c")
    }


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_many_rows_are_inserted_then_updated_then_deleted(tmp_path: Path, record_property):
    told, numbers = [], range(ROWS)
    money = pa.decimal128(18, 2)
    with running_org("--seed", "empty") as org:
        org.set_clock(datetime.now(UTC).isoformat())

        def run(operation: str, **columns: pa.Array) -> dict[str, int]:
            folder = tmp_path / operation
            checkout = checkout_of(folder, org, operation, pa.table(columns))
            counts, seconds, most_mb = load(checkout, org)
            told.append(f"{operation} {seconds:.0f} s, {most_mb:.0f} MB")
            assert most_mb < MOST_MB
            assert counts["accepted"] == ROWS
            return counts

        keys = [f"SO-{n:07}" for n in numbers]
        run("insert", order_no=pa.array(keys), amount=pa.array(map(amount, numbers), money))
        there = orders_in(org)
        assert {key: one[1] for key, one in there.items()} == dict(
            zip(keys, map(amount, numbers), strict=True)
        )

        ids = pa.array([there[key][0] for key in keys])
        run("update", id=ids, amount=pa.array((amount(n + 1) for n in numbers), money))
        assert orders_in(org) == {key: (there[key][0], amount(n + 1)) for n, key in enumerate(keys)}

        run("delete", id=ids)
        assert orders_in(org) == {}

    record_property("states", f"{ROWS:,} rows each: {'; '.join(told)}")
