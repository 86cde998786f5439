"""An exchange that can't be trusted: an answer lost, foreign, malformed or impossible."""

from datetime import datetime

from resources.salesforce.errors.root import SalesforceError


class LostAnswerError(SalesforceError):
    """A request that creates something was sent and its answer never came: it may have happened.

    Never repeat it blindly. For a Bulk job: list the jobs created since and look for it.
    """

    def __init__(self, method: str, path: str, cause: str) -> None:
        super().__init__(method, path, cause)
        self.method, self.path, self.cause = method, path, cause

    def __str__(self) -> str:
        return (
            f"The answer to {self.method} {self.path} was lost ({self.cause}), so what it creates "
            "may exist. List what was created since and look for it before sending it again."
        )


class ForeignHostError(SalesforceError):
    """Something pointed us to an address that isn't the org's; the token wasn't sent there."""

    def __init__(self, source: str, host: str, own: str) -> None:
        super().__init__(source, host, own)
        self.source, self.host, self.own = source, host, own

    def __str__(self) -> str:
        return (
            f"{self.source} points to {self.host}, which isn't {self.own}. Nothing was sent there. "
            "If the org really moved, set `login_url` to its new My Domain."
        )


class AnswerError(SalesforceError):
    """An answer that isn't what the API promises: no JSON, or keys are missing."""

    def __init__(
        self, method: str, path: str, status: int, content_type: str, body_bytes: int, cause: str
    ) -> None:
        super().__init__(method, path, status, content_type, body_bytes, cause)
        self.method, self.path, self.status = method, path, status
        self.content_type, self.body_bytes, self.cause = content_type, body_bytes, cause

    def __str__(self) -> str:
        return (
            f"{self.method} {self.path} was answered with HTTP {self.status}, "
            f"{self.content_type or 'no type'}, {self.body_bytes:,} bytes: {self.cause}. Check "
            "`login_url`, and whether a proxy or a login page stands between us and the org."
        )


class LocatorLoopError(SalesforceError):
    """A page's successor has been read already; following it would never end."""

    def __init__(self, what: str, locator: str, pages: int) -> None:
        super().__init__(what, locator, pages)
        self.what, self.locator, self.pages = what, locator, pages

    def __str__(self) -> str:
        return (
            f"{self.what} points from page {self.pages} back to locator {self.locator}, which was "
            "read before. Submit the query again."
        )


class ClockError(SalesforceError):
    """Rows can't be read later than asked: that is too far ahead of the org's clock."""

    def __init__(self, after: datetime, read_at: datetime, waited_s: float) -> None:
        super().__init__(after, read_at, waited_s)
        self.after, self.read_at, self.waited_s = after, read_at, waited_s

    def __str__(self) -> str:
        return (
            f"Rows were to be read after {self.after.isoformat()} of the org's clock, which says "
            f"{self.read_at.isoformat()} after waiting {self.waited_s:,.0f} s. Was that time taken "
            "from another clock, or another org?"
        )
