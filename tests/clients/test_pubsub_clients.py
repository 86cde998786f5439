"""Public Pub/Sub clients, unmodified, subscribe to the emulator over TLS and decode its events."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.emulator.api import Api
from tests.emulator_process import running_org
from tests.tls import self_signed

TOPIC = "/data/AccountChangeEvent"
FOLDER = Path(__file__).resolve().parent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tls_org(tmp_path_factory):
    """An org that serves TLS, with an account that was created and changed."""
    certificate, key = self_signed(tmp_path_factory.mktemp("tls"))
    options = ["--seed", "empty", "--cdc", "Account", "--tls-cert", certificate, "--tls-key", key]
    with running_org(*options, ca_file=certificate) as org:
        (account,) = org.create(
            "Account", {"Name": "Harbour", "BillingCity": "Kiel", "Industry": "Energy"}
        )
        change = {"Id": account, "BillingStreet": "Kai 1", "Industry": None, "AnnualRevenue": 1.5}
        org.change("Account", update=[change])
        org.account = account
        yield org


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_npm_client_subscribes_and_names_the_changed_fields(tls_org, run_script):
    login = Api(tls_org).login

    created, changed = run_script(
        "subscribe_with_pubsub_client.mjs",
        tls_org.ready["pubsub"],
        login["instance_url"],
        login["access_token"],
        tls_org.org_id,
        TOPIC,
        "2",
    )

    head = created["payload"]["ChangeEventHeader"]
    assert head["changeType"] == "CREATE"
    assert head["recordIds"] == [tls_org.account]
    assert created["payload"]["Name"] == "Harbour"
    head = changed["payload"]["ChangeEventHeader"]
    # The client turns the bitmaps into names by itself.
    assert set(head["changedFields"]) == {
        "BillingAddress.Street",
        "Industry",
        "AnnualRevenue",
        "LastModifiedDate",
    }
    assert head["nulledFields"] == ["Industry"]
    assert changed["payload"]["BillingAddress"]["Street"] == "Kai 1"
    assert changed["replayId"] > created["replayId"]


@pytest.fixture(scope="module")
def python_client(tmp_path_factory):
    """A folder with pysfpubsub and the Avro library that it decodes with."""
    folder = tmp_path_factory.mktemp("pysfpubsub")
    packages = ["pysfpubsub==0.1.2", "avro==1.12.0"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "-t", folder, *packages],
        check=True,
        timeout=100,
    )
    return folder


def test_the_python_client_subscribes_and_decodes(tls_org, python_client):
    login = Api(tls_org).login

    result = subprocess.run(
        [
            sys.executable,
            FOLDER / "subscribe_with_pysfpubsub.py",
            tls_org.ready["pubsub"],
            tls_org.ca_file,
            login["instance_url"],
            login["access_token"],
            tls_org.org_id,
            TOPIC,
            "2",
        ],
        env={**os.environ, "PYTHONPATH": str(python_client)},
        capture_output=True,
        text=True,
        timeout=100,
    )

    assert result.returncode == 0, result.stderr[-3000:]
    created, changed = json.loads(result.stdout)
    assert created["Name"] == "Harbour"
    assert created["BillingAddress"]["City"] == "Kiel"
    assert changed["ChangeEventHeader"]["changeType"] == "UPDATE"
    assert changed["AnnualRevenue"] == 1.5
    assert changed["Name"] is None
