"""`python -m pipelines listen`, killed with its process group again and again, a night beside."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from assets.changes_spec import ChangesSpec
from assets.specs import ObjectSpec, SyncSpec
from tests.emulator_process import Org
from tests.end_to_end.checkout import Checkout
from tests.end_to_end.event_truth import BusReader, logged, query
from tests.end_to_end.scenes import decimal

TODAY = datetime.now(UTC).date()
START = TODAY - timedelta(days=4)
DEADLINE_S, LOOK_EVERY_S = 60, 0.02
FIELDS = ["Amount__c", "Tax_Rate__c", "Amount_With_Tax__c"]
COLUMNS = "id, amount_c, tax_rate_c, amount_with_tax_c"
ORDERS = ChangesSpec(SyncSpec("crm", "salesforce"), ObjectSpec("Order__c", tuple(FIELDS)))
SYNC = f"""
type: pipelines.components.SalesforceSync
attributes:
  org: salesforce
  warehouse: default
  objects:
    Order__c:
      fields: [{", ".join(FIELDS)}]
      partitions: {{every: day, start: {START}}}
"""
EVENTS = """
type: pipelines.components.SalesforceEvents
attributes:
  org: salesforce
  warehouse: default
  change_data_capture: {objects: [Order__c]}
"""


class Followed:
    """A project that follows the orders of an org, and what is changed there meanwhile."""

    def __init__(self, root: Path, org: Org) -> None:
        self.org, self.random, self.kills = org, Random(5), 0
        self.checkout, self.log = Checkout(root, SYNC), root / "listen.log"
        folder = root / "pipelines/defs/crm_events"
        folder.mkdir()
        (folder / "defs.yaml").write_text(EVENTS)
        done = self.checkout.run("-m", "pipelines", "setup", org=org)
        assert done.returncode == 0, done.stderr
        # From before anybody followed: these come by a night.
        self.orders = org.change(
            "Order__c",
            create=[{"Amount__c": n} for n in range(20)],
            modstamp=f"{START}T10:00:00Z",
        )
        org.control("PUT", "cdc", {"objects": ["Order__c"]})
        org.control("PUT", "events", {"keepalive_s": 0.5})

    def edit(self) -> None:
        """Some transactions, most of them within a second."""
        for _ in range(4):
            values = {"Amount__c": self.random.randrange(10_000), "Tax_Rate__c": 19}
            chosen = self.random.sample(self.orders, k=3)
            self.org.change("Order__c", update=[{"Id": one, **values} for one in chosen])
        self.orders += self.org.create("Order__c", {"Amount__c": self.random.randrange(10_000)})

    def kill_when(self, reached: Callable[[], bool], within_s: float = 0.3) -> None:
        """Follow, edit until something is reached, and kill at a random moment soon after it."""
        process = self._listen()
        try:
            self._wait_for(reached, process, editing=True)
            kill_at = time.monotonic() + self.random.uniform(0, within_s)
            self._wait_for(lambda: time.monotonic() >= kill_at, process, editing=False)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.kills += 1

    def finish(self, reached: Callable[[], bool]) -> int:
        """Follow until something is reached, and end it as an operator does; its exit code."""
        begun = self._listening()
        process = self._listen()
        try:
            # Before it listens, a SIGTERM ends it as any process.
            self._wait_for(lambda: self._listening() > begun, process, editing=False)
            self._wait_for(reached, process, editing=False)
            os.killpg(process.pid, signal.SIGTERM)
            return process.wait(timeout=40)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _listen(self) -> subprocess.Popen[str]:
        return self.checkout.start(
            "-m", "pipelines", "listen", "--run-every", "0.2", org=self.org, log=self.log
        )

    def _wait_for(
        self, reached: Callable[[], bool], process: subprocess.Popen[str], *, editing: bool
    ) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not reached():
            assert process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            if editing and self.random.random() < 0.1:
                self.edit()
            time.sleep(LOOK_EVERY_S)

    # ---- how far it is

    def more_segments(self, count: int) -> Callable[[], bool]:
        before = self._segments()
        return lambda: self._segments() >= before + count

    def more_runs(self, count: int) -> Callable[[], bool]:
        before = self._runs()
        return lambda: self._runs() >= before + count

    def _segments(self) -> int:
        return len(list(self.checkout.landing.glob("inbox/*/data/*/*/*.arrow")))

    def _listening(self) -> int:
        return self.log.read_text().count("listening") if self.log.exists() else 0

    def _runs(self) -> int:
        return self.log.read_text().count("applied in") if self.log.exists() else 0

    # ---- what it must be

    def is_the_orgs(self) -> bool:
        """Whether every row of the table is as the org has it, and no row is missing."""
        rows = [
            (row["Id"], *(decimal(row[field]) for field in FIELDS))
            for row in self.org.rows("Order__c", "Id", *FIELDS)
        ]
        return sorted(rows, key=_id) == sorted(self._table(), key=_id)

    def _table(self) -> list[tuple[Any, ...]]:
        try:
            return query(self.checkout.warehouse, f"SELECT {COLUMNS} FROM salesforce.order_c")
        except duckdb.IOException:  # a run has the file for itself
            return []


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_listener_that_is_killed_again_and_again_loses_nothing(
    org: Org, tmp_path: Path, record_property
):
    followed = Followed(tmp_path / "copy", org)

    followed.kill_when(followed.more_segments(1))
    org.faults.add({"event": "gap"}, times=2, object="Order__c")
    followed.kill_when(followed.more_runs(1), within_s=0.1)
    night = followed.checkout.start("-m", "pipelines", "sync", org=org)
    org.faults.add({"event": "drop"}, times=2, method="Subscribe")
    followed.kill_when(followed.more_segments(2), within_s=0.05)
    org.faults.add({"event": "duplicate"}, times=2, method="Subscribe")
    org.faults.add({"event": "overflow"}, object="Order__c")
    followed.kill_when(followed.more_runs(1), within_s=1)
    org.faults.add({"event": "expire_replay"}, method="Subscribe")
    followed.kill_when(followed.more_segments(2))
    assert night.wait(timeout=100) == 0

    assert followed.finish(followed.is_the_orgs) == 0

    told = BusReader(org).read(ORDERS.channel)["Order__c"]
    changes = logged(followed.checkout.warehouse, ORDERS)
    kinds = {row.change: row.kind for row in changes}
    assert len(changes) == len(kinds)
    assert kinds == {change: event.kind for change, event in told.changes.items()}
    assert {row.event_id for row in changes} == told.events
    record_property("states", f"{followed.kills} kills, {len(changes):,} changes, each once")


def _id(row: tuple[Any, ...]) -> str:
    return str(row[0])
