"""The second half of `make demo`: orders of an ERP into the org, some refused, then mended."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import duckdb
from rich.console import Console

from assets.outbound_run import Replay
from pipelines import environment, load_report, report
from pipelines.demo_load_comparison import compare_orders, erp_rows, latest_outcomes
from pipelines.emulator_process import Emulator
from pipelines.load_command import kept
from pipelines.load_progress import load_progress
from pipelines.load_runs import LoadOutcome, run_load
from pipelines.project import Project

LOAD = "erp_orders"
ERP_TABLE = dg.AssetKey(["erp", "orders"])
ORDERS = environment.CHECKOUT / "pipelines" / "defs" / "erp" / "orders.csv"
# What is wrong in the ERP's table, and what it should be.
CORRECTIONS = {
    "SO-00000064": {"status": "Shipped"},
    "SO-90000011": {"amount": "99999999.00"},
}
NEW_CUSTOMER = {"Name": "Nordlys Marine AS", "ERP_Id__c": "ERP-77000001"}
MOST_SHOWN = 20


def load_orders(
    out: Console,
    err: Console,
    org: Emulator,
    folder: Path,
    instance: dg.DagsterInstance,
    project: Project,
) -> int:
    """Load, mend, replay, and compare with the org after each; the exit code."""
    err.print("Loading the ERP's orders into the org, by their order numbers.")
    first = _load(err, instance, project, sources=[ERP_TABLE])
    _show(out, project, first, "Orders from the ERP")
    if first.status != "done":
        load_report.tell_error(first, err)
        return report.FAILED
    code = _compare(out, org, folder, corrected=False)
    if code != report.DONE:
        return code

    err.print(
        "Mending the causes: a customer that sales enters, a status and an amount in the ERP."
    )
    org.control("POST", "records/Account", {"create": [NEW_CUSTOMER]})
    _correct(folder / "warehouse.duckdb")
    err.print("Sending again what was kept: python -m pipelines load erp_orders --replay failed")
    second = _load(err, instance, project, Replay("failed"))
    _show(out, project, second, "The replay")
    if second.status != "done":
        load_report.tell_error(second, err)
        return report.FAILED
    return _compare(out, org, folder, corrected=True)


def _load(
    err: Console,
    instance: dg.DagsterInstance,
    project: Project,
    replay: Replay | None = None,
    sources: list[dg.AssetKey] | None = None,
) -> LoadOutcome:
    spec = project.load_named(LOAD)
    progress = load_progress(err)
    return run_load(instance, project, spec, replay, progress, sources=sources or [])


def _show(out: Console, project: Project, outcome: LoadOutcome, title: str) -> None:
    out.print(load_report.outcome_table(outcome, title))
    if outcome.numbers.get("failed", 0):
        shown, more = kept(project, project.load_named(LOAD))
        out.print(load_report.kept_table(shown, more))


def _correct(warehouse_file: Path) -> None:
    with duckdb.connect(str(warehouse_file)) as warehouse:
        for number, cells in CORRECTIONS.items():
            for column, value in cells.items():
                warehouse.execute(
                    f'UPDATE erp.orders SET "{column}" = ? WHERE order_no = ?', [value, number]
                )


def _compare(out: Console, org: Emulator, folder: Path, *, corrected: bool) -> int:
    compared = compare_orders(
        erp_rows(ORDERS, CORRECTIONS if corrected else {}),
        org.rows("Order__c"),
        org.rows("Account"),
        latest_outcomes(folder / "warehouse.duckdb", LOAD),
    )
    for difference in compared.differences[:MOST_SHOWN]:
        out.print(str(difference), markup=False)
    if compared.differences:
        out.print(f"{len(compared.differences):,} of {compared.cells:,} cells differ from the org.")
        return report.FAILED
    rest = f"; the other {compared.not_accepted} haven't changed it" * bool(compared.not_accepted)
    out.print(
        f"{compared.accepted:,} orders are in the org as in the ERP, {compared.cells:,} cells "
        f"compared{rest}."
    )
    return report.DONE
