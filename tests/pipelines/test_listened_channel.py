"""The listener's part of one channel: when it was last looked at is written down while it is."""

from datetime import UTC, datetime, timedelta

import pytest

from assets.drain import Until
from assets.event_spec import EventSpec, EventTable
from pipelines.listened_channel import ListenedChannel, OrgEvents
from pipelines.subscribed import subscribed_to_event
from resources.landing.inbox import ChannelInbox, Inbox
from resources.landing.store import read_json, write_json
from resources.salesforce.pubsub.errors import DeliveryLimitError
from tests.assets.conftest import Harbour
from tests.assets.platform_events import Publisher

SPEC = EventSpec("salesforce", "Order_Event__e", table=EventTable("order_events"))
IDLE = Until(idle_s=0.5, seconds=30)


@pytest.fixture
def listened(harbour: Harbour):
    harbour.org.control("PUT", "events", {"keepalive_s": 0.2})
    org = OrgEvents(harbour.resources["org_salesforce"], harbour.resources["landing"].open())
    yield ListenedChannel(subscribed_to_event(SPEC), org, harbour.resources["warehouse_default"])
    org.close()


@pytest.fixture
def channel(harbour: Harbour) -> ChannelInbox:
    store = harbour.resources["landing"].open()
    return Inbox(store, harbour.org.org_id).channel(SPEC.channel)


def looked_at(channel: ChannelInbox) -> datetime | None:
    path = f"{channel.folder}/looked.json"
    if not channel.store.exists(path):
        return None
    return datetime.fromisoformat(read_json(channel.store, path)["at"])


def write_look(channel: ChannelInbox, ago: timedelta) -> None:
    at = datetime.now(UTC) - ago
    write_json(channel.store, f"{channel.folder}/looked.json", {"at": at.isoformat()})


def test_what_it_hears_is_a_look(listened: ListenedChannel, channel: ChannelInbox):
    begun = datetime.now(UTC)

    listened.drain(IDLE, lambda events: None)

    assert looked_at(channel) >= begun


def test_a_look_that_is_older_than_events_are_kept_is_a_break(
    listened: ListenedChannel, channel: ChannelInbox
):
    write_look(channel, timedelta(hours=80))

    listened.drain(IDLE, lambda events: None)

    [one] = channel.segments("nobody")
    assert one.break_reason.startswith("nobody looked since")
    assert listened.pending()


def test_a_later_look_is_written_down_an_hour_later_and_no_sooner(
    listened: ListenedChannel, channel: ChannelInbox
):
    write_look(channel, timedelta(minutes=30))
    recent = looked_at(channel)
    listened.drain(IDLE, lambda events: None)
    kept = looked_at(channel)
    channel.store.delete_tree(f"{channel.folder}/position.json")
    write_look(channel, timedelta(hours=2))

    listened.drain(IDLE, lambda events: None)

    assert kept == recent
    assert datetime.now(UTC) - looked_at(channel) < timedelta(minutes=5)


def test_a_channel_that_is_refused_was_not_looked_at(
    harbour: Harbour, listened: ListenedChannel, channel: ChannelInbox
):
    harbour.org.faults.add({"limits": {"DailyDeliveredPlatformEvents": 0}})
    Publisher(harbour.org).publish("8")

    with pytest.raises(DeliveryLimitError):
        listened.drain(Until(seconds=20), lambda events: None)

    assert looked_at(channel) is None
