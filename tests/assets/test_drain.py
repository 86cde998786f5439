"""Channels of a running org are drained into the inbox; kills and old positions lose nothing."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc
import pytest

from assets.drain import Until, drain
from resources.landing.inbox import Inbox
from resources.landing.inbox_segment import RAW_EVENTS as LANDED_EVENTS
from resources.landing.local_store import LocalStore
from resources.salesforce.client import SalesforceClient
from resources.salesforce.pubsub.channels import change_channel
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.pubsub.decode import EventDecoder
from resources.salesforce.pubsub.errors import TopicAccessError, TopicNotFoundError
from resources.salesforce.pubsub.raw_events import RAW_EVENTS
from resources.salesforce.settings import ClientCredentials, ConnectionSettings
from tests.resources.salesforce.pubsub.scripted_server import Script, refuse, replay_id, serving

ACCOUNTS = change_channel("Account")
IDLE = Until(idle_s=0.3, seconds=30)
PROGRAM = (
    "import sys; from tests.assets.test_drain import drain_until_killed;"
    " drain_until_killed(*sys.argv[1:])"
)


def client_of(url, client_id, client_secret):
    login = ClientCredentials(client_id, client_secret)
    return SalesforceClient(ConnectionSettings("salesforce", url, login))


@pytest.fixture
def client(org):
    org.control("PUT", "cdc", {"objects": ["Account", "Contact", "Order__c"]})
    with client_of(org.url, org.client_id, org.client_secret) as found:
        yield found


@pytest.fixture
def pubsub(org, client):
    with PubSub(client.transport.login, org.ready["pubsub"]) as found:
        yield found


@pytest.fixture
def inbox(org, tmp_path):
    return Inbox(LocalStore(tmp_path / "landing"), org.org_id)


def landed(inbox, channel=ACCOUNTS):
    """All events of a channel, decoded by what the inbox alone knows."""
    decoder = EventDecoder(inbox.schema)
    rows = []
    for segment in inbox.channel(channel).segments("test"):
        found = decoder.decode(inbox.channel(channel).read(segment))
        assert found.undecoded == ()
        rows += (row for batch in found.batches for row in batch.events.to_pylist())
    return rows


def touched(inbox, channel=ACCOUNTS):
    return [record_id for row in landed(inbox, channel) for record_id in row["record_ids"]]


def test_client_and_landing_mean_the_same_by_raw_events():
    assert LANDED_EVENTS.equals(RAW_EVENTS)


def test_changes_land_and_are_read_without_network(org, pubsub, inbox):
    ids = org.create("Account", {"Name": "Acme", "BillingCity": "Ulm"}, {"Name": "Bolt"})
    org.change("Account", update=[{"Id": ids[0], "BillingCity": None, "Phone": "1"}])
    org.change("Account", delete=[ids[1]])

    report = drain(pubsub, inbox, ACCOUNTS, IDLE)
    pubsub.close()

    first, second, update, delete = landed(inbox)
    assert (report.ending, report.events, report.breaks, report.lost_schemas) == ("idle", 4, (), ())
    assert (first["change_type"], first["BillingCity"], first["changed_fields"]) == (
        "CREATE",
        "Ulm",
        [],
    )
    assert second["record_ids"] == [ids[1]]
    assert update["nulled_fields"] == ["BillingCity"]
    assert {"BillingCity", "Phone", "LastModifiedDate"} <= set(update["changed_fields"])
    assert (delete["change_type"], delete["record_ids"]) == ("DELETE", [ids[1]])


def test_the_next_drain_goes_on_where_the_last_one_ended(org, pubsub, inbox):
    before = org.create("Account", count=3)
    drain(pubsub, inbox, ACCOUNTS, IDLE)
    after = org.create("Account", count=2)

    report = drain(pubsub, inbox, ACCOUNTS, IDLE)

    assert report.events == 2
    assert touched(inbox) == before + after


def test_an_idle_channel_that_was_never_drained_loses_nothing_between_drains(org, pubsub, inbox):
    drain(pubsub, inbox, ACCOUNTS, IDLE)
    ids = org.create("Account", count=1)

    drain(pubsub, inbox, ACCOUNTS, IDLE)

    assert touched(inbox) == ids


def test_a_sign_of_life_is_a_position_that_outlives_the_last_event(org, pubsub, inbox):
    [early] = org.create("Account", count=1)
    drain(pubsub, inbox, ACCOUNTS, IDLE)
    last_event = inbox.channel(ACCOUNTS).position()
    org.advance(50 * 3600)
    org.control("PUT", "events", {"keepalive_s": 0.1})
    # The channel is idle for more than 72 hours, and heard meanwhile.
    drain(pubsub, inbox, ACCOUNTS, IDLE)
    heard = inbox.channel(ACCOUNTS).position()
    org.advance(50 * 3600)
    [late] = org.create("Account", count=1)

    report = drain(pubsub, inbox, ACCOUNTS, IDLE)

    assert heard > last_event
    assert report.breaks == ()
    assert touched(inbox) == [early, late]


def test_a_drain_ends_after_so_many_events_and_the_next_one_has_the_rest(org, pubsub, inbox):
    ids = org.create("Account", *({"Name": f"A{n}", "Sic": str(n)} for n in range(400)))

    first = drain(pubsub, inbox, ACCOUNTS, Until(events=50, seconds=30))
    drain(pubsub, inbox, ACCOUNTS, IDLE)

    assert first.ending == "events"
    assert first.events >= 50
    assert touched(inbox) == ids


def test_a_channel_that_somebody_drains_is_left_alone(pubsub, inbox):
    with inbox.channel(ACCOUNTS).try_write():
        assert drain(pubsub, inbox, ACCOUNTS, IDLE) is None


def test_a_drain_is_told_to_stop_from_outside(org, pubsub, inbox):
    stop, reports = threading.Event(), []
    until = Until(stopped=stop.is_set)
    listener = threading.Thread(
        target=lambda: reports.append(drain(pubsub, inbox, ACCOUNTS, until))
    )
    listener.start()
    ids = org.create("Account", count=2)
    deadline = time.monotonic() + 20
    while inbox.channel(ACCOUNTS).newest_seq() == 0 and time.monotonic() < deadline:
        threading.Event().wait(0.02)

    stop.set()
    listener.join(timeout=10)

    assert reports[0].ending == "stopped"
    assert touched(inbox) == ids


def test_an_expired_position_is_a_break_before_what_still_exists(org, pubsub, inbox):
    org.create("Account", count=1)
    drain(pubsub, inbox, ACCOUNTS, IDLE)
    org.advance(80 * 3600)
    kept = org.create("Account", count=1)

    report = drain(pubsub, inbox, ACCOUNTS, IDLE)
    again = drain(pubsub, inbox, ACCOUNTS, IDLE)

    _, mark, segment = inbox.channel(ACCOUNTS).segments("test")
    assert report.breaks == (mark.break_reason,)
    assert (mark.events, segment.events, again.breaks) == (0, 1, ())
    assert touched(inbox)[-1:] == kept


def test_a_position_that_is_none_is_a_break_too_and_only_once(pubsub, inbox):
    first = drain(pubsub, inbox, ACCOUNTS, IDLE, first=b"\xff" * 8)
    second = drain(pubsub, inbox, ACCOUNTS, IDLE, first=b"\xff" * 8)

    assert len(first.breaks) == 1
    assert second.breaks == ()


def test_channels_that_cannot_be_drained_have_their_errors(pubsub, inbox):
    with pytest.raises(TopicNotFoundError):
        drain(pubsub, inbox, "/data/NopeChangeEvent", IDLE)
    with pytest.raises((TopicAccessError, TopicNotFoundError)):
        drain(pubsub, inbox, change_channel("Opportunity"), IDLE)

    assert inbox.channel("/data/NopeChangeEvent").try_write() is not None


def test_events_whose_schema_cannot_be_had_land_with_the_position_behind_them(client, inbox):
    def hidden(context):
        refuse(context, grpc.StatusCode.PERMISSION_DENIED, "schema.meta.permission")

    script = Script(payloads=[b"x"] * 3, call_faults=[hidden] * 9)
    with serving(script), PubSub(client.transport.login, script.endpoint) as pubsub:
        report = drain(pubsub, inbox, ACCOUNTS, IDLE)

    [segment] = inbox.channel(ACCOUNTS).segments("test")
    assert (report.events, report.lost_schemas) == (3, ("account-1",))
    assert inbox.channel(ACCOUNTS).read(segment)["payload"].to_pylist() == [b"x"] * 3
    assert inbox.channel(ACCOUNTS).position() == replay_id(3)
    assert inbox.schema("account-1") is None


def drain_until_killed(url, secret, endpoint, org_id, folder, last_operation):
    """In a process of its own: drain, and die right before the n-th file is opened or renamed."""
    left = int(last_operation)
    inbox = Inbox(LocalStore(Path(folder)), org_id)
    client = client_of(url, "tidegate", secret)
    pubsub = PubSub(client.transport.login, endpoint)
    pubsub.topic(ACCOUNTS)  # logs in and connects, so that only our own files are counted

    def count(event, details):
        nonlocal left
        if event in ("open", "os.rename") and str(folder) in str(details[0]):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    print(json.dumps(drain(pubsub, inbox, ACCOUNTS, IDLE).events), flush=True)


@pytest.mark.slow
def test_killed_drains_lose_and_skip_nothing(org, inbox, pubsub):
    folder = inbox.store.local_path("")
    made = []
    for kill_at in range(1, 19):
        made += org.create("Account", *({"Name": f"{kill_at}", "Sic": str(n)} for n in range(4)))
        arguments = [org.url, org.client_secret, org.ready["pubsub"], org.org_id, str(folder)]
        command = [sys.executable, "-c", PROGRAM, *arguments, str(kill_at)]
        subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=False)

    drain(pubsub, inbox, ACCOUNTS, IDLE)

    assert list(dict.fromkeys(touched(inbox))) == made
