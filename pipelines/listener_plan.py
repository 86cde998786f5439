"""When a channel that died is followed again, and when what landed is applied. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 300.0
#: What ran for so long has recovered: the next failure is a first one again.
RECOVERED_S = 60.0


def failures_in_a_row(before: int, ran_s: float) -> int:
    """How many failures in a row this one makes, after a try that lasted so long."""
    return 1 if ran_s >= RECOVERED_S else before + 1


def wait_s(failures: int, chance: float) -> float:
    """How long to wait after so many failures in a row: twice as long each time, to an end.

    Args:
        failures: At least 1.
        chance: From 0 to 1; spreads channels that died together over half of the wait.
    """
    longest = min(FIRST_WAIT_S * 2.0 ** min(failures - 1, 16), LONGEST_WAIT_S)
    return longest * (0.5 + chance / 2)


def due(not_before_s: Mapping[str, float], now_s: float) -> tuple[list[str], float]:
    """Channels to apply now, and in how many seconds the next one is due if there are none.

    A change after a pause is applied at once, and changes that keep coming share runs: Dagster
    keeps the history of each.

    Args:
        not_before_s: By channel of which something has landed, when its next run may begin.
    """
    found = sorted(channel for channel, at_s in not_before_s.items() if at_s <= now_s)
    return found, max(0.0, min(not_before_s.values(), default=math.inf) - now_s)
