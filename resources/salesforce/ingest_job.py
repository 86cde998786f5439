"""A Bulk 2.0 ingest job: what the org tells about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from resources.salesforce.bulk_job import JobInfo, parse_job
from resources.salesforce.org_clock import ReadInterval

Operation = Literal["insert", "update", "upsert", "delete", "hardDelete"]
ResultKind = Literal["successful", "failed", "unprocessed"]
CLOSED = frozenset({"UploadComplete", "InProgress", "JobComplete", "Failed"})


@dataclass(frozen=True)
class IngestJob(JobInfo):
    """A job as one answer showed it.

    ``rows`` is what the org has processed so far, failed ones among them, and ``rows_failed`` how
    many of these failed; None before it counts. A job that is complete may have failed rows, and
    one that ``Failed`` or was ``Aborted`` may have accepted some before.
    """

    rows_failed: int | None
    external_id: str  # empty unless upsert

    @property
    def is_closed(self) -> bool:
        """Whether the org has begun, or will begin, to process what was uploaded."""
        return self.state in CLOSED

    def expected_rows(self, kind: ResultKind) -> int | None:
        """How many rows a result file must have; None where the org doesn't say."""
        if self.state != "JobComplete" or self.rows is None or self.rows_failed is None:
            return None
        return {"successful": self.rows - self.rows_failed, "failed": self.rows_failed}.get(kind)


@dataclass(frozen=True)
class ResultFile:
    """A downloaded result file: unpacked CSV, ``rows`` without the header."""

    kind: ResultKind
    rows: int
    bytes: int
    sha256: str


def parse_ingest_job(body: Mapping[str, Any], seen: ReadInterval) -> IngestJob:
    """A job answer's JSON as ours; answers to changes of state are short."""
    failed = body.get("numberRecordsFailed")
    return IngestJob(
        **vars(parse_job(body, seen)),
        rows_failed=None if failed is None else int(failed),
        external_id=str(body.get("externalIdFieldName") or ""),
    )
