"""Raw events on their way from a channel to their consumers, with the positions of both.

Whoever drains a channel writes segments, each with the position after it; consumers read those
after the last one that they are done with. A kill between any two steps makes an event come
twice, never not at all: consumers sort duplicates out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from uuid import uuid4

import pyarrow as pa

from resources.landing import inbox_plan as plan
from resources.landing.errors import FormatError
from resources.landing.inbox_segment import (
    RAW_EVENTS,
    Segment,
    read_events,
    read_segment,
    write_segment,
)
from resources.landing.store import LandingStore, Lease, read_json, write_json

#: Leases in object storage end after minutes without a sign of life.
RENEW_EACH_S = 60.0

Now = Callable[[], datetime]


class Inbox:
    """All channels of one org, and the schemas of their events."""

    def __init__(
        self, store: LandingStore, org_id: str, *, now: Now = lambda: datetime.now(UTC)
    ) -> None:
        self.store, self.org_id = store, org_id
        self._now = now

    def channel(self, channel: str) -> ChannelInbox:
        """One channel's part, there or not: ``/data/AccountChangeEvent``."""
        return ChannelInbox(self.store, self.org_id, channel, self._now)

    def channels(self) -> list[str]:
        """Channels that were ever drained."""
        return [
            f"/{kind}/{name}"
            for kind in ("data", "event")
            for name in self.store.list(f"{plan.INBOX}/{self.org_id}/{kind}")
        ]

    def schema(self, schema_id: str) -> str | None:
        """A kept schema's JSON; None if it isn't kept."""
        path = plan.schema_path(self.org_id, schema_id)
        if not self.store.exists(path):
            return None
        document = read_json(self.store, path)
        # File names may ignore case, schema ids don't.
        return str(document["schema"]) if document.get("schema_id") == schema_id else None

    def keep_schema(self, schema_id: str, schema_json: str) -> None:
        """Keep a schema, so that its events can be read without network. Do it before they land."""
        document = {"schema_id": schema_id, "schema": schema_json}
        write_json(self.store, plan.schema_path(self.org_id, schema_id), document)


class ChannelInbox:
    """One channel's segments. Reading needs no lease."""

    def __init__(self, store: LandingStore, org_id: str, channel: str, now: Now) -> None:
        self.store, self.channel = store, channel
        self.folder = plan.channel_folder(org_id, channel)
        self._now = now

    def try_write(self, *, renew_each_s: float = RENEW_EACH_S) -> InboxWriter | None:
        """The right to drain this channel, or None while another live process has it."""
        lease = self.store.try_lease(self.folder)
        if lease is None:
            return None
        try:
            return InboxWriter(self, lease, self._now, renew_each_s)
        except BaseException:
            lease.release()
            raise

    def is_drained(self) -> bool:
        """Whether a live process has the right to drain it now."""
        lease = self.store.try_lease(self.folder)
        if lease is None:
            return True
        lease.release()
        return False

    def position(self) -> bytes | None:
        """Where draining goes on; None: at the earliest (never drained, or after a break)."""
        last = self.last_segment()
        return plan.resume_at(
            last.seq if last else 0, last.position if last else None, self.kept_position()
        )

    def newest_seq(self) -> int:
        """The number of the last segment ever written; 0 before the first."""
        last, kept = self._last_path(), self.kept_position()
        return max(_seq(last) if last else 0, kept.after_seq if kept else 0)

    def last_segment(self) -> Segment | None:
        """The newest segment, if it is still kept."""
        path = self._last_path()
        return read_segment(self.store, path) if path else None

    def kept_segments(self) -> list[Segment]:
        """All that weren't deleted by age, in order."""
        return [read_segment(self.store, path) for path in self._paths_after(0)]

    def segments(self, consumer: str, after: bytes | None = None) -> list[Segment]:
        """Segments that a consumer isn't done with, in order.

        Args:
            after: A position that it has committed elsewhere, as in the warehouse, which may be
                ahead of what ``mark_consumed`` wrote before a kill. Unknown ones change nothing.
        """
        found: list[Segment] = []
        for path in reversed(self._paths_after(self.consumed(consumer))):
            segment = read_segment(self.store, path)
            if after is not None and segment.position == after:
                break
            found.append(segment)
        return found[::-1]

    def read(self, segment: Segment) -> pa.RecordBatch:
        """A segment's events, columns of ``RAW_EVENTS``."""
        return read_events(self.store, segment)

    def consumed(self, consumer: str) -> int:
        """The number of the last segment that a consumer is done with; 0 before the first."""
        path = plan.consumer_path(self.folder, consumer)
        return int(read_json(self.store, path)["seq"]) if self.store.exists(path) else 0

    def consumed_to(self, consumer: str) -> bytes | None:
        """The position that a consumer had when it was done with its last segment."""
        path = plan.consumer_path(self.folder, consumer)
        found = read_json(self.store, path) if self.store.exists(path) else {}
        return bytes.fromhex(found["position"]) if found.get("position") is not None else None

    def mark_consumed(self, consumer: str, seq: int, position: bytes | None = None) -> None:
        """Say that a consumer is done with all segments up to ``seq``; call it after its commit.

        An older number than before changes nothing.

        Args:
            position: What it has committed elsewhere, to be compared with later.
        """
        if seq > self.consumed(consumer):
            mark = {
                "seq": seq,
                "position": position.hex() if position is not None else None,
                "at": self._now().isoformat(),
            }
            write_json(self.store, plan.consumer_path(self.folder, consumer), mark)

    def expect(self, consumer: str) -> None:
        """Say that a consumer will take segments, so that they are kept until it has."""
        if not self.store.exists(plan.consumer_path(self.folder, consumer)):
            mark = {"seq": 0, "position": None, "at": self._now().isoformat()}
            write_json(self.store, plan.consumer_path(self.folder, consumer), mark)

    def consumers(self) -> list[str]:
        """Who takes segments, or has ever been done with one."""
        names = self.store.list(f"{self.folder}/{plan.CONSUMERS}")
        return [name.removesuffix(".json") for name in names]

    def hours(self) -> list[str]:
        """Folders of segments, oldest first."""
        return [name for name in self.store.list(self.folder) if plan.HOUR.fullmatch(name)]

    def hour_paths(self, hour: str) -> list[str]:
        """An hour's segments, oldest first."""
        names = self.store.list(f"{self.folder}/{hour}")
        return [f"{self.folder}/{hour}/{n}" for n in names if plan.segment_seq(n) is not None]

    def kept_position(self) -> plan.KeptPosition | None:
        """The newest position without events of its own."""
        path = f"{self.folder}/{plan.POSITION}"
        if not self.store.exists(path):
            return None
        found = read_json(self.store, path)
        try:
            position = found["position"]
            kept = bytes.fromhex(position) if position is not None else None
            return plan.KeptPosition(int(found["after_seq"]), kept)
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(path, f"it isn't a position ({type(error).__name__})") from error

    def _last_path(self) -> str | None:
        return next(self._newest_first(), None)

    def _paths_after(self, seq: int) -> list[str]:
        found = []
        for path in self._newest_first():
            if _seq(path) <= seq:
                break
            found.append(path)
        return found[::-1]

    def _newest_first(self) -> Iterator[str]:
        """Lists a folder only when it is reached: numbers ascend from hour to hour."""
        for hour in reversed(self.hours()):
            yield from reversed(self.hour_paths(hour))


