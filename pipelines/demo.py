"""`make demo`: a night with an org, and orders that go back into it, compared cell by cell."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import duckdb
import requests
from rich.console import Console

from assets.specs import LATE_COMMIT_MARGIN_S
from pipelines import environment, report
from pipelines.demo_changes import make_changes
from pipelines.demo_comparison import Comparison, Selection, compare, selections
from pipelines.demo_events import follow_changes
from pipelines.demo_load import load_orders
from pipelines.emulator_process import Emulator, EmulatorError, running_emulator
from pipelines.instance import open_instance, store_pool_limits
from pipelines.project import Project
from pipelines.sync_command import orders, run_orders

SYNC = "crm"
DEFS_YAML = environment.CHECKOUT / "pipelines" / "defs" / SYNC / "defs.yaml"
MOST_SHOWN = 20


class DemoError(Exception):
    """The demo can't begin."""


def run_demo(out: Console, err: Console, folder: Path = environment.STATE_FOLDER) -> int:
    """The whole demo; its exit code."""
    day = (datetime.now(UTC) - timedelta(days=2)).date()
    clock = datetime.combine(day, time(10), UTC)
    arguments = ["--port", "0", "--pubsub-port", "0", "--seed", "demo"]
    arguments += ["--clock", clock.isoformat(), "--data", str(folder / "emulator")]
    try:
        remove_old_org(folder)
        with running_emulator(arguments, folder / "demo-emulator.log") as org:
            remove_old_tables(folder, org.org_id)
            with demo_environment(org, folder):
                return _night(out, err, org, clock, folder)
    except (DemoError, EmulatorError) as error:
        err.print(str(error), markup=False)
        return report.FAILED


def _night(out: Console, err: Console, org: Emulator, clock: datetime, folder: Path) -> int:
    day = clock.date()
    project = Project()
    with open_instance() as instance:
        store_pool_limits(instance, project)
        syncs = project.choose(SYNC, [])

        err.print(f"In the org it is {clock:%Y-%m-%d %H:%M}. Loading all windows before that day.")
        before = orders(instance, project, syncs, last=day - timedelta(days=1))
        first = run_orders(instance, project, before, err)
        out.print(report.outcome_table(first, "First load: everything before that day"))

        err.print(f"Changing the org: {make_changes(org)}.")
        over = datetime.combine(day + timedelta(days=1), time(), UTC)
        org.control(
            "PUT", "clock", {"now": _iso(over + timedelta(seconds=LATE_COMMIT_MARGIN_S + 60))}
        )
        err.print(f"Now it is past midnight in the org. Syncing the window of {day}.")
        second = run_orders(
            instance, project, orders(instance, project, syncs, first=day, last=day), err
        )
        out.print(report.outcome_table(second, f"The window of {day}"))

        code = report.exit_code([*first, *second])
        if code != report.DONE:
            report.print_errors([*first, *second], err)
            return code
        code = _compare(out, err, org, folder)
        if code != report.DONE:
            return code
        code = load_orders(out, err, org, folder, instance, project)
        if code != report.DONE:
            return code
        code = follow_changes(out, err, org, folder, instance)
        if code != report.DONE:
            return code
        return _compare(out, err, org, folder)


def _compare(out: Console, err: Console, org: Emulator, folder: Path) -> int:
    err.print("Comparing every row and field with the org.")
    comparisons = compare_all(org, folder / "warehouse.duckdb")
    differences = [one for comparison in comparisons for one in comparison.differences]
    for difference in differences[:MOST_SHOWN]:
        out.print(str(difference), markup=False)
    rows = sum(comparison.rows for comparison in comparisons)
    cells = sum(comparison.cells for comparison in comparisons)
    if differences:
        out.print(f"{len(differences):,} of {cells:,} cells differ from the org.")
        return report.FAILED
    out.print(
        f"All {rows:,} rows of {len(comparisons)} tables are as in the org: "
        f"{cells:,} cells compared."
    )
    return report.DONE


