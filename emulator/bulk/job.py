"""What query and ingest jobs have in common: who made them, their state, how answers show them."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from emulator.bulk.csv_format import CsvFormat
from emulator.timestamps import rest_datetime

if TYPE_CHECKING:
    from emulator.bulk.jobs import Jobs

RUNNING = frozenset({"UploadComplete", "InProgress"})
OPEN = "Open"


@dataclass(kw_only=True)
class Job(ABC):
    """One job.

    Attributes:
        version: API version that made it.
        fate: What a fault makes of it: ``fail``, ``abort`` or ``stall``.
        records: How many rows it has read or processed so far.
        ended: Set at its end, whichever: whoever works on it stops soon.
        idle: Cleared while somebody works on it.
    """

    job_type: ClassVar[str]

    id: str
    operation: str
    object_name: str
    user_id: str
    created: datetime
    version: float
    csv: CsvFormat
    fate: str | None = None
    state: str = "UploadComplete"
    changed: datetime = field(init=False)
    records: int = 0
    processing_ms: int = 0
    error: str | None = None
    ended: threading.Event = field(default_factory=threading.Event, repr=False)
    idle: threading.Event = field(default_factory=threading.Event, repr=False)

    def __post_init__(self) -> None:
        self.changed = self.created
        self.idle.set()

    @property
    def is_over(self) -> bool:
        """Whether it has come to its end, whichever."""
        return self.state != OPEN and self.state not in RUNNING

    @abstractmethod
    def run(self, jobs: Jobs) -> None:
        """Do the work, from state ``InProgress`` to an end."""

    @abstractmethod
    def as_json(self, detail: str) -> dict[str, Any]:
        """The job as answers show it.

        Args:
            detail: ``short`` (after a change of state) ends at apiVersion; ``created`` has no
                jobType and no counters; ``listed`` has no counters; ``info`` has all
                [bulk guide] [amp].
        """

    def head(self, **after_state: Any) -> dict[str, Any]:
        """What every answer begins with.

        Args:
            after_state: What stands behind the state, as recorded answers have it.
        """
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.object_name,
            "createdById": self.user_id,
            "createdDate": rest_datetime(self.created),
            "systemModstamp": rest_datetime(self.changed),
            "state": self.state,
            **after_state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            # A JSON number [amp], although the documents say string [bulk guide].
            "apiVersion": self.version,
        }

    def format_json(self) -> dict[str, Any]:
        """How its CSV is written."""
        return {"lineEnding": self.csv.line_ending, "columnDelimiter": self.csv.delimiter}
