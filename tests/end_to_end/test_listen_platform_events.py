"""`python -m pipelines listen` follows a platform event and starts jobs, though it is killed."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import dagster as dg
import duckdb
import pytest

from tests.assets.platform_events import Publisher
from tests.emulator_process import Org
from tests.end_to_end.checkout import Checkout

DEADLINE_S = 90
KILLS = 2
EVENTS = """
    type: pipelines.components.SalesforceEvents
    attributes:
      platform_events:
        Order_Event__e: {table: order_events, start_job: erp, when: "Action__c = 'CREATED'"}
"""
JOB = '''
"""What an event starts."""

import dagster as dg


@dg.op
def work() -> None:
    pass


@dg.job
def erp() -> None:
    work()
'''


class Listening:
    """A checkout whose listener is killed with its process group."""

    def __init__(self, root: Path, org: Org) -> None:
        self.org, self.log = org, root / "listen.log"
        self.checkout = Checkout(root, EVENTS)
        folder = root / "pipelines/defs/crm_job"
        folder.mkdir()
        (folder / "jobs.py").write_text(JOB)

    def start(self) -> subprocess.Popen[str]:
        before = self.said("listening")
        process = self.checkout.start(
            "-m", "pipelines", "listen", "--run-every", "0.2", org=self.org, log=self.log
        )
        self.wait_for(lambda: self.said("listening") > before, process)
        return process

    def said(self, what: str) -> int:
        return self.log.read_text().count(what) if self.log.exists() else 0

    def wait_for(self, holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not holds():
            assert process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.02)

    def rows(self) -> list[str]:
        """EventUuids of the table; none while a run has the file for itself."""
        try:
            with duckdb.connect(str(self.checkout.warehouse), read_only=True) as connection:
                found = connection.execute("SELECT event_uuid FROM salesforce.order_events")
                return sorted(row[0] for row in found.fetchall())
        except duckdb.Error:
            return []

    def started(self, instance: dg.DagsterInstance) -> list[str]:
        runs = instance.get_runs(dg.RunsFilter(job_name="erp"))
        return sorted(run.tags["tidegate/event_uuid"] for run in runs)


def kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_listener_that_is_killed_again_and_again_starts_each_run_once(org: Org, tmp_path: Path):
    org.control("PUT", "events", {"keepalive_s": 0.5})
    listening, random, publisher = Listening(tmp_path, org), Random(7), Publisher(org)
    published: dict[str, str] = {}

    def publish(count: int) -> None:
        for _ in range(count):
            action = random.choice(["CREATED", "PAID"])
            published[publisher.publish(str(len(published)), action)] = action

    for _ in range(KILLS):
        process = listening.start()
        try:
            publish(3)
            org.faults.add({"event": "duplicate"}, method="Subscribe")
            kill_at = time.monotonic() + random.uniform(0, 1.5)
            listening.wait_for(lambda kill_at=kill_at: time.monotonic() >= kill_at, process)
        finally:
            kill(process)
    process = listening.start()
    try:
        publish(2)
        listening.wait_for(lambda: len(listening.rows()) == len(published), process)
        with dg.DagsterInstance.from_config(str(tmp_path / ".tidegate/dagster")) as instance:
            matching = sorted(uuid for uuid, action in published.items() if action == "CREATED")
            listening.wait_for(lambda: listening.started(instance) == matching, process)
            os.killpg(process.pid, signal.SIGTERM)
            assert process.wait(timeout=40) == 0
            assert listening.started(instance) == matching
    finally:
        kill(process)
    assert listening.rows() == sorted(published)
    assert "started " in listening.log.read_text()
