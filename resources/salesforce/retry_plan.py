"""Whether and when a request is made again. Pure: errors and numbers in, a decision out."""

from dataclasses import dataclass

from resources.salesforce.errors import (
    ConnectionLostError,
    RowLockedError,
    SalesforceError,
    TransientError,
    UnavailableError,
)


@dataclass(frozen=True)
class RetryPolicy:
    """How often, and how long between.

    The wait doubles from ``first_wait_s`` up to ``longest_wait_s``; half of it is chance, so that
    many clients don't come back at the same moment. ``Retry-After`` is obeyed up to
    ``longest_retry_after_s``; a longer one is left to the caller.
    """

    attempts: int = 6
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0
    longest_retry_after_s: float = 300.0


@dataclass(frozen=True)
class Wait:
    """Try again after this long."""

    seconds: float


@dataclass(frozen=True)
class GiveUp:
    """Raise the error."""


@dataclass(frozen=True)
class InDoubt:
    """It may have happened: raise ``LostAnswerError``."""


def after_failure(
    error: SalesforceError, attempt: int, creates: bool, policy: RetryPolicy, chance: float
) -> Wait | GiveUp | InDoubt:
    """What to do after the ``attempt``-th failure (1 is the first) of one request.

    Args:
        creates: The request makes something new, so that doing it twice makes two.
        chance: A random number in [0, 1).
    """
    if not isinstance(error, TransientError):
        return GiveUp()
    if creates and not certainly_undone(error):
        return InDoubt()
    if attempt >= policy.attempts:
        return GiveUp()
    if error.retry_after_s is not None:
        if error.retry_after_s > policy.longest_retry_after_s:
            return GiveUp()
        return Wait(error.retry_after_s)
    return Wait(backoff_s(attempt, policy, chance))


def certainly_undone(error: TransientError) -> bool:
    """Whether the org surely did nothing.

    True when the request never left, when the org itself refused it (it names a code), and for
    429. A gateway's 502/503/504, or the org's own timeout, says nothing about what was done.
    """
    if isinstance(error, ConnectionLostError):
        return not error.sent
    if isinstance(error, UnavailableError):
        refused = error.status < 504 and bool(error.code) and error.code.upper() != "TIMEOUT"
        return error.status == 429 or refused
    return isinstance(error, RowLockedError)


def backoff_s(attempt: int, policy: RetryPolicy, chance: float) -> float:
    """Seconds before the attempt after ``attempt``: exponential, capped, half of it by chance."""
    full = min(policy.longest_wait_s, policy.first_wait_s * 2.0 ** (attempt - 1))
    return full / 2 + full / 2 * chance
