"""Applies the change events of one object that lie in the inbox, a stretch at a time.

A stretch is one transaction: its changes, the images of the records that they name, and the
position after it. What a kill interrupts is simply applied again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from assets.change_rows import ChangeLog, change_reader
from assets.changes_plan import ReadAgain, Seen, read_again, seen_in
from assets.changes_reads import ObjectReads
from assets.changes_spec import ChangesSpec
from assets.errors import AssetError, UndecodedEventsError
from assets.extract import RunIds
from assets.known_describe import KnownDescribe
from assets.pending_segments import pending_segments
from assets.stretches import Stretch, Stretches, kept_or_fetched
from assets.undecoded import Tries
from resources.landing.inbox import Inbox
from resources.landing.inbox_segment import Segment
from resources.landing.store import LandingStore
from resources.salesforce.client import SalesforceClient
from resources.salesforce.describe import DescribeChangedError
from resources.salesforce.errors import QueryError
from resources.salesforce.pubsub.decode import EventDecoder
from resources.warehouse.adapter import ApiCalls, MergeResult, Warehouse
from resources.warehouse.event_adapter import AppendResult, HiddenChanges, Position

Report = Callable[[str], None]


@dataclass(frozen=True)
class ChangePlaces:
    """Where events come from and go to. ``fetch_schema`` finds a schema that didn't land."""

    client: SalesforceClient
    store: LandingStore
    warehouse: Warehouse
    fetch_schema: Callable[[str], str]
    mask_key: str


@dataclass(frozen=True)
class Applied:
    """What became of one stretch; ``window`` is what had to be read beyond single records."""

    seen: Seen
    breaks: tuple[str, ...]
    appended: AppendResult
    merged: MergeResult
    asked: int
    returned: int
    read_again: ReadAgain | None
    window: MergeResult | None
    position: Position


class ChangesRun:
    """One object's changes within one run."""

    def __init__(
        self, spec: ChangesSpec, places: ChangePlaces, run: RunIds, report: Report
    ) -> None:
        self._spec, self._places, self._run, self._report = spec, places, run, report
        self._client, self._warehouse = places.client, places.warehouse
        self._inbox = Inbox(places.store, self._client.org_id)
        self._channel = self._inbox.channel(spec.channel)

    def apply(self) -> list[Applied]:
        """Apply all that lies in the inbox now.

        Raises:
            UndecodedEventsError: An event can't be read. What came before it was applied.
            SalesforceError, WarehouseError, LandingError: Stretches before were applied.
        """
        applied: list[Applied] = []
        newest = self._channel.newest_seq()
        position, segments, restored = self._pending()
        if not segments:
            if restored is None:
                # Killed before the mark, or swept before it followed: nobody else would set it.
                at = position.replay_id if position else None
                self._channel.mark_consumed(self._spec.consumer, newest, at)
            return applied
        known = KnownDescribe(self._client, self._places.store, self._spec.object.name)
        while True:
            # From what was committed on: what wasn't is decoded and read anew.
            try:
                self._apply_all(known, applied)
            except DescribeChangedError as changed:
                self._report(str(changed))
                known.replace(changed.describe)
            except UndecodedEventsError:
                raise
            except (AssetError, QueryError):
                # Fields that we ask for, or miss, may be another matter by now.
                if not known.renew():
                    raise
            else:
                return applied

    def _pending(self) -> tuple[Position | None, list[Segment], str | None]:
        position = self._warehouse.position(self._client.org_id, self._spec.channel)
        return position, *pending_segments(self._channel, self._spec.consumer, position)

    def _apply_all(self, known: KnownDescribe, applied: list[Applied]) -> None:
        spec = self._spec
        position, segments, restored = self._pending()
        reads = ObjectReads(spec, self._client, known, self._places.mask_key)
        decoder = EventDecoder(
            kept_or_fetched(self._inbox, self._places.fetch_schema),
            lambda _name: known.value,
            spec.object.numbers,
        )
        tries = Tries(self._channel, spec.consumer, spec.dead_after_tries, known.confirm)
        stretches = Stretches(
            self._channel, decoder, tries, lambda batch: self._log(reads).rows(batch)
        )
        for stretch in stretches.of(segments, restored):
            applied.append(self._apply(stretch, reads, position))
            position = applied[-1].position

    def _apply(self, stretch: Stretch, reads: ObjectReads, before: Position | None) -> Applied:
        spec, client = self._spec, self._client
        seen = seen_in(stretch.decoded, client.settings.client_name)
        again = read_again(
            seen,
            stretch.breaks,
            len(stretch.dead),
            before.committed_at if before else None,
            spec.object.late_commit_margin_s,
        )
        window = self._read_again(again, reads) if again else None
        images = reads.images(seen.ids, seen.deleted)
        log = self._log(reads).spec(stretch.rows)
        position = self._position(stretch, seen, before)
        appended, merged = self._warehouse.append_changes_and_merge(
            reads.shape.table,
            log,
            change_reader(log, stretch.rows),
            pa.RecordBatchReader.from_batches(
                reads.shape.table.image_schema(), iter(images.batches)
            ),
            object_name=spec.object.name,
            org_id=client.org_id,
            run_id=self._run.run_id,
            reread=reads.reread,
            position=position,
            asked=images.asked,
            dead=stretch.dead_events(),
            api_calls=[ApiCalls(spec.key.to_user_string(), "rest", client.api_calls)],
            history=reads.history,
            hidden=HiddenChanges(again.hidden_since) if again else None,
        )
        self._channel.mark_consumed(spec.consumer, stretch.segments[-1].seq, position.replay_id)
        return Applied(
            seen=seen,
            breaks=tuple(stretch.breaks),
            appended=appended,
            merged=merged,
            asked=len(seen.ids),
            returned=images.rows,
            read_again=again,
            window=window,
            position=position,
        )

    def _log(self, reads: ObjectReads) -> ChangeLog:
        return ChangeLog(self._spec.log_table, reads.landed, reads.shape)

    def _read_again(self, again: ReadAgain, reads: ObjectReads) -> MergeResult:
        since = "everything" if again.since is None else f"what changed since {again.since}"
        self._report(f"Reading {since}: {'; '.join(again.reasons)}")
        places = self._places
        return reads.merge_since(
            again.since, places.store, places.warehouse, self._run, self._report
        )

    def _position(self, stretch: Stretch, seen: Seen, before: Position | None) -> Position:
        replay_id = stretch.replay_id(before.replay_id if before else None)
        times = [at for at in (before and before.committed_at, seen.last_commit) if at]
        return Position(self._spec.channel, replay_id, max(times, default=None))