def compare_all(
    org: Emulator, warehouse_file: Path, defs_yaml: Path = DEFS_YAML
) -> list[Comparison]:
    """Every table of the demo's sync against the org's rows."""
    with duckdb.connect(str(warehouse_file), read_only=True) as warehouse:
        return [
            compare(
                selection,
                org.rows(selection.object),
                matching_ids(org, selection),
                warehouse,
                os.environ.get("TIDEGATE_MASK_KEY") or environment.EMULATOR_MASK_KEY,
            )
            for selection in selections(defs_yaml)
        ]


def matching_ids(org: Emulator, selection: Selection) -> set[str] | None:
    """Ids for which the sync's ``where`` holds, asked of the org by plain requests."""
    if selection.where is None:
        return None
    with requests.Session() as http:
        http.trust_env = False
        login = {"grant_type": "client_credentials", "client_id": "tidegate"}
        login["client_secret"] = "tidegate-secret"  # the emulator's own, which everyone may know
        token = http.post(f"{org.url}/services/oauth2/token", data=login, timeout=60)
        token.raise_for_status()
        http.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
        soql = f"SELECT Id FROM {selection.object} WHERE {selection.where}"
        answer = http.get(f"{org.url}/services/data/v66.0/queryAll", params={"q": soql}, timeout=60)
        answer.raise_for_status()
        page = answer.json()
        ids = {record["Id"] for record in page["records"]}
        while not page["done"]:
            answer = http.get(org.url + page["nextRecordsUrl"], timeout=60)
            answer.raise_for_status()
            page = answer.json()
            ids |= {record["Id"] for record in page["records"]}
    return ids


def remove_old_org(folder: Path) -> None:
    """Remove the emulator's org, so that it begins anew.

    Raises:
        DemoError: Somebody uses it, or the warehouse, now.
    """
    warehouse = folder / "warehouse.duckdb"
    for file in [warehouse, *sorted((folder / "emulator").glob("**/*.duckdb"))]:
        _require_unused(file)
    shutil.rmtree(folder / "emulator", ignore_errors=True)


def remove_old_tables(folder: Path, org_id: str) -> None:
    """Remove the tables and files made of an earlier org of the emulator.

    Raises:
        DemoError: The warehouse holds tables of another org.
    """
    warehouse = folder / "warehouse.duckdb"
    others = _orgs_in(warehouse) - {org_id}
    if others:
        raise DemoError(
            f"{warehouse} holds tables of {', '.join(sorted(others))}. The demo begins with an "
            "empty warehouse: move this file away, or say --folder."
        )
    for file in folder.glob("warehouse.duckdb*"):
        file.unlink()
    for kind in ("extracts", "frames", "outbound", "loads", "inbox"):
        shutil.rmtree(folder / "landing" / kind / org_id, ignore_errors=True)


def _orgs_in(warehouse: Path) -> set[str]:
    if not warehouse.exists():
        return set()
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        has_state = connection.execute(
            "SELECT 1 FROM information_schema.tables "
            "WHERE table_schema = '_tidegate' AND table_name = 'tables'"
        ).fetchall()
        if not has_state:
            return set()
        return {
            row[0] for row in connection.execute("SELECT org_id FROM _tidegate.tables").fetchall()
        }


def _require_unused(file: Path) -> None:
    if not file.exists():
        return
    try:
        duckdb.connect(str(file)).close()
    except duckdb.Error as error:
        raise DemoError(
            f"{file} is in use: end `make dev` or whatever else holds it. ({error})"
        ) from None


@contextmanager
def demo_environment(org: Emulator, folder: Path) -> Iterator[None]:
    """The demo's org and files for this process and its children, whatever else is set.

    A real org or warehouse that the environment names must not take part.
    """
    kept = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("SALESFORCE_")]:
        del os.environ[name]
    os.environ |= {
        "EMULATOR_PORT": str(org.port),
        "PUBSUB_PORT": str(org.pubsub_port),
        "TIDEGATE_WAREHOUSE_URL": f"duckdb:///{(folder / 'warehouse.duckdb').absolute()}",
        "TIDEGATE_LANDING_URL": str((folder / "landing").absolute()),
    }
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= kept


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
