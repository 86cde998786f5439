"""`python -m pipelines dev` for tests: Dagster's webserver and daemon, asked by GraphQL."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests

from tests.emulator_process import CHECKOUT, end_process_group
from tests.pipelines.command import Command

START_S = 150


class Service:
    """A running webserver."""

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url, self.process = url, process
        self._http = requests.Session()
        self._http.trust_env = False

    def graphql(self, query: str, **variables: Any) -> Any:
        answer = self._http.post(
            f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60
        )
        body = answer.json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    def is_up(self) -> bool:
        assert self.process.poll() is None, "dagster ended before it was up"
        try:
            loaded = self.graphql(
                "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"
            )
        except requests.ConnectionError:
            return False
        return bool(loaded["repositoriesOrError"].get("nodes"))


@contextmanager
def running_service(command: Command) -> Iterator[Service]:
    """Dagster over the org of ``command``, which isn't started here."""
    port = free_port()
    with (command.folder / "dagster.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines", "dev", "--port", str(port)],
            cwd=CHECKOUT,
            env=command.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            service = Service(f"http://127.0.0.1:{port}", process)
            wait_for(service.is_up, START_S, "webserver")
            yield service
        finally:
            end_process_group(process, signal.SIGTERM)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_for(look: Callable[[], Any], seconds: float, what: str) -> Any:
    """What ``look`` finds, once it finds something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError(f"no {what} within {seconds:.0f} s")
