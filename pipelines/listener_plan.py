"""When a channel that died is followed again, and when what landed is applied. Pure."""

from __future__ import annotations

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


def apply_in_s(now_s: float, begun_s: float | None, run_every_s: float) -> float:
    """In how many seconds the next run of a channel may begin; 0 is at once.

    A change after a pause is applied at once, and changes that keep coming share runs: Dagster
    keeps the history of each.

    Args:
        begun_s: When the last run began; None: there was none.
    """
    if begun_s is None:
        return 0.0
    return max(0.0, begun_s + run_every_s - now_s)
