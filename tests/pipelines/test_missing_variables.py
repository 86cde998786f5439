"""What a command says when a connection's variables are incomplete."""

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


@pytest.mark.slow
@pytest.mark.parametrize("flow", NEEDED)
def test_variables_that_are_missing_are_named_before_any_run(org: Org, tmp_path: Path, flow: str):
    environment = Command(org, tmp_path).environment() | {"SALESFORCE_FLOW": flow}
    del environment["SALESFORCE_CLIENT_SECRET"]

    done = subprocess.run(
        [sys.executable, "-m", "pipelines", "sync", "--object", "User"],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )

    said = " ".join(done.stderr.split())
    assert done.returncode == 2
    assert f"SALESFORCE_LOGIN_URL is set, but not {NEEDED[flow]}, without which" in said
    assert "Traceback" not in said
