"""An event that can't be read holds its own channel up, for some tries, and no other."""

from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from assets.changes import changes_asset
from assets.changes_spec import ChangesSpec
from assets.specs import ObjectSpec
from resources.landing.inbox import Inbox
from resources.landing.inbox_segment import RAW_EVENTS
from tests.assets.changes import Follower
from tests.assets.conftest import Harbour, metadata

UNREADABLE = {
    "bytes that are no Avro": ({"payload": b"\xff" * 9}, "can't be read by schema"),
    "a schema that can't be fetched": (
        {"schema_id": "lost"},
        "GetSchema of lost was refused with INVALID_ARGUMENT schema.validation.failed",
    ),
}


@pytest.fixture
def follower(harbour: Harbour) -> Follower:
    """Follows accounts and contacts; gives an event up at the third try."""
    harbour.org.control("PUT", "cdc", {"objects": ["Account", "Contact"]})
    objects = ObjectSpec("Account", ("Name",)), ObjectSpec("Contact", ("LastName",))
    return Follower(harbour, *objects, dead_after_tries=3)


def land_unreadable(harbour: Harbour, spec: ChangesSpec, changed: dict[str, Any]) -> dict[str, Any]:
    """The channel's last event again, behind it and with some of its parts replaced."""
    channel = Inbox(harbour.resources["landing"].open(), harbour.org.org_id).channel(spec.channel)
    good = channel.read(channel.last_segment()).to_pylist()[-1]
    # Its number plus one: before the org's next event, so that the drain goes on as usual.
    behind = (int.from_bytes(good["replay_id"], "big") + 1).to_bytes(8, "big")
    bad = {**good, "replay_id": behind, "event_id": "unreadable", **changed}
    with channel.try_write() as writer:
        writer.append(pa.RecordBatch.from_pylist([bad], schema=RAW_EVENTS), good["replay_id"])
    return bad


def run_of_all(follower: Follower) -> dg.ExecuteInProcessResult:
    """What has come, applied in one run of all channels."""
    for spec in follower.specs:
        follower.drain(spec)
    return dg.materialize(
        [changes_asset(spec) for spec in follower.specs],
        instance=follower.harbour.instance,
        resources=follower.harbour.resources,
        raise_on_error=False,
    )


def problem(result: dg.ExecuteInProcessResult) -> str:
    [failed] = [event for event in result.all_events if event.is_step_failure]
    return failed.step_failure_data.user_failure_data.description


def position(harbour: Harbour, spec: ChangesSpec) -> list[tuple[Any, ...]]:
    query = f"SELECT replay_id FROM _tidegate.positions WHERE channel = '{spec.channel}'"
    return harbour.query(query)


@pytest.mark.slow
@pytest.mark.parametrize(("changed", "said"), UNREADABLE.values(), ids=list(UNREADABLE))
def test_it_is_named_and_waits_while_other_channels_go_on_and_then_is_set_aside_with_its_bytes(
    harbour: Harbour, follower: Follower, changed: dict[str, Any], said: str
):
    accounts, contacts = follower.specs
    harbour.org.create("Account", {"Name": "Before"})
    run_of_all(follower)
    before = position(harbour, accounts)
    bad = land_unreadable(harbour, accounts, changed)

    for tried in (1, 2):
        harbour.org.create("Account", {"Name": f"Behind {tried}"})
        harbour.org.create("Contact", {"LastName": f"Other {tried}"})
        failed = run_of_all(follower)
        assert not failed.success
        assert f"waits for 1 event(s) that can't be read (try {tried} of 3)" in problem(failed)
        assert said in problem(failed)
        assert position(harbour, accounts) == before
        assert harbour.rows("account", "name") == [("Before",)]
        assert len(harbour.rows("contact", "last_name")) == tried
        assert metadata(failed, contacts.key)["salesforce/events"] == 1
    last = run_of_all(follower)

    assert last.success
    assert harbour.query("SELECT channel, event_id, payload FROM _tidegate.dead_events") == [
        (accounts.channel, "unreadable", bad["payload"])
    ]
    assert harbour.rows("account", "name") == [("Before",), ("Behind 1",), ("Behind 2",)]
    assert position(harbour, accounts) > before
    harbour.org.create("Account", {"Name": "Later"})
    assert run_of_all(follower).success
    assert ("Later",) in harbour.rows("account", "name")


def test_a_schema_that_can_be_fetched_later_ends_the_wait(harbour: Harbour, follower: Follower):
    accounts, _ = follower.specs
    harbour.org.create("Account", {"Name": "Before"})
    run_of_all(follower)
    land_unreadable(harbour, accounts, {"schema_id": "lost"})
    assert not run_of_all(follower).success
    inbox = Inbox(harbour.resources["landing"].open(), harbour.org.org_id)
    channel = inbox.channel(accounts.channel)
    [first, *_] = channel.segments("nobody")
    known = channel.read(first).to_pylist()[0]["schema_id"]
    inbox.keep_schema("lost", inbox.schema(known))

    last = run_of_all(follower)

    assert last.success
    assert metadata(last, accounts.key)["tidegate/dead_events"] == 0
