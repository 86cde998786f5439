"""SIGKILL to the process group of a sync, then the same command again.

Each time: the table is the org's, a kill costs at most one more job, and no page that had landed
is fetched again.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import dagster as dg
import duckdb
import pytest

from tests.emulator_process import Org, running_org
from tests.end_to_end.checkout import Checkout
from tests.end_to_end.killing import KilledSync

TODAY = datetime.now(UTC).date()
START = TODAY - timedelta(days=10)
DEFS = """
type: pipelines.components.SalesforceSync
attributes:
  org: salesforce
  warehouse: default
  objects:
    {name}:
      fields: {fields}
      partitions: {{every: day, start: {start}}}
"""


def checkout_of(root: Path, org: Org, name: str, fields: list[str]) -> Checkout:
    """A project with one object, set up as `make setup` does it."""
    checkout = Checkout(root, DEFS.format(name=name, fields=f"[{', '.join(fields)}]", start=START))
    done = checkout.run("-m", "pipelines", "setup", org=org)
    assert done.returncode == 0, done.stderr
    return checkout


def rows_of(org: Org, name: str, fields: list[str]) -> list[tuple[Any, ...]]:
    return sorted(
        (row["Id"], *(row[field] for field in fields), row["IsDeleted"])
        for row in org.rows(name, "Id", "IsDeleted", *fields, deleted=True)
    )


def table_of(checkout: Checkout, table: str, columns: list[str]) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(checkout.warehouse), read_only=True) as warehouse:
        named = ", ".join(columns)
        return warehouse.execute(
            f"SELECT id, {named}, _deleted FROM salesforce.{table} ORDER BY id"
        ).fetchall()


def statement(sync: KilledSync) -> str:
    return f"{sync.kills} kills, {sync.jobs()} job(s), {len(sync.pages())} pages landed, none twice"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_bulk_read_goes_on_wherever_it_was_killed(org: Org, tmp_path: Path, record_property):
    fields = ["Name", "Industry", "Description"]
    checkout = checkout_of(tmp_path / "copy", org, "Account", fields)
    rows = [{"Name": f'"A", {n}', "Description": "x\ny" * n} for n in range(600)]
    org.change("Account", create=rows, modstamp=f"{START}T10:00:00Z")
    org.control("PUT", "bulk", {"page_rows": 75})
    # The job is there at once, its answer comes later; a page takes a while.
    org.faults.add({"delay_s": 1}, times=10_000, path="*/jobs/query")
    org.faults.add({"delay_s": 0.3}, times=10_000, path="*/results")
    org.faults.add({"delay_s": 1}, times=10_000, path="*/jobs/query/*", method="DELETE")
    sync = KilledSync(checkout, org, ("crm",), Random(1))

    sync.kill_when(sync.has("intent.json"), "the intent")
    sync.kill_when(sync.has("job_intent.json"), "the intent of a job", within_s=1)
    sync.kill_when(sync.has("job.json"), "the job's id")
    sync.kill_when(sync.has("*.page", 2), "two pages")
    sync.kill_when(sync.has("*.page", 5), "five pages")
    sync.kill_when(sync.has("manifest.json"), "the manifest", within_s=0.8)
    sync.kill_when(sync.has("closed.json"), "the end of the extract", within_s=0.05)
    sync.kill_when(lambda: checkout.warehouse.exists(), "the merge", within_s=0.05)
    sync.finish()

    assert table_of(checkout, "account", ["name", "industry", "description"]) == rows_of(
        org, "Account", fields
    )
    assert sync.jobs() <= 1 + sync.kills
    assert sync.pages_asked_again() == []
    record_property("states", statement(sync))
    with dg.DagsterInstance.from_config(str(checkout.root / ".tidegate/dagster")) as instance:
        statuses = [run.status for run in instance.get_runs()]
    assert statuses == [dg.DagsterRunStatus.SUCCESS] + [dg.DagsterRunStatus.FAILURE] * sync.kills


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_rest_read_of_many_pages_goes_on_where_it_was_killed(
    org: Org, tmp_path: Path, record_property
):
    fields = ["Notes__c", "Sync_Error__c"]
    checkout = checkout_of(tmp_path / "copy", org, "Order__c", fields)
    # With two long texts the org sends 200 rows a page.
    org.change(
        "Order__c",
        create=[{"Notes__c": f"note {n}"} for n in range(1_200)],
        modstamp=f"{TODAY - timedelta(days=3)}T10:00:00Z",
    )
    org.faults.add({"delay_s": 0.3}, times=10_000, path="*/query/*")
    day = str(TODAY - timedelta(days=3))
    sync = KilledSync(checkout, org, ("crm", "--from", day, "--to", day), Random(2))

    sync.kill_when(sync.has("*.page", 1), "a page")
    sync.kill_when(sync.has("*.page", 4), "four pages")
    sync.kill_when(sync.has("frames.json"), "the end of the transform", within_s=0.05)
    sync.finish()

    assert table_of(checkout, "order_c", ["notes_c", "sync_error_c"]) == rows_of(
        org, "Order__c", fields
    )
    assert sync.jobs() == 0
    assert sync.pages_asked_again() == []
    record_property("states", statement(sync))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_pages_that_come_side_by_side_are_fetched_once(tmp_path: Path, record_property):
    fields = ["Name", "Industry"]
    clock = f"{TODAY - timedelta(days=2)}T00:00:00Z"
    arguments = ["--seed", "empty", "--rows", "Account=260000", "--clock", clock]
    with running_org(*arguments) as org:
        checkout = checkout_of(tmp_path / "copy", org, "Account", fields)
        org.set_clock(datetime.now(UTC).isoformat())
        org.control("PUT", "bulk", {"page_rows": 20_000})
        org.faults.add({"throttle_bytes_s": 400_000}, times=10_000, path="*/results")
        sync = KilledSync(checkout, org, ("crm",), Random(3))

        sync.kill_when(sync.has("*.page", 1), "a page")
        sync.kill_when(sync.has("*.page", 5), "five pages")
        org.faults.clear()
        sync.kill_when(sync.has(".images*"), "the transform", within_s=0.2)
        sync.kill_when(lambda: checkout.warehouse.exists(), "the merge", within_s=0.4)
        sync.finish()

        truth = rows_of(org, "Account", fields)
        assert table_of(checkout, "account", ["name", "industry"]) == truth
        assert sync.jobs() <= 1 + sync.kills
        assert sync.pages_asked_again() == []
        record_property("states", statement(sync))
