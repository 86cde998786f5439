"""The org's clock, as the ``Date`` headers of its answers tell it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Lock

ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class ReadInterval:
    """Between which moments of the org's clock (UTC) something was read."""

    lo: datetime
    hi: datetime

    def hull(self, other: "ReadInterval") -> "ReadInterval":
        """The smallest interval that holds both."""
        return ReadInterval(min(self.lo, other.lo), max(self.hi, other.hi))


def read_interval(date: datetime, elapsed_s: float) -> ReadInterval:
    """When an answer dated ``date`` was read, if it took ``elapsed_s`` from sending to headers.

    ``Date`` holds whole seconds, cut off: the answer was written before ``date`` + 1 s.
    """
    return ReadInterval(date - timedelta(seconds=elapsed_s), date + ONE_SECOND)


def parse_date(header: str | None) -> datetime | None:
    """A ``Date`` header as UTC; None when absent or malformed."""
    if not header:
        return None
    try:
        found = parsedate_to_datetime(header)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class OrgClock:
    """What time it is at the org, never ahead of it.

    Each answer narrows down how far the org's clock is from our monotonic one; an answer that
    contradicts the earlier ones means that a clock was set, and starts anew. Safe to share by
    threads.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = Lock()
        # The org's time at our monotonic 0 lies between these.
        self._bounds: tuple[datetime, datetime] | None = None

    def observe(self, date: datetime, sent_s: float, received_s: float) -> ReadInterval:
        """Learn from an answer dated ``date``, sent and received at our monotonic seconds."""
        earliest = date - timedelta(seconds=received_s)
        latest = date + ONE_SECOND - timedelta(seconds=sent_s)
        with self._lock:
            if self._bounds and self._bounds[0] <= latest and earliest <= self._bounds[1]:
                earliest, latest = max(earliest, self._bounds[0]), min(latest, self._bounds[1])
            self._bounds = (earliest, latest)
        return read_interval(date, received_s - sent_s)

    @property
    def known(self) -> bool:
        """Whether the org has told its time yet."""
        return self._bounds is not None

    def now(self) -> datetime:
        """The org's time, at most a second behind; the machine's before the first answer."""
        bounds = self._bounds
        if bounds is None:
            return datetime.now(UTC)
        return bounds[0] + timedelta(seconds=self._monotonic())
