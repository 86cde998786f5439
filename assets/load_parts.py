"""The parts of one attempt at sending a load: rows cut into uploads, and what came back for them.

All of it lies in the attempt's folder, so that a later run can go on, or see what became of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from io import IOBase
from typing import Any, BinaryIO, cast

import pyarrow as pa

from assets.load_lost import lost_message, lost_outcomes
from assets.load_spec import LoadSpec, Operation
from assets.outbound_frames import read_rows
from assets.row_stream import RowStream, without_first
from resources.landing.manifest import FramesManifest
from resources.landing.paths import PartFile
from resources.landing.upload import Upload
from resources.landing.upload_entry import LandedFile, PartRecord
from resources.salesforce.composite import calls
from resources.salesforce.csv_parts import write_parts
from resources.salesforce.error_codes import is_lock_error
from resources.salesforce.ingest_job import ResultKind
from resources.salesforce.outcomes import ResultFiles, read_outcomes

# A part is held in memory when its outcomes are joined with it.
PART_ROWS = 250_000

RESULT_FILES: Mapping[ResultKind, PartFile] = {
    "successful": "successful.csv",
    "failed": "failed.csv",
    "unprocessed": "unprocessed.csv",
}


@dataclass(frozen=True)
class Terms:
    """Under which terms rows were worked out, whatever the load's settings have become since."""

    object: str
    operation: Operation
    external_id: str | None
    fold_keys: bool

    @property
    def key_field(self) -> str | None:
        """The cell by which the org's answers are told apart; None: by all cells."""
        if self.external_id is not None:
            return self.external_id
        return None if self.operation == "insert" else "Id"


def terms_of(details: Mapping[str, Any]) -> Terms:
    """The terms as an outbound manifest's details say them."""
    return Terms(
        object=details["object"],
        operation=details["operation"],
        external_id=details["external_id"],
        fold_keys=bool(details["fold_keys"]),
    )


def terms_now(spec: LoadSpec) -> Terms:
    """The terms that the settings say, for attempts whose manifest was deleted by age."""
    return Terms(spec.object, spec.operation, spec.external_id, fold_keys=True)


class LoadParts:
    """Cuts rows into parts and reads back what became of them.

    Args:
        manifest: The rows of the first round; None if nothing more is to be cut.
        part_rows: Most rows of an upload; its bytes have a limit of their own.
    """

    def __init__(
        self,
        upload: Upload,
        terms: Terms,
        manifest: FramesManifest | None,
        part_rows: int = PART_ROWS,
    ) -> None:
        self.upload, self.terms = upload, terms
        self._manifest, self._part_rows = manifest, part_rows

    # ---- cutting

    def cut_uploads(self, round_number: int, skip_rows: int, index: int) -> Iterator[int]:
        """Write the rest of a round as CSV files, and yield each part's index once it counts.

        Raises:
            RowSizeError: A row is longer than an upload may be.
        """
        rows = RowStream(self._rows(round_number), skip_rows)
        while rows.more():
            open_part = partial(self._open_upload, index)
            for part in write_parts(rows.take(self._part_rows), open_part):
                self._write_frame(index, "rows.arrow", rows.taken(part.rows))
                self.upload.record_part(
                    PartRecord(index, round_number, part.rows, part.bytes, part.sha256)
                )
                yield index
                index += 1
        self.upload.record_round_cut(round_number)

    def _open_upload(self, first: int, number: int) -> AbstractContextManager[BinaryIO]:
        return self.upload.create_file(first + number, "rows.csv")

    def cut_calls(self, round_number: int, skip_rows: int, index: int) -> Iterator[int]:
        """The same for Collections: a part is what one call takes."""
        for call in calls(without_first(self._rows(round_number), skip_rows)):
            self._write_frame(index, "rows.arrow", [call])
            self.upload.record_part(
                PartRecord(index, round_number, call.num_rows, 0, "", api="rest")
            )
            yield index
            index += 1
        self.upload.record_round_cut(round_number)

    def _rows(self, round_number: int) -> Iterator[pa.RecordBatch]:
        if round_number > 0:
            return self.locked_rows(round_number - 1)
        assert self._manifest is not None, "only a broken-off attempt has none, and it cuts nothing"
        return read_rows(self.upload.store, self._manifest)

    # ---- reading

    def frame(self, index: int) -> Iterator[pa.RecordBatch]:
        """The rows of a part: ``_key``, ``_hash`` and cells."""
        return self._read_frame(index, "rows.arrow")

    def write_answer(self, index: int, outcomes: pa.RecordBatch) -> LandedFile:
        """Land the outcomes that a call was answered with."""
        size_bytes = self._write_frame(index, "answer.arrow", [outcomes])
        return LandedFile(outcomes.num_rows, size_bytes, "")

    def record_lost(self, index: int, cause: str, org_time: datetime) -> None:
        """The outcomes of a part are that they are unknown."""
        self.upload.record_lost(index, lost_message(self.terms.operation, cause), org_time)

    def outcomes(self, index: int, job_error: str = "") -> Iterator[pa.RecordBatch]:
        """One outcome per row of a part that has landed, in the part's order.

        Args:
            job_error: What the job says of rows that it didn't come to.
        """
        part = self.upload.state.parts[index]
        lost = self.upload.lost_reason(index)
        if lost is not None:
            yield from lost_outcomes(self.frame(index), part.job_id, lost)
            return
        if part.api == "rest":
            yield from self._read_frame(index, "answer.arrow")
            return
        assert part.job_id is not None, "what has landed has had a job"
        with ExitStack() as stack:
            opened = {
                kind: stack.enter_context(
                    self.upload.store.open(self.upload.part_path(index, file))
                )
                for kind, file in RESULT_FILES.items()
            }
            yield from read_outcomes(
                self.frame(index),
                ResultFiles(**opened),
                key=self.terms.key_field,
                job_id=part.job_id,
                job_error=job_error,
            )

    def locked_rows(self, round_number: int) -> Iterator[pa.RecordBatch]:
        """Rows of a round that met a lock and nothing worse, in their order."""
        for part in self.upload.state.parts:
            if part.round == round_number and part.recorded and self._has_failed(part.index):
                yield from self._locked_rows_of(part.index)

    def _has_failed(self, index: int) -> bool:
        failed = self.upload.landed_files(index).get(RESULT_FILES["failed"])
        return failed is None or failed.rows > 0

    def _locked_rows_of(self, index: int) -> Iterator[pa.RecordBatch]:
        locked = [
            is_lock_error(code)
            for batch in self.outcomes(index)
            for code in batch.column("error_code").to_pylist()
        ]
        rows = pa.Table.from_batches(list(self.frame(index)))
        yield from rows.filter(pa.array(locked, pa.bool_())).to_batches()

    # ---- Arrow files

    def _write_frame(self, index: int, file: PartFile, batches: Iterable[pa.RecordBatch]) -> int:
        given = iter(batches)
        first = next(given)
        with self.upload.create_file(index, file) as out:
            with pa.ipc.new_file(cast(IOBase, out), first.schema) as writer:
                writer.write_batch(first)
                for batch in given:
                    writer.write_batch(batch)
            return out.tell()

    def _read_frame(self, index: int, file: PartFile) -> Iterator[pa.RecordBatch]:
        with self.upload.store.open(self.upload.part_path(index, file)) as source:
            reader = pa.ipc.open_file(cast(IOBase, source))
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)
