"""The events of a running org: what goes wrong on the way costs nothing but time."""

import subprocess
import time

import pyarrow as pa
import pytest
import requests

from resources.salesforce.auth import parse_token
from resources.salesforce.client import SalesforceClient
from resources.salesforce.login_session import LoginSession
from resources.salesforce.pubsub.channels import change_channel, event_channel
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.pubsub.decode import EventDecoder, names_all_records
from resources.salesforce.pubsub.errors import PubSubUnavailableError, ReplayIdError
from resources.salesforce.pubsub.raw_events import raw_batch
from resources.salesforce.retry_plan import RetryPolicy
from resources.salesforce.settings import ClientCredentials, ConnectionSettings
from resources.salesforce.transport import ApiRequest
from tests.emulator_process import running_org

ACCOUNTS = change_channel("Account")
QUICK = RetryPolicy(first_wait_s=0.01, longest_wait_s=0.1)


def connected(org, **settings):
    login = ClientCredentials(org.client_id, org.client_secret)
    client = SalesforceClient(ConnectionSettings("salesforce", org.url, login))
    return client, PubSub(client.transport.login, org.ready["pubsub"], retry=QUICK, **settings)


@pytest.fixture
def connection(org):
    org.control("PUT", "cdc", {"objects": ["Account", "Contact", "Order__c"]})
    client, pubsub = connected(org, silence_timeout_s=1.0)
    with client, pubsub:
        yield client, pubsub


@pytest.fixture
def client(connection):
    return connection[0]


@pytest.fixture
def pubsub(connection):
    return connection[1]


def received(subscription, count, timeout_s=20):
    """Take until so many events came."""
    found, deadline = [], time.monotonic() + timeout_s
    while sum(len(d.events) for d in found) < count and time.monotonic() < deadline:
        delivery = subscription.take(0.5)
        found += [delivery] if delivery else []
    return raw_batch(found)


def decoded(client, pubsub, events):
    found = EventDecoder(pubsub.schema_json, client.describe).decode(events)
    assert found.undecoded == ()
    return [row for batch in found.batches for row in batch.events.to_pylist()]


def test_rows_that_changed_alike_in_one_transaction_are_one_event(org, client, pubsub):
    ids = org.create("Account", count=3)

    with pubsub.subscribe(ACCOUNTS, "earliest") as subscription:
        created = received(subscription, 3).num_rows
        org.change("Account", update=[{"Id": one, "Phone": "1"} for one in ids])
        (row,) = decoded(client, pubsub, received(subscription, 1))

    assert created == 3
    assert sorted(row["record_ids"]) == sorted(ids)
    assert set(row["changed_fields"]) == {"Phone", "LastModifiedDate"}


def test_purged_rows_have_no_event(org, client, pubsub):
    (one,) = org.create("Account", count=1)
    org.change("Account", delete=[one])
    org.change("Account", purge=[one])
    (marker,) = org.create("Account", count=1)

    with pubsub.subscribe(ACCOUNTS, "earliest") as subscription:
        rows = decoded(client, pubsub, received(subscription, 3))

    assert [row["change_type"] for row in rows] == ["CREATE", "DELETE", "CREATE"]
    assert rows[-1]["record_ids"] == [marker]


@pytest.mark.parametrize(("event", "silences"), [("drop", 0), ("silence", 1)])
def test_a_stream_that_ends_or_falls_silent_skips_nothing(org, client, pubsub, event, silences):
    org.faults.add({"event": event}, method="Subscribe", path=ACCOUNTS)
    ids = org.create("Account", *({"Name": f"A{n}", "Sic": str(n)} for n in range(5)))

    with pubsub.subscribe(ACCOUNTS, "earliest") as subscription:
        rows = decoded(client, pubsub, received(subscription, 5))

    assert [record_id for row in rows for record_id in row["record_ids"]] == ids
    assert (subscription.silences, subscription.reopened) == (silences, 1)


def test_a_repeated_event_has_the_same_id_and_another_position(org, pubsub):
    org.faults.add({"event": "duplicate"}, method="Subscribe", path=ACCOUNTS)
    org.create("Account", count=1)

    with pubsub.subscribe(ACCOUNTS, "earliest") as subscription:
        events = received(subscription, 2)

    assert len(set(events["event_id"].to_pylist())) == 1
    assert len(set(events["replay_id"].to_pylist())) == 2


