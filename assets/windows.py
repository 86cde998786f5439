"""Which stretch of SystemModstamp a run reads, and when it may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from assets.errors import WindowNotOverError


@dataclass(frozen=True)
class Window:
    """One or more neighbouring partitions, read as one; ``start`` None is open to the past.

    A transaction's SystemModstamp can be minutes older than its commit, so a window reads from
    its start minus the margin, and not before its end plus the margin.
    """

    start: datetime | None
    end: datetime
    margin_s: int
    partitions: int = 1

    @property
    def read_from(self) -> datetime | None:
        return None if self.start is None else self.start - timedelta(seconds=self.margin_s)

    @property
    def ready_at(self) -> datetime:
        return self.end + timedelta(seconds=self.margin_s)

    def require_over(self, org_now: datetime) -> None:
        """Refuse a window in which the org may still commit."""
        if org_now < self.ready_at:
            raise WindowNotOverError(self.end, self.ready_at, org_now)

    def __str__(self) -> str:
        start = "the beginning" if self.start is None else f"{self.start:%Y-%m-%dT%H:%MZ}"
        return f"{start} to {self.end:%Y-%m-%dT%H:%MZ}"
