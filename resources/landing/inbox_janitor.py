"""Deletes old segments of the inbox; never one that a consumer isn't done with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from resources.landing import inbox_plan as plan
from resources.landing.inbox import ChannelInbox, Inbox
from resources.landing.janitor import Swept
from resources.landing.store import LandingStore


def sweep_inbox(store: LandingStore, *, older_than: timedelta, now: datetime) -> Swept:
    """Delete the hours whose events were received longer ago than ``older_than``.

    A channel without any consumer keeps all. Schemas stay: they are small and have no age.
    """
    deleted: list[str] = []
    live: list[str] = []
    freed_bytes = 0
    for org_id in store.list(plan.INBOX):
        inbox = Inbox(store, org_id, now=lambda: now)
        for channel in inbox.channels():
            for hour in _old_hours(inbox.channel(channel), older_than, now):
                folder = f"{inbox.channel(channel).folder}/{hour}"
                size_bytes = store.size(folder)
                if _delete(inbox.channel(channel), hour):
                    deleted.append(folder)
                    freed_bytes += size_bytes
                else:
                    live.append(folder)
    return Swept(tuple(deleted), freed_bytes, tuple(live))


def _old_hours(inbox: ChannelInbox, older_than: timedelta, now: datetime) -> list[str]:
    consumed, old = _consumed_by_all(inbox), []
    for hour in inbox.hours():
        names = [path.rsplit("/", 1)[1] for path in inbox.hour_paths(hour)]
        seqs = [seq for name in names if (seq := plan.segment_seq(name)) is not None]
        if plan.deletable(hour, seqs, consumed, older_than, now.astimezone(UTC)):
            old.append(hour)
    return old


def _consumed_by_all(inbox: ChannelInbox) -> int:
    return min((inbox.consumed(name) for name in inbox.consumers()), default=0)


def _delete(inbox: ChannelInbox, hour: str) -> bool:
    """Delete an hour; the newest holds number and position, which must outlive it."""
    folder = f"{inbox.folder}/{hour}"
    if hour != max(inbox.hours()):
        inbox.store.delete_tree(folder)
        return True
    writer = inbox.try_write()
    if writer is None:
        return False
    with writer:
        if inbox.newest_seq() > _consumed_by_all(inbox):
            return False  # written until we had the lease
        writer.settle()
        inbox.store.delete_tree(folder)
    return True