class InboxWriter:
    """The right to drain one channel. Use it as a context manager."""

    def __init__(self, inbox: ChannelInbox, lease: Lease, now: Now, renew_each_s: float) -> None:
        self.inbox = inbox
        self._renew_each_s = renew_each_s
        self._lease, self._now = lease, now
        self._owner = uuid4().hex[:8]
        self._seq = inbox.newest_seq()
        self._position = inbox.position()
        self._hour = max(inbox.hours(), default="")
        self._renewed_s = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lease.release()

    @property
    def position(self) -> bytes | None:
        """Where to subscribe; None: at the earliest."""
        return self._position

    def append(self, events: pa.RecordBatch, position: bytes) -> int:
        """Commit events (columns of ``RAW_EVENTS``) and the position after them; its number.

        Raises:
            LostLeaseError: Another process drains the channel now; nothing was written.
        """
        return self._write(events, position, None)

    def mark_break(self, reason: str) -> int:
        """Commit that events may be missing from here on; draining goes on at the earliest."""
        return self._write(_no_events(), None, reason)

    def keep_position(self, position: bytes) -> None:
        """Commit a position without events; it replaces the one before, whatever the number."""
        self.keep_alive()
        self._keep(position)

    def keep_alive(self) -> None:
        """Show a sign of life; call it at least every few minutes, it does little.

        Raises:
            LostLeaseError: Another process drains the channel now.
        """
        if time.monotonic() - self._renewed_s >= self._renew_each_s:
            self._lease.renew()
            self._renewed_s = time.monotonic()

    def settle(self) -> None:
        """Make position and number known without the segments, so that all may be deleted."""
        self._keep(self._position)

    def _keep(self, position: bytes | None) -> None:
        document = {
            "after_seq": self._seq,
            "position": position.hex() if position is not None else None,
            "at": self._now().isoformat(),
        }
        write_json(self.inbox.store, f"{self.inbox.folder}/{plan.POSITION}", document)
        self._position = position

    def _write(self, batch: pa.RecordBatch, position: bytes | None, reason: str | None) -> int:
        self.keep_alive()
        now, seq = self._now(), self._seq + 1
        hour = plan.hour_to_write(now, [self._hour] if self._hour else [])
        path = f"{self.inbox.folder}/{hour}/{plan.segment_name(seq, self._owner)}"
        segment = Segment(path, seq, batch.num_rows, position, reason, now)
        write_segment(self.inbox.store, segment, batch)
        self._seq, self._hour, self._position = seq, hour, position
        return seq


def _no_events() -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array([], field.type) for field in RAW_EVENTS], schema=RAW_EVENTS
    )


def _seq(path: str) -> int:
    return plan.segment_seq(path.rsplit("/", 1)[1]) or 0