def test_gaps_and_overflows_name_what_to_read(org, client, pubsub):
    org.faults.add({"event": "gap"}, object="Account")
    (one,) = org.create("Account", count=1)
    org.faults.add({"event": "overflow"}, object="Account")
    org.change("Account", update=[{"Id": one, "Phone": "1"}])

    with pubsub.subscribe(ACCOUNTS, "earliest") as subscription:
        gap, overflow = decoded(client, pubsub, received(subscription, 2))

    assert (gap["change_type"], gap["record_ids"], gap["Name"]) == ("GAP_CREATE", [one], None)
    assert overflow["change_type"] == "GAP_OVERFLOW"
    assert [names_all_records(record_id) for record_id in overflow["record_ids"]] == [True]


def test_an_expired_position_is_named(org, pubsub):
    org.faults.add({"event": "expire_replay"}, method="Subscribe", path=ACCOUNTS)

    with pubsub.subscribe(ACCOUNTS, b"\0" * 8) as subscription, pytest.raises(ReplayIdError):
        subscription.take(20)


def test_signs_of_life_of_an_idle_channel_have_a_position_to_go_on_from(org, client, pubsub):
    org.control("PUT", "events", {"keepalive_s": 0.2})
    org.create("Account", count=1)

    with pubsub.subscribe(ACCOUNTS, "latest") as subscription:
        alive = subscription.take(20)
    (late,) = org.create("Account", count=1)
    with pubsub.subscribe(ACCOUNTS, alive.replay_id) as subscription:
        rows = decoded(client, pubsub, received(subscription, 1))

    assert alive.events == ()
    assert [row["record_ids"] for row in rows] == [[late]]


def test_published_events_arrive_under_the_ids_of_their_results(org, client, pubsub):
    channel = event_channel("Order_Event__e")
    results = pubsub.publish(channel, pa.table({"Action__c": ["CREATED", None]}))

    with pubsub.subscribe(channel, "earliest") as subscription:
        rows = decoded(client, pubsub, received(subscription, 2))

    assert results["outcome"].to_pylist() == ["queued", "queued"]
    assert [row["event_id"] for row in rows] == results["event_id"].to_pylist()
    assert [row["replay_id"] for row in rows] == results["replay_id"].to_pylist()
    assert [row["Action__c"] for row in rows] == ["CREATED", None]


def test_an_event_by_rest_arrives_under_the_id_among_its_errors(org, client, pubsub):
    body = {"Action__c": "CREATED", "Order_Id__c": "A-1"}
    path = f"{client.transport.base}/sobjects/Order_Event__e"
    answer = client.transport.json(ApiRequest("POST", path, json_body=body, creates=True)).json

    with pubsub.subscribe(event_channel("Order_Event__e"), "earliest") as subscription:
        (row,) = decoded(client, pubsub, received(subscription, 1))

    assert answer["success"] is True
    assert [error["message"] for error in answer["errors"]] == [row["event_id"]]


def test_events_of_a_burst_are_all_received_in_order(org, pubsub):
    org.create("Account", count=5)
    burst = {"object": "Account", "count": 3_000, "rate": 50_000}
    org.control("POST", "events/burst", burst)

    with pubsub.subscribe(ACCOUNTS, "earliest") as subscription:
        events = received(subscription, 3_005)

    replay_ids = events["replay_id"].to_pylist()
    assert events.num_rows == 3_005
    assert replay_ids == sorted(set(replay_ids))


def test_a_revoked_token_is_renewed_on_the_way(org, client, pubsub):
    org.create("Account", count=1)
    token = client.transport.login.current().access_token
    revoked = requests.post(f"{org.url}/services/oauth2/revoke", data={"token": token}, timeout=10)

    with pubsub.subscribe(ACCOUNTS, "earliest") as subscription:
        events = received(subscription, 1)

    assert revoked.ok
    assert events.num_rows == 1
    assert client.transport.login.current().access_token != token


@pytest.mark.slow
def test_an_encrypted_connection_is_checked_against_what_is_trusted(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    with running_org("--tls-cert", str(certificate), "--tls-key", str(key)) as org:
        settings = ConnectionSettings(
            "salesforce", org.url, ClientCredentials(org.client_id, org.client_secret)
        )

        def post_token(form):
            answer = requests.post(
                f"{org.url}/services/oauth2/token", form(), verify=str(certificate), timeout=10
            )
            return parse_token(answer.content, org.url)

        endpoint = f"https://{org.ready['pubsub']}"
        login = LoginSession(settings, post_token)
        with PubSub(login, endpoint, root_certificates=certificate.read_bytes()) as trusting:
            assert trusting.topic(ACCOUNTS).name == ACCOUNTS
        with PubSub(login, endpoint, retry=QUICK) as wary, pytest.raises(PubSubUnavailableError):
            wary.topic(ACCOUNTS)
