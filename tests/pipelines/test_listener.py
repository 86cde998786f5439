"""The listener's threads, against channels of a running org."""

import threading
import time
from contextlib import contextmanager

import pytest

from assets.drain import drain
from pipelines.listener import AppliedRun, listen
from resources.landing.inbox import Inbox
from resources.landing.local_store import LocalStore
from resources.salesforce.client import SalesforceClient
from resources.salesforce.pubsub.channels import change_channel
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.settings import ClientCredentials, ConnectionSettings

ACCOUNTS, CONTACTS = change_channel("Account"), change_channel("Contact")
NOT_SELECTED = change_channel("Opportunity")
CONSUMER = "test"


class Counting:
    """Applies what landed by counting it; fails as often as it is told to."""

    def __init__(self, pubsub, inbox, channel, failing=0):
        self._pubsub, self._inbox, self.channel = pubsub, inbox, channel
        self._landed = inbox.channel(channel)
        self.failing, self.applied = failing, []

    def drain(self, until, on_landed):
        return drain(self._pubsub, self._inbox, self.channel, until, on_landed=on_landed)

    def pending(self):
        return self._landed.newest_seq() > self._landed.consumed(CONSUMER)

    def apply(self):
        """What is wrong, or None."""
        if self.failing:
            self.failing -= 1
            return "Told to fail."
        segments = self._landed.segments(CONSUMER)
        self.applied.append(sum(segment.events for segment in segments))
        self._landed.mark_consumed(CONSUMER, segments[-1].seq)
        return None


def eventually(holds, seconds=30):
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "it never came"
        threading.Event().wait(0.02)
    return found


@contextmanager
def listening(works, run_every_s=0.0, apply=None):
    """The listener in a thread of its own: what it says, and its answer when the block ends."""
    stop, said, states = threading.Event(), [], []
    by_channel = {work.channel: work for work in works}

    def apply_by_counting(channels):
        problems = {channel: by_channel[channel].apply() for channel in channels}
        return AppliedRun("r", 0.0, {c: text for c, text in problems.items() if text})

    thread = threading.Thread(
        target=lambda: states.extend(
            listen(works, apply or apply_by_counting, stop, said.append, run_every_s=run_every_s)
        )
    )
    thread.start()
    try:
        yield said, states
    finally:
        stop.set()
        thread.join(timeout=30)
        assert not thread.is_alive()


@pytest.fixture
def pubsub(org):
    org.control("PUT", "cdc", {"objects": ["Account", "Contact"]})
    login = ClientCredentials(org.client_id, org.client_secret)
    settings = ConnectionSettings("salesforce", org.url, login)
    with (
        SalesforceClient(settings) as client,
        PubSub(client.transport.login, org.ready["pubsub"]) as found,
    ):
        yield found


@pytest.fixture
def inbox(org, tmp_path):
    return Inbox(LocalStore(tmp_path), org.org_id)


def test_changes_are_applied_while_the_listener_goes_on(org, pubsub, inbox):
    accounts, contacts = Counting(pubsub, inbox, ACCOUNTS), Counting(pubsub, inbox, CONTACTS)

    with listening([accounts, contacts]) as (_, states):
        org.create("Account", count=2)
        org.create("Contact", {"LastName": "Weber"})
        eventually(lambda: (sum(accounts.applied), sum(contacts.applied)) == (2, 1))
        org.create("Account", count=3)
        eventually(lambda: sum(accounts.applied) == 5)

    assert [(state.status, state.events, state.error) for state in states] == [
        ("stopped", 5, None),
        ("stopped", 1, None),
    ]


