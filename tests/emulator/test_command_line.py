"""`python -m emulator`: options, ready line, exit codes, what stays after a restart."""

import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.x509.oid import NameOID

from emulator.errors import UsageError
from emulator.org import Org
from emulator.settings import Settings, read_settings
from tests.emulator.api import Api
from tests.emulator_process import CHECKOUT, end_process_group, running_org


def test_the_ready_line_has_what_the_contract_names():
    with running_org("--seed", "empty") as org:
        assert set(org.ready) == {
            "url",
            "pubsub",
            "client_id",
            "client_secret",
            "username",
            "password",
            "refresh_token",
            "private_key_file",
            "org_id",
        }
        host, port = org.ready["pubsub"].split(":")
        assert host == "127.0.0.1"
        socket.create_connection((host, int(port)), timeout=5).close()
        assert not org.url.endswith("/")
        assert len(org.org_id) == 18
        assert (org.client_id, org.client_secret) == ("tidegate", "tidegate-secret")


def test_it_ends_with_0_when_told_to_stop():
    with running_org("--seed", "empty") as org:
        Api(org)
        end_process_group(org.process, signal.SIGTERM)

        assert org.process.returncode == 0


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "emulator", "--port", "0", *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize("arguments", [("--seed", "weeds"), ("--rows", "Nothing=5")])
def test_wrong_usage_ends_with_2_and_says_why(arguments):
    ended = run(*arguments)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert arguments[1].partition("=")[0] in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--rows", "Account"), "'Account' isn't OBJECT=N"),
        (("--clock", "yesterday"), "'yesterday' isn't an ISO datetime"),
        (("--schema", "no/such/file.yaml"), "there is no file no/such/file.yaml"),
        (("--host", "0.0.0.0"), "serves this machine only"),
        (("--tls-cert", "pyproject.toml"), "go together"),
        (("--nonsense",), "unrecognized arguments"),
    ],
)
def test_a_wrong_option_is_told(arguments, says, capsys):
    with pytest.raises(SystemExit) as ended:
        read_settings(arguments)

    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_objects_that_the_org_lacks_are_told():
    with pytest.raises(UsageError, match="--cdc Nothing: the org has no object of that name"):
        Org(Settings(cdc_objects=("Nothing",)))


def test_a_port_in_use_ends_with_1():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = run("--port", str(taken.getsockname()[1]))

    assert ended.returncode == 1
    assert "cannot listen on 127.0.0.1" in ended.stderr


def test_rows_and_clock_are_set_from_the_command_line():
    with running_org(
        "--seed", "empty", "--rows", "Account=50", "--rows", "Contact=20",
        "--clock", "2026-03-01T12:00:00Z", "--cdc", "Account,Contact",
    ) as org:  # fmt: skip
        assert len(org.ids("Account")) == 50
        assert len(org.ids("Contact")) == 20
        assert org.now().startswith("2026-03-01T12:00:")
        assert org.control("GET", "cdc") == {"objects": ["Account", "Contact"]}


@pytest.mark.slow  # starts a process of its own, or two
def test_the_demo_org_has_linked_rows_and_deleted_ones():
    with running_org("--seed", "demo") as org:
        contacts = org.rows("Contact", "Id", "AccountId", "IsDeleted", deleted=True)
        accounts = set(org.ids("Account"))

        assert len(accounts) > 100
        assert any(row["AccountId"] in accounts for row in contacts)
        assert org.control("GET", "cdc")["objects"] == ["Account", "Contact", "Order__c"]


def test_a_schema_file_adds_objects(tmp_path):
    file = tmp_path / "more.yaml"
    file.write_text(
        "objects:\n"
        "  Ship__c:\n"
        "    label: Ship\n"
        "    fields:\n"
        "      Tons__c: {type: int, label: Tons}\n"
    )
    with running_org("--seed", "empty", "--schema", str(file)) as org:
        (ship,) = org.create("Ship__c", {"Name": "Anna", "Tons__c": 7})

        assert org.rows("Ship__c", "Id", "Tons__c") == [{"Id": ship, "Tons__c": 7}]


@pytest.mark.slow  # starts a process of its own, or two
def test_a_data_folder_keeps_rows_clock_and_key(tmp_path):
    folder = str(tmp_path / "org")
    with running_org("--seed", "empty", "--data", folder) as org:
        (first,) = org.create("Account", {"Name": "Kept"})
        org.set_clock("2026-03-01T12:00:00Z")
        key = org.private_key_file
    with running_org("--seed", "empty", "--data", folder) as org:
        (second,) = org.create("Account", {"Name": "New"})

        assert {row["Name"] for row in org.rows("Account", "Name")} == {"Kept", "New"}
        assert second > first
        assert org.now().startswith("2026-03-01T12:")
        assert org.private_key_file == key


@pytest.mark.slow  # starts a process of its own, or two
def test_a_data_folder_in_use_ends_with_1(tmp_path):
    folder = str(tmp_path / "org")
    with running_org("--seed", "empty", "--data", folder):
        ended = run("--data", folder)

    assert ended.returncode == 1
    assert "cannot open" in ended.stderr


@pytest.mark.slow  # starts a process of its own, or two
def test_committed_rows_survive_a_kill(tmp_path):
    folder = str(tmp_path / "org")
    with running_org("--seed", "empty", "--data", folder) as org:
        ids = [org.create("Account", {"Name": str(n)})[0] for n in range(5)]
        end_process_group(org.process, signal.SIGKILL)
    with running_org("--seed", "empty", "--data", folder) as org:
        assert org.ids("Account") == ids


@pytest.fixture
def certificate(tmp_path):
    """Files of a certificate for 127.0.0.1 and its key."""
    import ipaddress

    key = generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file


def test_it_serves_https_with_a_certificate(certificate):
    certificate_file, key_file = map(str, certificate)
    with running_org(
        "--seed", "empty", "--tls-cert", certificate_file, "--tls-key", key_file
    ) as org:
        answer = requests.get(f"{org.url}/services/data", verify=certificate_file, timeout=30)

        assert org.url.startswith("https://127.0.0.1:")
        assert answer.status_code == 200
