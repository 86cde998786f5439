"""Which segments of a channel the warehouse doesn't have, whatever became of it meanwhile."""

from __future__ import annotations

from resources.landing.inbox import ChannelInbox
from resources.landing.inbox_segment import Segment
from resources.warehouse.event_adapter import Position

RESTORED = "the warehouse isn't where it was when it had applied the last events"


def pending_segments(
    channel: ChannelInbox, consumer: str, position: Position | None
) -> tuple[list[Segment], str | None]:
    """Segments to apply, in order, and why events before them may be missing, if they may.

    A warehouse that was replaced, or restored from a backup, is behind what the inbox knows of
    it: then all segments that are kept are applied again.
    """
    after = position.replay_id if position else b""
    left_at = channel.consumed_to(consumer)
    pending = channel.segments(consumer)
    if left_at == after:
        return pending, None
    # A kill between the warehouse's commit and the mark leaves the warehouse ahead of the mark.
    ahead = next((n for n, one in enumerate(pending) if one.position == after), None)
    if ahead is not None:
        # Behind a break the same positions come again: it mustn't be skipped for one of those.
        breaks = (n for n, one in enumerate(pending) if one.break_reason)
        return pending[min(ahead + 1, next(breaks, ahead + 1)) :], None
    return (pending, None) if left_at is None else (channel.kept_segments(), RESTORED)
