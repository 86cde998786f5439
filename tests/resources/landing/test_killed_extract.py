"""A process that is killed while it extracts: the next one goes on, on a real disk."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resources.landing.ledger import ExtractLedger
from resources.landing.local_store import LocalStore
from resources.landing.store import read_bytes
from tests.resources.landing.crashing_extract import PAGES, Org, key, steps

EXTRACTS = 150
PROGRAM = (
    "import sys; from tests.resources.landing.test_killed_extract import extract_all; "
    "extract_all(sys.argv[1])"
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


def extract_all(folder):
    """Run in a process of its own: several extracts, one after another."""
    org = LastingOrg(folder)
    ledger = ExtractLedger(LocalStore(Path(folder) / "landing"))
    print("begun", flush=True)
    for number in range(EXTRACTS):
        where = f"x = {number}"
        with ledger.begin_or_continue(key(where), root_run_id="r", run_id="r") as extract:
            *_, manifest = steps(org, extract, where)
        print(manifest.manifest_id, flush=True)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_kills_cost_at_most_one_job_and_one_page_each(tmp_path):
    moments, tries, kills, output = random.Random(11), 0, 0, b""
    while output.count(b"\n") != EXTRACTS + 1:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE
        )
        assert process.stdout.readline() == b"begun\n"
        if tries < 15:
            # Not a wait for something: the moment of the kill is what is tried.
            time.sleep(moments.uniform(0.0, 0.25))
            process.send_signal(signal.SIGKILL)
            tries += 1
        output = b"begun\n" + process.communicate(timeout=120)[0]
        kills += process.returncode == -signal.SIGKILL

    org, store = LastingOrg(tmp_path), LocalStore(tmp_path / "landing")
    pages = [event for event in org.events() if event[0] == "page"]
    assert kills >= 3, "the kills came too late to try anything"
    assert len(org.jobs) <= EXTRACTS + kills
    assert len(pages) <= EXTRACTS * PAGES + kills
    for number in range(EXTRACTS):
        extract = ExtractLedger(store).begin_or_continue(
            key(f"x = {number}"), root_run_id="r", run_id="r"
        )
        landed = [read_bytes(store, page.path).decode() for page in extract.read_manifest().pages]
        assert landed == [f"x = {number} page {n}\n" for n in range(PAGES)]
