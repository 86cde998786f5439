"""Segments that the warehouse lacks, told from its position and the inbox's mark."""

import pyarrow as pa
import pytest

from assets.pending_segments import RESTORED, pending_segments
from resources.landing.inbox import Inbox
from resources.landing.inbox_segment import RAW_EVENTS
from resources.landing.local_store import LocalStore
from resources.warehouse.event_adapter import Position

CHANNEL, CONSUMER = "/data/AccountChangeEvent", "changes-default"
P, Q, R = b"\x01", b"\x02", b"\x03"
NO_EVENTS = pa.RecordBatch.from_pylist([], schema=RAW_EVENTS)


@pytest.fixture
def channel(tmp_path):
    return Inbox(LocalStore(tmp_path), "00D000000000001AAA").channel(CHANNEL)


def land(channel, *positions):
    """Segments that end at these positions; None is a break."""
    with channel.try_write() as writer:
        for position in positions:
            if position is None:
                writer.mark_break("expired")
            else:
                writer.append(NO_EVENTS, position)


def pending(channel, replay_id):
    position = Position(CHANNEL, replay_id, None) if replay_id is not None else None
    segments, restored = pending_segments(channel, CONSUMER, position)
    return [one.seq for one in segments], restored


def test_everything_is_pending_at_first(channel):
    land(channel, P, Q)

    assert pending(channel, None) == ([1, 2], None)


def test_what_was_applied_and_marked_is_not_pending(channel):
    land(channel, P, Q)
    channel.mark_consumed(CONSUMER, 1, P)

    assert pending(channel, P) == ([2], None)


def test_what_was_applied_before_a_kill_is_not_pending_without_a_mark(channel):
    land(channel, P, Q, R)
    channel.mark_consumed(CONSUMER, 1, P)

    assert pending(channel, Q) == ([3], None)


def test_a_break_is_pending_though_the_same_position_comes_again_behind_it(channel):
    land(channel, P, None, P, Q)
    channel.mark_consumed(CONSUMER, 1, P)

    assert pending(channel, P) == ([2, 3, 4], None)


def test_a_break_of_a_new_inbox_is_pending_though_the_warehouse_has_what_follows(channel):
    land(channel, None, P, Q)

    assert pending(channel, P) == ([1, 2, 3], None)


def test_a_warehouse_that_is_behind_its_mark_gets_all_that_is_kept(channel):
    land(channel, P, Q, R)
    channel.mark_consumed(CONSUMER, 2, Q)

    assert pending(channel, P) == ([1, 2, 3], RESTORED)
    assert pending(channel, None) == ([1, 2, 3], RESTORED)
