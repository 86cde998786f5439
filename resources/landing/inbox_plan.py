"""Where the inbox's files lie, where a channel goes on, and what may be deleted. Pure.

```
inbox/<org id>/schemas/<schema id>.json            an Avro schema, once
inbox/<org id>/data/AccountChangeEvent/            a channel, leased by who drains it
    20260901T02/000000000012-4f5a6b7c.arrow        a segment: events, and the position after them
    position.json                                  the newest sign of life's position
    consumers/changes.json                         up to which segment a consumer is done
```
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

INBOX = "inbox"
SCHEMAS = "schemas"
POSITION = "position.json"
CONSUMERS = "consumers"
CHANNEL = re.compile(r"/(?:data|event)/[A-Za-z0-9_]+", re.ASCII)
CONSUMER = re.compile(r"[a-z0-9_-]+", re.ASCII)
HOUR = re.compile(r"\d{8}T\d{2}", re.ASCII)
HOUR_FORMAT = "%Y%m%dT%H"
SEGMENT = re.compile(r"(?P<seq>\d{12})-[0-9a-f]{8}\.arrow", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeptPosition:
    """A position that is newer than that of segment ``after_seq``; None: the earliest."""

    after_seq: int
    position: bytes | None


def channel_folder(org_id: str, channel: str) -> str:
    """Where a channel's events lie: the name's own slashes are folders."""
    if not CHANNEL.fullmatch(channel):
        raise ValueError(f'"{channel}" isn\'t of the form "/data/…" or "/event/…"')
    return f"{INBOX}/{org_id}{channel}"


def schema_path(org_id: str, schema_id: str) -> str:
    """Where a schema lies. Its id comes from a server: slashes and dots of it are no folders."""
    return f"{INBOX}/{org_id}/{SCHEMAS}/{quote(schema_id, safe='').replace('.', '%2E')}.json"


def consumer_path(folder: str, consumer: str) -> str:
    """Where it stands how far a consumer is."""
    if not CONSUMER.fullmatch(consumer):
        raise ValueError(f'"{consumer}" isn\'t a name of small letters, digits, _ and -')
    return f"{folder}/{CONSUMERS}/{consumer}.json"


def segment_name(seq: int, owner: str) -> str:
    """A segment's name. With its owner in it, so that a writer that lost its lease unawares
    can't replace what the next one wrote under the same number."""
    return f"{seq:012d}-{owner}.arrow"


def segment_seq(name: str) -> int | None:
    """A segment's number; None if the name isn't one."""
    match = SEGMENT.fullmatch(name)
    return int(match["seq"]) if match else None


def hour_to_write(now: datetime, hours: Sequence[str]) -> str:
    """The folder for the next segment: never before the newest there is, as clocks go back."""
    return max([now.astimezone(UTC).strftime(HOUR_FORMAT), *hours])


def resume_at(
    last_seq: int, last_position: bytes | None, kept: KeptPosition | None
) -> bytes | None:
    """The position to subscribe behind: a kept one counts unless a segment came after it."""
    if kept is not None and kept.after_seq >= last_seq:
        return kept.position
    return last_position


def deletable(
    hour: str, seqs: Sequence[int], consumed: int, keep: timedelta, now: datetime
) -> bool:
    """Whether an hour's segments are old and every consumer is done with them."""
    end = datetime.strptime(hour, HOUR_FORMAT).replace(tzinfo=UTC) + timedelta(hours=1)
    return now - end > keep and max(seqs, default=0) <= consumed
