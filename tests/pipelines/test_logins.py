"""What a command says when a connection can't log in as things are."""

import socket
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from tests.emulator_process import CHECKOUT, Org
from tests.pipelines.command import Command
from tests.pipelines.conftest import DefsFolder

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


def failure_of_a_run(defs_folder: DefsFolder) -> str:
    """What the page of a run says, that Dagster started without our command."""
    defs_folder.write(
        "crm",
        """
        type: pipelines.components.SalesforceSync
        attributes:
          objects: {User: {fields: [Name]}}
        """,
    )
    with defs_folder.load() as defs, dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, raise_on_error=False
        )
        [failed] = [event for event in result.all_events if event.is_step_failure]
        data = failed.step_failure_data.user_failure_data
        assert data is not None, failed.step_failure_data.error
        return data.description or ""


def test_a_run_without_its_secret_fails_with_the_variables_name(monkeypatch, defs_folder):
    monkeypatch.setenv("SALESFORCE_LOGIN_URL", "https://example.my.salesforce.com")
    monkeypatch.setenv("SALESFORCE_CLIENT_ID", "the app")
    monkeypatch.delenv("SALESFORCE_CLIENT_SECRET", raising=False)

    said = failure_of_a_run(defs_folder)

    assert "SALESFORCE_LOGIN_URL is set, but not SALESFORCE_CLIENT_SECRET, without which" in said


def test_a_run_whose_key_file_is_missing_names_the_file(monkeypatch, defs_folder):
    monkeypatch.setenv("SALESFORCE_LOGIN_URL", "https://example.my.salesforce.com")
    monkeypatch.setenv("SALESFORCE_FLOW", "jwt_bearer")
    monkeypatch.setenv("SALESFORCE_CLIENT_ID", "the app")
    monkeypatch.setenv("SALESFORCE_USERNAME", "sync@example.com")
    monkeypatch.setenv("SALESFORCE_PRIVATE_KEY_FILE", "/nowhere/key.pem")

    assert "/nowhere/key.pem can't be read: No such file" in failure_of_a_run(defs_folder)
