"""Channels of which no position is known yet: when they were last looked at.

An org tells its newest position with an event, or after minutes of silence, which a sensor's tick
doesn't wait for. Until then only "the earliest" can be asked for, and that moves on: when nobody
looks for three days, events are gone and nothing says so. So the look itself is written down.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from resources.landing.inbox import ChannelInbox, Inbox
from resources.landing.store import read_json, write_json

#: An org keeps events for 72 hours.
LONGEST_PAUSE = timedelta(hours=70)
NOTE_EACH = timedelta(hours=1)


def mark_pause(inbox: Inbox, channel: str, now: datetime) -> None:
    """Call it before draining; it commits a break if events may have come and gone meanwhile."""
    landed = inbox.channel(channel)
    before = _read(inbox, _path(landed))
    if before is None or now - before <= LONGEST_PAUSE or landed.position() is not None:
        return
    writer = landed.try_write()
    if writer is None:
        return
    with writer:
        writer.mark_break(f"nobody looked since {before:%Y-%m-%d %H:%M} UTC")
    # What is lost is accounted for up to now; the next pause begins here.
    _write(inbox, _path(landed), now)


def note_look(inbox: Inbox, channel: str, now: datetime) -> None:
    """Call it when the channel has shown what there is: drained, or heard from."""
    landed = inbox.channel(channel)
    before = _read(inbox, _path(landed))
    if (before is None or now - before > NOTE_EACH) and landed.position() is None:
        _write(inbox, _path(landed), now)


def _path(landed: ChannelInbox) -> str:
    return f"{landed.folder}/looked.json"


def _write(inbox: Inbox, path: str, now: datetime) -> None:
    write_json(inbox.store, path, {"at": now.isoformat()})


def _read(inbox: Inbox, path: str) -> datetime | None:
    if not inbox.store.exists(path):
        return None
    return datetime.fromisoformat(read_json(inbox.store, path)["at"])
