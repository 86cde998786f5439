"""Takes one attempt at sending a load to its end, from wherever a crash left it.

The upload ledger says what comes next for each part; this does it. Bulk parts go side by side,
calls of Collections one after the other.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pyarrow as pa

from assets.load_bulk import BulkSending, Stopped
from assets.load_created import with_created
from assets.load_parts import LoadParts
from assets.load_plan import Api, choose_api, jobs_at_once, may_send_again, wait_s
from assets.load_spec import LoadSpec
from resources.landing.upload import Upload
from resources.landing.upload_plan import (
    CutParts,
    DropPart,
    EndRound,
    Finished,
    PartStep,
    RecordOutcomes,
    SendChunk,
    part_step,
)
from resources.salesforce.client import SalesforceClient
from resources.salesforce.composite import CollectionOperation
from resources.salesforce.errors import (
    AuthError,
    DeferredError,
    ForeignHostError,
    RequestLimitError,
    SalesforceError,
    TransientError,
)
from resources.salesforce.load_columns import LoadColumn, resolve_column

Report = Callable[[str], None]
#: Gives the warehouse the outcomes of a part.
Record = Callable[[int, list[pa.RecordBatch]], None]

# The org's clock as we know it is at most this much behind.
CLOCK_STEP = timedelta(seconds=1)

# They say nothing of a call itself: later, or with another login, it may well be answered.
NOT_REFUSED = (TransientError, DeferredError, RequestLimitError, AuthError, ForeignHostError)


class LoadSending:
    """One attempt, leased to this process.

    Args:
        rows: Rows of the first round.
        settle: Send nothing more: see what became of what the org was told to do, drop the rest.
    """

    def __init__(
        self,
        client: SalesforceClient,
        spec: LoadSpec,
        parts: LoadParts,
        rows: int,
        record: Record,
        report: Report,
        *,
        settle: bool = False,
    ) -> None:
        self._client, self._spec, self._parts = client, spec, parts
        self._upload: Upload = parts.upload
        self._record, self._report, self._settle = record, report, settle
        self._round_rows = rows
        self._stop = threading.Event()
        self._recording = threading.Lock()
        self._bulk = BulkSending(client, spec, parts, self._check, report, settle=settle)
        self._columns: tuple[LoadColumn, ...] | None = None

    def finish(self) -> None:
        """Go on until nothing is left to do; all outcomes are recorded then.

        Raises:
            SalesforceError, WarehouseError: The attempt is continued, or settled, by the next run.
        """
        while True:
            match self._upload.next_steps(settle=self._settle):
                case (Finished(),):
                    return
                case (EndRound(number),):
                    self._end_round(number)
                case _:
                    self._work()

    def _end_round(self, number: int) -> None:
        if self._settle:
            self._upload.finish("settled", "a later run computed the rows anew")
            return
        again = self._rows_to_send_again(number)
        if not again:
            self._upload.finish()
            return
        pause_s = wait_s(number, random.random())
        self._report(f"{again:,} rows met a lock: sending them again in {pause_s:.1f} s")
        self._client.transport.sleep(pause_s)
        self._upload.begin_round(number + 1)
        self._round_rows = again

    def _rows_to_send_again(self, number: int) -> int:
        if not may_send_again(number):
            return 0
        return sum(batch.num_rows for batch in self._parts.locked_rows(number))

    # ---- the parts of a round

    def _work(self) -> None:
        """Take all parts that are there, and those still to be cut, to their ends."""
        number = self._upload.state.rounds - 1
        api = self._api(number)
        at_once = jobs_at_once(number) if api == "bulk" else 1
        left = [part.index for part in self._upload.state.parts if not part.ended]
        with ThreadPoolExecutor(at_once, thread_name_prefix="part") as pool:
            working = [pool.submit(self._go_on_with, index) for index in left]
            try:
                # Cutting stops when a part has failed; which one, and why, is told by its future.
                with suppress(Stopped):
                    for index in self._cut(api):
                        working.append(pool.submit(self._go_on_with, index))
                _wait_for(working)
            except BaseException:
                self._stop.set()
                raise
            finally:
                for future in working:
                    future.cancel()

    def _api(self, number: int) -> Api:
        """How this round is sent; as it was begun, if it was."""
        begun = [part.api for part in self._upload.state.parts if part.round == number]
        if begun:
            return "collections" if begun[0] == "rest" else "bulk"
        if self._spec.assignment_rule_id is not None:
            return "bulk"
        operation = self._parts.terms.operation
        return choose_api(operation, self._round_rows, self._spec.small_load_rows)

    def _cut(self, api: Api) -> Iterator[int]:
        for step in self._upload.next_steps(settle=self._settle):
            if isinstance(step, CutParts):
                cut = self._parts.cut_calls if api == "collections" else self._parts.cut_uploads
                for index in cut(step.round, step.rows_cut, step.next_index):
                    self._check()
                    yield index

    def _go_on_with(self, index: int) -> None:
        try:
            while step := part_step(self._upload.state.parts[index], settle=self._settle):
                self._check()
                self._take(step)
        except Stopped:
            return
        except BaseException:
            self._stop.set()
            raise

    def _check(self) -> None:
        """Show that we are alive, and stop when another part has met an error."""
        if self._stop.is_set():
            raise Stopped
        self._upload.keep_alive()

    def _take(self, step: PartStep) -> None:
        match step:
            case SendChunk(index, maybe_sent):
                self._send_chunk(index, maybe_sent=maybe_sent)
            case RecordOutcomes(index):
                self._record_outcomes(index)
            case DropPart(index, None):
                self._upload.drop_part(index, "nothing of it was sent")
            case _:
                self._bulk.take(step)

    def _record_outcomes(self, index: int) -> None:
        # One at a time: the part is in memory, and the warehouse takes one writer only.
        with self._recording:
            outcomes = list(self._parts.outcomes(index, self._bulk.job_error(index)))
            self._record(index, outcomes)
        self._upload.record_outcomes(index)

    # ---- Collections

    def _send_chunk(self, index: int, *, maybe_sent: bool) -> None:
        client, terms = self._client, self._parts.terms
        operation: CollectionOperation = "upsert" if terms.operation == "upsert" else "update"
        [rows] = self._parts.frame(index)
        try:
            columns = self._described(rows.schema.names)
            if not maybe_sent:
                self._upload.intend_send(index, client.org_now())
            before = client.api_calls
            outcomes = client.collections.write(
                terms.object, operation, terms.external_id, rows, columns
            )
        except SalesforceError as error:
            self._lose_if_refused(index, error)
            return
        # More than one call: an answer was lost, or the call was taken apart.
        if operation == "upsert" and (maybe_sent or client.api_calls - before > 1):
            sent_at = self._upload.sent_at(index)
            assert sent_at is not None, "it was written before the call"
            outcomes = with_created(client, terms.object, outcomes, sent_at)
        answer = self._parts.write_answer(index, outcomes)
        through_at = client.org_now() + CLOCK_STEP
        self._upload.record_answer(index, {"answer.arrow": answer}, through_at)

    def _lose_if_refused(self, index: int, error: SalesforceError) -> None:
        """Settling, a chunk that the org won't take again mustn't hold up all later runs.

        Raises:
            SalesforceError: The error, if it isn't so.
        """
        if not self._settle or isinstance(error, NOT_REFUSED):
            raise error
        cause = f"its call wasn't answered, or in part only, and was refused when repeated: {error}"
        self._report(f"Part {index}: {cause}")
        self._parts.record_lost(index, cause.rstrip("."), self._client.org_now())

    def _described(self, names: list[str]) -> tuple[LoadColumn, ...]:
        if self._columns is None:
            describe = self._client.describe(self._parts.terms.object)
            self._columns = tuple(
                resolve_column(describe, name, self._client.describe)
                for name in names
                if not name.startswith("_")
            )
        return self._columns


def _wait_for(working: list[Future[None]]) -> None:
    """Until all have ended; raises what the first of them to fail raised."""
    for error in [future.exception() for future in working]:
        if error is not None:
            raise error
