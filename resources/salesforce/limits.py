"""How many API requests the org has left, and whether we may make one more."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Condition
from typing import Any

from resources.salesforce.errors import DeferredError

API_USAGE = re.compile(r"(?:^|[,;\s])api-usage=(\d+)/(\d+)")


@dataclass(frozen=True)
class Allowance:
    """One entry of ``/limits``."""

    name: str
    allowed: int
    left: int


class OrgLimits:
    """The daily API requests of one org, as its answers tell.

    ``allowed``, ``used`` and ``left`` are None until the first answer. Safe to share by threads.
    """

    def __init__(self, org: str, reserve: int) -> None:
        self.org = org
        self.reserve = reserve
        self.allowed: int | None = None
        self.used: int | None = None
        self._begun = 0
        self._under_way = 0
        self._changed = Condition()

    @property
    def left(self) -> int | None:
        """API requests left in the rolling 24 hours, for everyone together."""
        if self.allowed is None or self.used is None:
            return None
        return self.allowed - self.used

    @property
    def known(self) -> bool:
        """Whether the org has told its numbers yet."""
        return self.allowed is not None

    def begin_call(self, now: datetime) -> None:
        """Take one request out of the allowance.

        While there is a reserve and the org hasn't told its numbers yet, one call at a time is let
        through to find out; the others wait for its answer.

        Raises:
            DeferredError: It would leave fewer than ``reserve``; nothing is taken.
        """
        with self._changed:
            while self.reserve and not self.known and self._under_way:
                self._changed.wait()
            if self.allowed is not None and self.used is not None:
                left = self.allowed - self.used
                if self.reserve and left - 1 < self.reserve:
                    resets = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
                    raise DeferredError(self.org, left, self.reserve, self.allowed, resets)
                self.used += 1
            self._begun += 1
            self._under_way += 1

    def end_call(self, limit_info: str | None, *, sent: bool = True) -> None:
        """Learn from the ``Sforce-Limit-Info`` header of the answer.

        Args:
            limit_info: None when no answer came, or one without the header.
            sent: False gives the request back: it never left us. A lost answer's may count.
        """
        usage = parse_limit_info(limit_info)
        with self._changed:
            self._under_way -= 1
            if usage:
                self._learn(*usage)
            elif not sent and self.used is not None:
                self.used -= 1
            self._changed.notify_all()

    def learn(self, allowances: Mapping[str, Allowance]) -> None:
        """Take over what ``/limits`` says, if it is more than the header of its answer said."""
        daily = allowances.get("DailyApiRequests")
        if daily:
            with self._changed:
                used = daily.allowed - daily.left
                if self.used is None or used > self.used:
                    self._learn(used, daily.allowed)

    def _learn(self, used: int, allowed: int) -> None:
        # Answers overtake each other and the org counts minutes late, both at most by the calls
        # that we began: within that we keep the larger number. A larger step back is real: calls
        # of yesterday have left the rolling window. What the org says may lack our calls under way.
        behind = -1 if self.used is None else self.used - used
        if not 0 <= behind <= self._begun or allowed != self.allowed:
            self.used = used + self._under_way
        self.allowed = allowed


def parse_limit_info(header: str | None) -> tuple[int, int] | None:
    """(used, allowed) out of ``api-usage=905/15000``; per-app figures beside it are left alone."""
    found = API_USAGE.search(header or "")
    return (int(found[1]), int(found[2])) if found else None


def parse_limits(body: Mapping[str, Any]) -> dict[str, Allowance]:
    """The entries of ``GET /limits``; those nested within entries are left out."""
    return {
        name: Allowance(name, int(entry["Max"]), int(entry["Remaining"]))
        for name, entry in body.items()
        if isinstance(entry, Mapping) and "Max" in entry and "Remaining" in entry
    }
