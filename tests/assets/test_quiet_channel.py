"""A channel that nobody looked at for days has a break, if its position wasn't known."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from assets.quiet_channel import mark_pause, note_look
from resources.landing.inbox import Inbox
from resources.landing.inbox_segment import RAW_EVENTS
from resources.landing.local_store import LocalStore

CHANNEL = "/data/AccountChangeEvent"
MONDAY = datetime(2026, 9, 7, tzinfo=UTC)


@pytest.fixture
def inbox(tmp_path):
    return Inbox(LocalStore(tmp_path), "00D000000000001AAA")


def breaks(inbox):
    return [one.break_reason for one in inbox.channel(CHANNEL).segments("test")]


def look(inbox, now):
    """As a tick does it that can drain the channel."""
    mark_pause(inbox, CHANNEL, now)
    note_look(inbox, CHANNEL, now)


def test_a_channel_that_is_looked_at_every_day_has_no_break(inbox):
    for day in range(9):
        look(inbox, MONDAY + timedelta(days=day))

    assert breaks(inbox) == []


def test_a_pause_longer_than_events_are_kept_is_a_break_once(inbox):
    look(inbox, MONDAY)
    for hour in (71, 72):
        look(inbox, MONDAY + timedelta(hours=hour))

    assert breaks(inbox) == ["nobody looked since 2026-09-07 00:00 UTC"]


def test_looks_that_see_nothing_dont_count(inbox):
    look(inbox, MONDAY)
    for hour in range(80):
        mark_pause(inbox, CHANNEL, MONDAY + timedelta(hours=hour))

    assert breaks(inbox) == ["nobody looked since 2026-09-07 00:00 UTC"]


def test_a_known_position_tells_by_itself_whether_events_are_missing(inbox):
    look(inbox, MONDAY)
    with inbox.channel(CHANNEL).try_write() as writer:
        writer.append(pa.RecordBatch.from_pylist([], schema=RAW_EVENTS), b"\x01")
    look(inbox, MONDAY + timedelta(days=9))

    assert breaks(inbox) == [None]


def test_a_channel_that_another_process_drains_is_left_alone(inbox):
    look(inbox, MONDAY)
    with inbox.channel(CHANNEL).try_write():
        mark_pause(inbox, CHANNEL, MONDAY + timedelta(days=9))

    assert breaks(inbox) == []
