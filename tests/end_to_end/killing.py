"""A sync by command that is killed with its whole process group, and what lies there then."""

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import parse_qs

from tests.emulator_process import Org
from tests.end_to_end.checkout import Checkout

LOOK_EVERY_S = 0.01
DEADLINE_S = 120

Reached = Callable[[], bool]


@dataclass(frozen=True)
class Page:
    """A page in the ledger: what it was asked by."""

    job_id: str | None
    locator: str | None


@dataclass
class KilledSync:
    """Starts the same command again and again, and kills it when something is reached.

    `landed` holds per kill the org's time and the pages that had landed by then.
    """

    checkout: Checkout
    org: Org
    arguments: tuple[str, ...]
    random: Random
    kills: int = 0
    landed: list[tuple[str, set[Page]]] = field(default_factory=list)

    def kill_when(self, reached: Reached, what: str, within_s: float = 0.3) -> None:
        """Kill at a random moment soon after `reached`, once the command has logged in."""
        before = self.logins()
        log = self.checkout.root / "killed.log"
        process = self.checkout.start(
            "-m", "pipelines", "sync", *self.arguments, org=self.org, log=log
        )
        deadline = time.monotonic() + DEADLINE_S
        try:
            while self.logins() == before or not reached():
                assert process.poll() is None, f"ended before {what}:\n{log.read_text()[-2000:]}"
                assert time.monotonic() < deadline, f"never came to {what}"
                time.sleep(LOOK_EVERY_S)
            kill_at = time.monotonic() + self.random.uniform(0, within_s)
            while time.monotonic() < kill_at and process.poll() is None:
                time.sleep(LOOK_EVERY_S)
            assert process.poll() is None, f"ended soon after {what}"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.kills += 1
        self.landed.append((self.org.now(), self.pages()))

    def finish(self) -> None:
        """Run it to its end."""
        done = self.checkout.run("-m", "pipelines", "sync", *self.arguments, org=self.org)
        assert done.returncode == 0, done.stdout + done.stderr

    # ---- what lies in the landing store

    def files(self, pattern: str) -> list[Path]:
        return list(self.checkout.landing.rglob(pattern))

    def has(self, pattern: str, count: int = 1) -> Reached:
        """Whether there are so many files."""
        return lambda: len(self.files(pattern)) >= count

    def pages(self) -> set[Page]:
        found = set()
        for record in self.files("*.page"):
            job = record.parent.parent / "job.json"
            job_id = json.loads(job.read_text())["job_id"] if job.exists() else None
            found.add(Page(job_id, json.loads(record.read_text())["locator"]))
        return found

    # ---- what was asked of the org

    def logins(self) -> int:
        return sum(r["path"].endswith("/oauth2/token") for r in self.org.requests_since())

    def jobs(self) -> int:
        """How many query jobs were submitted."""
        asked = self.org.requests_since()
        return sum(r["method"] == "POST" and r["path"].endswith("/jobs/query") for r in asked)

    def pages_asked_again(self) -> list[Page]:
        """Pages that had landed before a kill and were asked for after it."""
        asked = [(r["at"], page) for r in self.org.requests_since() if (page := _page(r))]
        return [
            page for killed, landed in self.landed for at, page in asked
            if at > killed and page in landed
        ]  # fmt: skip


def _page(request: dict[str, str]) -> Page | None:
    """The page that a request asks for; None if it asks for something else."""
    path = request["path"]
    if path.endswith("/results"):
        locator = parse_qs(request.get("query", "")).get("locator")
        return Page(path.split("/")[-2], locator[0] if locator else None)
    if "/query/" in path and "/jobs/" not in path:
        return Page(None, path)
    return None
