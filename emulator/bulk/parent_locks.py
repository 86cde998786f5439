"""Which parent rows the batches lock that run side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable

# Salesforce doesn't say how many batches of an org it runs at a time.
PARALLEL_BATCHES = 4


class ParentLocks:
    """Parents that batches hold, per job, as long as their neighbours run.

    Batches are written one after the other here. To have them collide as if they ran side by
    side, each one keeps its parents until the batches beside it are written, too.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, set[str]] = {}

    def begin(self, job_id: str, batch: int) -> None:
        """A batch of the job begins; the first of some that run side by side lets go of others."""
        if batch % PARALLEL_BATCHES == 0:
            self.end(job_id)

    def lose(self, job_id: str, parents: set[str], strikes: Callable[[], bool]) -> set[str]:
        """Take the parents of a batch; those that another batch holds are lost when it strikes."""
        with self._lock:
            others = set[str]().union(*self._held.values())
            lost = {one for one in sorted(parents & others) if strikes()}
            self._held.setdefault(job_id, set()).update(parents - lost)
        return lost

    def end(self, job_id: str) -> None:
        """The job's batches hold nothing any more."""
        with self._lock:
            self._held.pop(job_id, None)
