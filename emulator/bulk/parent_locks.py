"""Which parent rows the batches lock that run side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable

# Salesforce doesn't say how many batches of a job it runs at a time.
PARALLEL_BATCHES = 4


class ParentLocks:
    """Parents that batches hold, as long as the batches beside them run.

    Batches are written one after the other here. To have them collide as if they ran side by
    side, each one keeps its parents until its neighbours are written, too.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[tuple[str, int], set[str]] = {}

    def begin(self, job_id: str, batch: int) -> None:
        """A batch of the job begins; the first of some that run side by side lets go of others."""
        if batch % PARALLEL_BATCHES == 0:
            self.end(job_id)

    def lose(
        self, job_id: str, batch: int, parents: set[str], strikes: Callable[[], bool]
    ) -> set[str]:
        """Take the parents of a batch; those that another one holds are lost when it strikes."""
        mine = (job_id, batch)
        with self._lock:
            others = set[str]().union(*(held for key, held in self._held.items() if key != mine))
            lost = {one for one in sorted(parents & others) if strikes()}
            self._held[mine] = parents - lost
        return lost

    def end(self, job_id: str) -> None:
        """The job's batches hold nothing any more."""
        with self._lock:
            for key in [key for key in self._held if key[0] == job_id]:
                del self._held[key]
