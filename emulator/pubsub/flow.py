"""Flow control of one stream: what was asked for and not sent yet, and what is overdue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from emulator.pubsub.errors import invalid

# Source: [pubsub docs].
MOST_PENDING = 100
ASK_AGAIN_S = 60.0


@dataclass
class Flow:
    """Attributes: `pending`: events that may be sent. `sent_at`, `idle_since`: the org's time."""

    sent_at: datetime
    idle_since: datetime
    pending: int = 0

    def ask(self, number: int, code: str) -> None:
        """The client asks for that many more; the total stays at MOST_PENDING.

        Raises:
            PubSubError: With `code`: for less than one event.
        """
        if number <= 0:
            raise invalid(
                code, f"The number of requested events must be greater than 0; it is {number}."
            )
        self.pending = min(self.pending + number, MOST_PENDING)

    def sent(self, events: int, now: datetime) -> None:
        """A response went out."""
        self.pending -= events
        self.sent_at = self.idle_since = now

    def keepalive_due(self, now: datetime, keepalive_s: float) -> bool:
        """Whether an empty response must go out: events are asked for, none came for long."""
        if now < self.sent_at:  # the org's clock was set back
            self.sent_at = now
        return self.pending > 0 and now - self.sent_at >= timedelta(seconds=keepalive_s)

    def abandoned(self, now: datetime) -> bool:
        """Whether the client had all it asked for, and didn't ask again in time."""
        if now < self.idle_since:
            self.idle_since = now
        return self.pending == 0 and now - self.idle_since >= timedelta(seconds=ASK_AGAIN_S)
