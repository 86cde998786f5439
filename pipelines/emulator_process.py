"""The org emulator as a process of its own; nothing of it is imported here."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from pipelines.environment import CHECKOUT

_END_WAIT_S = 10
_LISTENING_WAIT_S = 5


class EmulatorError(Exception):
    """The emulator ended before it was ready."""

    def __init__(self, command: str, log: str) -> None:
        super().__init__(command, log)
        self.command, self.log = command, log

    def __str__(self) -> str:
        return f"`{self.command}` ended before it was ready:\n{self.log}"


@dataclass(frozen=True)
class Emulator:
    """A running emulator and its controls."""

    url: str
    org_id: str
    pubsub: str

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def pubsub_port(self) -> int:
        return int(self.pubsub.rsplit(":", 1)[1])

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call a control of the emulator; its JSON, or None."""
        with _direct() as http:
            answer = http.request(method, f"{self.url}/_emulator/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def rows(self, object_name: str) -> list[dict[str, Any]]:
        """All rows of an object, deleted ones too, numbers as text's own decimals."""
        url = f"{self.url}/_emulator/records/{object_name}?deleted=true"
        with _direct() as http:
            answer = http.get(url, timeout=120)
        answer.raise_for_status()
        lines = answer.content.decode().split("\n")
        return [json.loads(line, parse_float=Decimal) for line in lines if line]


@contextmanager
def running_emulator(arguments: Sequence[str], log: Path) -> Iterator[Emulator]:
    """An emulator in its own process group, ended with the block."""
    command = [sys.executable, "-m", "emulator", *arguments]
    log.parent.mkdir(parents=True, exist_ok=True)
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
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise EmulatorError(" ".join(command[1:]), log.read_text()[-2000:])
        ready = json.loads(line)
        yield Emulator(ready["url"], ready["org_id"], ready["pubsub"])
    finally:
        end_group(process)


def is_listening(url: str) -> bool:
    """Whether anybody takes connections at an address of this machine."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=_LISTENING_WAIT_S).close()
    except OSError:
        return False
    return True


def end_group(process: subprocess.Popen[str]) -> None:
    """End a process that leads its group, and its children; by force if it takes long."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        os.killpg(process.pid, number)
        try:
            process.wait(timeout=_END_WAIT_S)
        except subprocess.TimeoutExpired:
            continue
    if process.stdout is not None:
        process.stdout.close()


def _direct() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a proxy has no business between us and loopback
    return session
