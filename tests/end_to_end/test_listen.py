"""`python -m pipelines listen` as its users run it: told to stop, killed, started again."""

import json
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import duckdb
import pytest

from resources.landing.inbox import Inbox
from resources.landing.local_store import LocalStore
from tests.emulator_process import Org, end_process_group
from tests.end_to_end.checkout import Checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ACCOUNTS, CONTACTS = "/data/AccountChangeEvent", "/data/ContactChangeEvent"
DEFS = """
    type: pipelines.components.SalesforceSync
    attributes:
      objects:
        Account: {fields: [Name, Phone]}
        Contact: {fields: [LastName]}
    ---
    type: pipelines.components.SalesforceEvents
    attributes:
      change_data_capture: {objects: [Account, Contact]}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    found = Checkout(tmp_path, DEFS)
    for folder in (tmp_path / "pipelines/defs").iterdir():
        if folder.is_dir() and folder.name not in ("connections", "crm"):
            for file in folder.glob("*.yaml"):
                file.unlink()
    return found


@pytest.fixture
def selected(org: Org) -> Org:
    org.control("PUT", "cdc", {"objects": ["Account", "Contact"]})
    return org


def start(checkout, org, *more):
    """The listener, and what it says on stderr as it comes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines", "listen", "--run-every", "0", *more],
        cwd=checkout.root,
        env=checkout.environment(org),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    said: list[str] = []
    assert process.stderr is not None
    threading.Thread(target=said.extend, args=(process.stderr,), daemon=True).start()
    return process, said


def is_listening(said):
    return any("listening" in line for line in said)


def eventually(holds, process, said, seconds=90):
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert process.poll() is None, f"it ended with {process.returncode}: {said}"
        assert time.monotonic() < deadline, f"it never came: {said}"
        threading.Event().wait(0.1)
    return found


def names(checkout, table="account"):
    """What the table holds, None while it can't be read."""
    try:
        with duckdb.connect(str(checkout.warehouse), read_only=True) as connection:
            column = "name" if table == "account" else "last_name"
            rows = connection.execute(f"SELECT {column} FROM salesforce.{table} WHERE NOT _deleted")
            return sorted(row[0] for row in rows.fetchall())
    except duckdb.Error:
        return None


def test_changes_arrive_and_sigterm_ends_it_with_nothing_held(checkout, selected):
    process, said = start(checkout, selected, "--json")
    try:
        selected.create("Account", {"Name": "Acme"})
        eventually(lambda: names(checkout) == ["Acme"], process, said)
        selected.create("Contact", {"LastName": "Weber"})
        selected.create("Account", {"Name": "Bolt"})
        eventually(lambda: names(checkout) == ["Acme", "Bolt"], process, said)
        eventually(lambda: names(checkout, "contact") == ["Weber"], process, said)

        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=30) == 0
        assert process.stdout is not None
        answer = json.loads(process.stdout.read())
    finally:
        end_process_group(process)
    channels = {one["channel"]: one for one in answer["channels"]}
    assert {name: one["events"] for name, one in channels.items()} == {ACCOUNTS: 2, CONTACTS: 1}
    assert {one["status"] for one in channels.values()} == {"stopped"}
    assert all(one["runs"] >= 1 and not one["failed_runs"] for one in channels.values())
    assert [line for line in said if "Traceback" in line or "failed" in line] == []
    inbox = Inbox(LocalStore(checkout.landing), selected.org_id)
    assert not inbox.channel(ACCOUNTS).is_drained()


def test_killed_listeners_lose_nothing_and_append_nothing_twice(checkout, selected):
    made = []
    for number, delay_s in enumerate((0.0, 0.3, 1.1)):
        process, said = start(checkout, selected)
        eventually(partial(is_listening, said), process, said)
        for n in range(6):
            made += selected.create("Account", {"Name": f"A{number}.{n}"})
            selected.change("Account", update=[{"Id": made[0], "Phone": f"{number}{n}"}])
        threading.Event().wait(delay_s)
        end_process_group(process, signal.SIGKILL)
    process, said = start(checkout, selected, "--channel", ACCOUNTS)
    try:
        eventually(partial(is_listening, said), process, said)
        truth = sorted(row["Name"] for row in selected.rows("Account", "Name"))
        eventually(lambda: names(checkout) == truth, process, said)
        eventually(lambda: phone(checkout, made[0]) == "25", process, said)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0, said
    finally:
        end_process_group(process)
    with duckdb.connect(str(checkout.warehouse), read_only=True) as connection:
        kinds = connection.execute(
            "SELECT _change_type, count(*) FROM salesforce.account_changes GROUP BY 1 ORDER BY 1"
        ).fetchall()
    assert kinds == [("CREATE", 18), ("UPDATE", 18)]


def phone(checkout, record_id):
    try:
        with duckdb.connect(str(checkout.warehouse), read_only=True) as connection:
            row = connection.execute(
                "SELECT phone FROM salesforce.account WHERE id = ?", [record_id]
            ).fetchone()
            return row and row[0]
    except duckdb.Error:
        return None


def test_a_channel_that_nothing_subscribes_to_is_wrong_usage(checkout, org):
    done = checkout.run(
        "-m", "pipelines", "listen", "--channel", "/data/AcountChangeEvent", org=org
    )

    assert done.returncode == 2
    assert "Did you mean /data/AccountChangeEvent?" in " ".join(done.stderr.split())
    assert done.stdout == ""
