"""What a command says when a connection can't log in as things are."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.emulator_process import CHECKOUT, Org
from tests.pipelines.command import Command

NEEDED = {
    "client_credentials": "SALESFORCE_CLIENT_SECRET",
    "jwt_bearer": "SALESFORCE_USERNAME, SALESFORCE_PRIVATE_KEY_FILE",
}


def sync(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipelines", "sync", "--object", "User"],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.slow
@pytest.mark.parametrize("flow", NEEDED)
def test_variables_that_are_missing_are_named_before_any_run(org: Org, tmp_path: Path, flow: str):
    environment = Command(org, tmp_path).environment() | {"SALESFORCE_FLOW": flow}
    del environment["SALESFORCE_CLIENT_SECRET"]

    done = sync(environment)

    said = " ".join(done.stderr.split())
    assert done.returncode == 2
    assert f"SALESFORCE_LOGIN_URL is set, but not {NEEDED[flow]}, without which" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_an_emulator_that_nobody_started_is_named_at_once(org: Org, tmp_path: Path):
    environment = Command(org, tmp_path).environment()
    kept = {k: v for k, v in environment.items() if not k.startswith("SALESFORCE_")}
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound and not listening, so that nobody else takes it
        done = sync(kept | {"EMULATOR_PORT": str(bound.getsockname()[1])})

    assert done.returncode == 2
    assert "Start it with `make dev` or `make emulator`" in " ".join(done.stderr.split())
