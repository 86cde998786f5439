"""A process that is killed while it extracts: the next one goes on, on a real disk."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from resources.landing.ledger import ExtractLedger
from resources.landing.local_store import LocalStore
from resources.landing.store import read_bytes
from tests.resources.landing.crashing_extract import PAGES, Org, key, steps

EXTRACTS = 30
KILLS = 20
PROGRAM = (
    "import sys; from tests.resources.landing.test_killed_extract import extract_all; "
    "extract_all(*sys.argv[1:])"
)


class LastingOrg(Org):
    """Its jobs and its log outlive the processes that ask, as an org's do."""

    def __init__(self, folder):
        super().__init__()
        self.log = Path(folder) / "org.log"
        for kind, job_id, detail in self.events():
            if kind == "submit":
                self.jobs[job_id] = (detail, self.now())

    def events(self):
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def submit(self, soql):
        job_id = super().submit(soql)
        self.write("submit", job_id, soql)
        return job_id

    def page(self, job_id, index):
        self.write("page", job_id, index)
        return super().page(job_id, index)

    def write(self, *event):
        with self.log.open("a") as file:
            file.write(json.dumps(event) + "\n")


def die_at(operation):
    """Kill this process right before its n-th opening or renaming of a file; 0: never."""
    left = itertools.count(1)

    def count(event, _):
        if event in ("open", "os.rename") and next(left) == operation:
            os.kill(os.getpid(), signal.SIGKILL)

    if operation:
        sys.addaudithook(count)


def extract_all(folder, last_operation):
    """Run in a process of its own: several extracts, one after another."""
    org = LastingOrg(folder)
    die_at(int(last_operation))
    ledger = ExtractLedger(LocalStore(Path(folder) / "landing"))
    for number in range(EXTRACTS):
        where = f"x = {number}"
        with ledger.begin_or_continue(key(where), root_run_id="r", run_id="r") as extract:
            *_, manifest = steps(org, extract, where)
        print(manifest.manifest_id, flush=True)


def run(folder, last_operation):
    command = [sys.executable, "-c", PROGRAM, str(folder), str(last_operation)]
    return subprocess.run(command, stdout=subprocess.PIPE, timeout=120)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_kills_cost_at_most_one_job_and_one_page_each(tmp_path):
    dice = random.Random(11)
    for operation in dice.sample(range(1, 120), KILLS):
        assert run(tmp_path, operation).returncode == -signal.SIGKILL
    last = run(tmp_path, 0)
    assert last.returncode == 0
    assert last.stdout.count(b"\n") == EXTRACTS

    org, store = LastingOrg(tmp_path), LocalStore(tmp_path / "landing")
    pages = [event for event in org.events() if event[0] == "page"]
    assert len(org.jobs) <= EXTRACTS + KILLS
    assert len(pages) <= EXTRACTS * PAGES + KILLS
    for number in range(EXTRACTS):
        extract = ExtractLedger(store).begin_or_continue(
            key(f"x = {number}"), root_run_id="r", run_id="r"
        )
        landed = [read_bytes(store, page.path).decode() for page in extract.read_manifest().pages]
        assert landed == [f"x = {number} page {n}\n" for n in range(PAGES)]