def test_a_channel_in_error_is_tried_again_and_holds_no_other_up(org, pubsub, inbox):
    accounts, refused = Counting(pubsub, inbox, ACCOUNTS), Counting(pubsub, inbox, NOT_SELECTED)

    with listening([refused, accounts]) as (said, states):
        eventually(lambda: sum("Again in" in sentence for sentence in said) >= 2)
        org.create("Account", count=1)
        eventually(lambda: accounts.applied == [1])
        org.control("PUT", "cdc", {"objects": ["Account", "Opportunity"]})
        org.create("Opportunity", {"Name": "O", "StageName": "New", "CloseDate": "2026-12-01"})
        eventually(lambda: refused.applied == [1])

    assert [state.status for state in states] == ["stopped", "stopped"]
    assert states[0].failures >= 2
    assert "was refused with" in next(s for s in said if s.startswith(NOT_SELECTED))


def test_a_channel_that_another_process_drains_is_taken_when_it_becomes_free(org, pubsub, inbox):
    accounts = Counting(pubsub, inbox, ACCOUNTS)

    other = inbox.channel(ACCOUNTS).try_write()

    with listening([accounts]) as (said, _):
        eventually(lambda: f"{ACCOUNTS}: another process drains it" in said)
        org.create("Account", count=1)
        other.__exit__(None, None, None)
        eventually(lambda: accounts.applied == [1])


def test_what_a_killed_listener_has_landed_is_applied_at_the_start(org, pubsub, inbox):
    first = Counting(pubsub, inbox, ACCOUNTS, failing=10_000)
    with listening([first]):
        org.create("Account", count=4)
        eventually(lambda: inbox.channel(ACCOUNTS).newest_seq() > 0)
    second = Counting(pubsub, inbox, ACCOUNTS)

    with listening([second]):
        eventually(lambda: second.applied == [4])


def test_a_run_that_failed_is_repeated_without_a_further_event(org, pubsub, inbox):
    accounts = Counting(pubsub, inbox, ACCOUNTS, failing=1)

    with listening([accounts]) as (said, states):
        org.create("Account", count=1)
        eventually(lambda: accounts.applied == [1])

    assert f"{ACCOUNTS}: run r failed: Told to fail. Again in 1 s." in said
    assert (states[0].runs, states[0].failed_runs) == (2, 1)


@pytest.mark.slow
def test_events_that_are_left_on_purpose_are_looked_at_again(org, pubsub, inbox):
    accounts, answers = Counting(pubsub, inbox, ACCOUNTS), []

    def apply(channels):
        assert channels == [ACCOUNTS]
        answers.append(None)
        if len(answers) == 1:
            said = {ACCOUNTS: ["1 event(s) or more wait: 20 of its runs wait or work"]}
            return AppliedRun(None, 0.0, said=said, waits=frozenset([ACCOUNTS]))
        assert accounts.apply() is None
        return AppliedRun(None, 0.0, said={ACCOUNTS: ["started 1 run(s) of erp"]})

    with listening([accounts], apply=apply) as (said, states):
        org.create("Account", count=1)
        eventually(lambda: accounts.applied == [1])
        eventually(lambda: f"{ACCOUNTS}: started 1 run(s) of erp" in said)

    assert f"{ACCOUNTS}: 1 event(s) or more wait: 20 of its runs wait or work" in said
    assert states[0].runs == 0


def test_what_fails_beside_a_run_is_tried_again(org, pubsub, inbox):
    accounts, answers = Counting(pubsub, inbox, ACCOUNTS), []

    def apply(channels):
        answers.append(None)
        if len(answers) == 1:
            return AppliedRun(None, 0.0, problems={ACCOUNTS: "starts nothing: no such job."})
        assert accounts.apply() is None
        return AppliedRun(None, 0.0)

    with listening([accounts], apply=apply) as (said, _):
        org.create("Account", count=1)
        eventually(lambda: accounts.applied == [1])

    assert f"{ACCOUNTS}: starts nothing: no such job. Again in 1 s." in said


def test_changes_that_keep_coming_share_runs(org, pubsub, inbox):
    accounts = Counting(pubsub, inbox, ACCOUNTS)

    with listening([accounts], run_every_s=3.0):
        org.create("Account", count=1)
        eventually(lambda: accounts.applied == [1])
        for _ in range(5):
            org.create("Account", count=1)
        eventually(lambda: sum(accounts.applied) == 6)

    assert accounts.applied == [1, 5]
