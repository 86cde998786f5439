"""The org's API requests don't suffice: run later."""

from datetime import datetime

from resources.salesforce.errors.root import SalesforceError


class DeferredError(SalesforceError):
    """The next call would leave fewer API requests than the connection's reserve.

    ``resets`` is when it is worth looking again: Salesforce counts the last 24 hours in a rolling
    window and doesn't say when calls leave it, so this is the next full hour of the org's clock.
    """

    def __init__(self, org: str, left: int, reserve: int, allowed: int, resets: datetime) -> None:
        super().__init__(org, left, reserve, allowed, resets)
        self.org, self.left, self.reserve = org, left, reserve
        self.allowed, self.resets = allowed, resets

    def __str__(self) -> str:
        return (
            f"{self.org} has {self.left:,} of {self.allowed:,} API requests left, and "
            f"{self.reserve:,} are reserved for others. Deferred; look again at "
            f"{self.resets:%Y-%m-%d %H:%M} UTC, or lower the connection's `reserve`."
        )


class RequestLimitError(SalesforceError):
    """An allowance of the org is used up (``REQUEST_LIMIT_EXCEEDED``, ``LIMIT_EXCEEDED``).

    Not transient: it comes back over hours, not seconds.
    """

    def __init__(self, org: str, code: str, used: int | None, allowed: int | None) -> None:
        super().__init__(org, code, used, allowed)
        self.org, self.code, self.used, self.allowed = org, code, used, allowed

    def __str__(self) -> str:
        numbers = (
            f" It has used {self.used:,} of {self.allowed:,} API requests in 24 hours."
            if self.used is not None and self.allowed is not None
            else ""
        )
        return (
            f"{self.org} refused the call: an allowance is used up ({self.code}).{numbers} Wait, "
            "raise `reserve` so that runs stop before this, or read large objects through Bulk 2.0."
        )
