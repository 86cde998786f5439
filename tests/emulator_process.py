"""An org for tests: `python -m emulator` as a process of its own, and its controls.

Nothing here imports the emulator or the client: what a test learns about the org through this
module comes over a socket, by other code than the code under test.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

CHECKOUT = Path(__file__).resolve().parent.parent


class Faults:
    """Things that go wrong in the org, on request."""

    def __init__(self, org: "Org") -> None:
        self._org = org

    def add(self, do: dict[str, Any], times: int = 1, **match_and_more: Any) -> None:
        """Inject `do` for the next `times` requests that match.

        `method`, `path` (a glob) and `object` select requests; `after` and `probability` say when.
        """
        match = {k: v for k, v in match_and_more.items() if k in ("method", "path", "object")}
        rest = {k: v for k, v in match_and_more.items() if k not in match}
        self._org.control("POST", "faults", {"match": match, "times": times, "do": do, **rest})

    def cut_connection(self, path: str, after_bytes: int, times: int = 1, **more: Any) -> None:
        """Send `after_bytes` of the body, then close the connection."""
        self.add({"cut_after_bytes": after_bytes}, times, path=path, **more)

    def answer(self, status: int, body: Any, times: int = 1, **more: Any) -> None:
        """Answer with this status and body instead of doing the work."""
        self.add({"status": status, "body": body}, times, **more)

    def clear(self) -> None:
        """No more faults."""
        self._org.control("DELETE", "faults")


class Org:
    """One running org and its controls (`/_emulator/…`)."""

    def __init__(
        self,
        ready: dict[str, Any],
        process: subprocess.Popen[str],
        log: Path,
        ca_file: str | None = None,
    ) -> None:
        self.ready = ready
        self.process = process
        self.log_file = log
        self.url: str = ready["url"]
        self.client_id: str = ready["client_id"]
        self.client_secret: str = ready["client_secret"]
        self.username: str = ready["username"]
        self.password: str = ready["password"]
        self.refresh_token: str = ready["refresh_token"]
        self.private_key_file: str = ready["private_key_file"]
        self.org_id: str = ready["org_id"]
        self.faults = Faults(self)
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.verify = ca_file or True
        self.ca_file = ca_file

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call one control; returns its JSON, or None where it has none."""
        answer = self._http.request(method, f"{self.url}/_emulator/{path}", json=body, timeout=120)
        assert answer.ok, f"{method} /_emulator/{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def change(self, object_name: str, **changes: Any) -> list[str]:
        """Change rows as one transaction; returns the Ids that the org answers."""
        answer = self.control("POST", f"records/{object_name}", changes)
        return answer["ids"] if isinstance(answer, dict) else answer

    def create(self, object_name: str, *rows: dict[str, Any], count: int = 0) -> list[str]:
        """Create these rows, or `count` plain ones; returns their Ids."""
        made = list(rows) or [{"Name": f"{object_name} {n}"} for n in range(count)]
        return self.change(object_name, create=made)

    def rows(self, object_name: str, *fields: str, deleted: bool = False) -> list[dict[str, Any]]:
        """The truth: the org's own rows, unordered."""
        query = f"fields={','.join(fields)}&" if fields else ""
        answer = self._http.get(
            f"{self.url}/_emulator/records/{object_name}?{query}deleted={str(deleted).lower()}",
            timeout=300,
        )
        assert answer.ok, answer.text[:500]
        return [json.loads(line) for line in answer.text.split("\n") if line]

    def ids(self, object_name: str) -> list[str]:
        """Ids of the rows that aren't deleted, sorted."""
        return sorted(row["Id"] for row in self.rows(object_name, "Id"))

    def now(self) -> str:
        """The org's clock, ISO."""
        return self.control("GET", "clock")["now"]

    def set_clock(self, iso: str) -> None:
        """Set the org's clock."""
        self.control("PUT", "clock", {"now": iso})

    def advance(self, seconds: float) -> None:
        """Move the org's clock on."""
        self.control("POST", "clock/advance", {"seconds": seconds})

    def requests_since(self, since: int = 0) -> list[dict[str, Any]]:
        """The org's log of requests after number `since`."""
        answer = self.control("GET", f"requests?since={since}")
        return answer["requests"] if isinstance(answer, dict) else answer

    def reset(self, seed: str = "empty") -> None:
        """As freshly started."""
        self.control("POST", "reset", {"seed": seed})

    def environment(self) -> dict[str, str]:
        """What a process must have set to use this org through client credentials."""
        return {
            "SALESFORCE_LOGIN_URL": self.url,
            "SALESFORCE_FLOW": "client_credentials",
            "SALESFORCE_CLIENT_ID": self.client_id,
            "SALESFORCE_CLIENT_SECRET": self.client_secret,
            "SALESFORCE_PUBSUB": self.ready["pubsub"],
        }


@contextmanager
def running_org(*arguments: str, ca_file: str | None = None) -> Iterator[Org]:
    """An emulator on a free port, in its own process group, ended at the end.

    `ca_file` is whom to trust when it serves TLS.
    """
    folder = tempfile.TemporaryDirectory(prefix="tidegate-org-")
    log = Path(folder.name) / "emulator.log"
    command = [sys.executable, "-m", "emulator", "--port", "0", "--pubsub-port", "0", *arguments]
    with log.open("w") as stderr:
        process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"{' '.join(command)} ended before it was ready:\n{log.read_text()[-3000:]}"
        yield Org(json.loads(line), process, log, ca_file)
    finally:
        end_process_group(process)
        folder.cleanup()


def end_process_group(process: subprocess.Popen[str], with_signal: int = signal.SIGTERM) -> None:
    """End the process and its children; SIGKILL after ten seconds."""
    for number in (with_signal, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
        try:
            process.wait(timeout=10)
            break
        except subprocess.TimeoutExpired:
            continue
    if process.stdout is not None:
        process.stdout.close()
