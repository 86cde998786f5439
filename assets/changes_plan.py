"""What a stretch of change events asks for: records to read by Id, or a time to read again. Pure.

Events name what changed; they never say what a record is now. Gaps, overflows and lost events are
then nothing special: they name Ids, or a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from resources.salesforce.pubsub.decode import CHANGE_HEADER, WILDCARD, names_all_records

GAP = "GAP_"
OVERFLOW = "GAP_OVERFLOW"
DELETES = ("DELETE", "GAP_DELETE")
HEADER = pa.schema(
    [
        CHANGE_HEADER.field(name)
        for name in ("record_ids", "change_type", "change_origin", "commit_timestamp")
    ]
)


@dataclass(frozen=True)
class Seen:
    """What some change events say, taken together.

    Args:
        events: How many there are.
        by_type: The same by change type.
        ids: Records to read, each once, in the order of the events.
        deleted: Those of them that were deleted, though some may have come back since.
        gaps: Events that say only that something changed.
        overflows: Commit times of changes too large for events, or without one.
        wildcards: Events that mean every record of the object.
        echoes: Events of changes that this client made itself.
        last_commit: The latest commit time, on the org's clock.
    """

    events: int = 0
    by_type: dict[str, int] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    deleted: frozenset[str] = frozenset()
    gaps: int = 0
    overflows: tuple[datetime, ...] = ()
    wildcards: int = 0
    echoes: int = 0
    last_commit: datetime | None = None


def seen_in(batches: Sequence[pa.RecordBatch], client_name: str) -> Seen:
    """What decoded change events say.

    Args:
        batches: With the columns of ``CHANGE_HEADER``.
        client_name: Under which our own changes go (``Sforce-Call-Options``).
    """
    table = pa.Table.from_batches([batch.select(HEADER.names) for batch in batches], schema=HEADER)
    by_type = _counts(table["change_type"])
    lists: Any = table["record_ids"].combine_chunks()
    named: list[Any] = pc.unique(lists.flatten()).to_pylist()
    commits: Any = table["commit_timestamp"]
    overflows: Any = commits.filter(pc.equal(table["change_type"], pa.scalar(OVERFLOW)))
    return Seen(
        events=table.num_rows,
        by_type=by_type,
        ids=tuple(one for one in named if not names_all_records(one)),
        deleted=_deleted(table["change_type"], lists),
        gaps=sum(n for kind, n in by_type.items() if kind.startswith(GAP) and kind != OVERFLOW),
        overflows=tuple(overflows.to_pylist()),
        wildcards=_wildcards(lists),
        echoes=_echoes(_counts(table["change_origin"]), client_name),
        last_commit=pc.max(commits).as_py(),
    )


def _counts(texts: Any) -> dict[str, int]:
    """How often each occurs, sorted."""
    counted: list[Any] = pc.value_counts(texts.combine_chunks().drop_null()).to_pylist()
    return dict(sorted((one["values"], one["counts"]) for one in counted))


def _deleted(types: Any, lists: Any) -> frozenset[str]:
    """Ids that an event named as deleted, a gap's too."""
    theirs: Any = lists.filter(pc.is_in(types.combine_chunks(), pa.array(DELETES)))
    return frozenset(theirs.flatten().to_pylist())


def _wildcards(lists: Any) -> int:
    """How many of the lists have one."""
    events = pc.list_parent_indices(lists).filter(pc.ends_with(lists.flatten(), WILDCARD))
    return len(events.unique())


def _echoes(origins: Mapping[str, int], client_name: str) -> int:
    # com/salesforce/api/rest/66.0;client=tidegate (Change Data Capture developer guide)
    end = f";client={client_name}"
    return sum(count for origin, count in origins.items() if origin.rstrip("/").endswith(end))


@dataclass(frozen=True)
class ReadAgain:
    """A read of more than single records.

    Args:
        since: Records changed since then are read; None reads the whole object.
        hidden_since: When the first change that no event tells may have been committed; None: at
            any time.
    """

    since: datetime | None
    reasons: tuple[str, ...]
    hidden_since: datetime | None


def read_again(
    seen: Seen,
    breaks: Sequence[str],
    dead: int,
    committed_at: datetime | None,
    margin_s: int,
) -> ReadAgain | None:
    """What must be read because events don't name the records; None: nothing.

    Args:
        breaks: Reasons why events before these may be missing.
        dead: Events that are set aside unread.
        committed_at: Commit time of the last change known before; None: there was none.
        margin_s: By how much a commit may come later than its SystemModstamp.
    """
    since: list[datetime | None] = []
    whole = False
    reasons: list[str] = []
    if breaks:
        reasons += [f"events may be missing ({reason})" for reason in breaks]
        since.append(committed_at)
    if dead:
        reasons.append(f"{dead:,} event(s) can't be read")
        since.append(committed_at)
    if seen.overflows:
        reasons.append(f"{len(seen.overflows):,} transaction(s) were too large for events")
        since.append(min(seen.overflows))
    if seen.wildcards:
        # A field's type was converted: that leaves SystemModstamp as it is.
        reasons.append(f"{seen.wildcards:,} event(s) mean all records")
        since.append(committed_at)
        whole = True
    if not reasons:
        return None
    times = [moment for moment in since if moment is not None]
    first = min(times) if len(times) == len(since) else None
    begin = None if whole or first is None else first - timedelta(seconds=margin_s)
    return ReadAgain(begin, tuple(reasons), first)
