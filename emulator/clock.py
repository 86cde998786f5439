"""The org's time: the machine's time plus an offset that the controls set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Ticks like the machine's clock, from wherever it was set."""

    def __init__(self, start: datetime | None = None) -> None:
        self.restart(start)

    def now(self) -> datetime:
        """The org's time, UTC."""
        return datetime.now(UTC) + self._offset

    def restart(self, start: datetime | None) -> None:
        """Begin at `start`, or at the machine's time."""
        self._offset = timedelta(0) if start is None else start - datetime.now(UTC)

    def set(self, now: datetime) -> None:
        """Make `now` the org's time, from this moment on."""
        self._offset = now - datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        """Move the org's time on."""
        self._offset += timedelta(seconds=seconds)

    @property
    def offset_s(self) -> float:
        """Seconds by which the org is ahead of the machine."""
        return self._offset.total_seconds()

    @offset_s.setter
    def offset_s(self, seconds: float) -> None:
        self._offset = timedelta(seconds=seconds)
