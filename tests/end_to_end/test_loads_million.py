"""A million rows upserted by `python -m pipelines load`, and then the 1 % of them that changed."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from threading import Thread

import duckdb
import pytest

from tests.emulator_process import Org, running_org
from tests.end_to_end.checkout import Checkout
from tests.end_to_end.test_million import peak_mb

ROWS = 1_000_000
CUSTOMERS = 10_000
MOST_MB = 900
DEFS = """
type: pipelines.components.SalesforceLoad
attributes:
  source: {sql: query.sql}
  object: Order__c
  external_id: ERP_Order_Id__c
  fields:
    ERP_Order_Id__c: order_no
    Amount__c: amount
    Order_Date__c: ordered_on
    Status__c: status
    Notes__c: note
    Account__r.ERP_Id__c: customer_no
"""
TABLE = """
CREATE SCHEMA erp;
CREATE TABLE erp.orders AS SELECT
    'SO-' || lpad(n::VARCHAR, 7, '0') AS order_no,
    (n * 7919 % 1000000 / 100)::DECIMAL(18, 2) AS amount,
    DATE '2020-01-01' + (n % 2000)::INTEGER AS ordered_on,
    ['Draft', 'Submitted', 'Approved', 'Shipped'][1 + n % 4] AS status,
    'Order number ' || n || ', as the ERP has it' AS note,
    'C-' || (n * 31 % {customers}) AS customer_no
FROM range({rows}) numbers(n)
"""
CHANGED = "UPDATE erp.orders SET amount = amount + 1 WHERE substr(order_no, 9, 2) = '07'"


def checkout_of(root: Path, org: Org) -> Checkout:
    """A project with one load, and the table that it reads."""
    checkout = Checkout(root)
    folder = root / "pipelines/defs/orders"
    folder.mkdir()
    (folder / "defs.yaml").write_text(dedent(DEFS))
    (folder / "query.sql").write_text("SELECT * FROM erp.orders")
    done = checkout.run("-m", "pipelines", "setup", org=org)
    assert done.returncode == 0, done.stderr
    checkout.warehouse.parent.mkdir(exist_ok=True)
    with duckdb.connect(str(checkout.warehouse)) as warehouse:
        warehouse.execute(TABLE.format(rows=ROWS, customers=CUSTOMERS))
    return checkout


def load(checkout: Checkout, org: Org) -> tuple[dict[str, int], float, float]:
    """One run: its numbers, its seconds, and the most memory that it took, in MB."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines", "load", "orders", "--json"],
        cwd=checkout.root,
        env=checkout.environment(org),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    peak: list[float] = []
    watch = Thread(target=lambda: peak.append(peak_mb(process.pid)))
    watch.start()
    said, errors = process.communicate(timeout=900)
    watch.join()
    assert process.returncode == 0, errors[-3_000:] + said
    assert re.search(r"^Job \w+: JobComplete, [\d,]+ rows so far$", errors, re.MULTILINE), errors
    outcome = json.loads(said)
    return outcome["numbers"], outcome["seconds"], peak[0]


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_a_million_rows_are_loaded_and_then_those_that_changed(tmp_path: Path, record_property):
    with running_org("--seed", "empty") as org:
        customers = [{"Name": f"C-{n}", "ERP_Id__c": f"C-{n}"} for n in range(CUSTOMERS)]
        org.change("Account", create=customers)
        org.set_clock(datetime.now(UTC).isoformat())
        checkout = checkout_of(tmp_path / "copy", org)

        first, first_s, first_mb = load(checkout, org)
        with duckdb.connect(str(checkout.warehouse)) as warehouse:
            warehouse.execute(CHANGED)
        second, second_s, second_mb = load(checkout, org)

    record_property(
        "states",
        f"first {first_s:.0f} s ({first['seconds']} of them sending), {first_mb:.0f} MB, "
        f"{first['api_calls']} calls; "
        f"second {second_s:.0f} s ({second['seconds']} of them sending), {second_mb:.0f} MB, "
        f"{second['api_calls']} calls",
    )
    assert (first["accepted"], first["created"]) == (ROWS, ROWS)
    assert (second["accepted"], second["created"]) == (ROWS // 100, 0)
    assert second["unchanged"] == ROWS - ROWS // 100
    assert max(first_mb, second_mb) < MOST_MB
