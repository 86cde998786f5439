"""What passes by itself: wait, then do the same again."""

from resources.salesforce.errors.root import SalesforceError


class TransientError(SalesforceError):
    """Doing the same again later may work; ``transport`` has done so ``attempts`` times already."""

    attempts: int = 1
    retry_after_s: float | None = None

    def happened(self) -> str:
        """What happened, as one sentence."""
        return "Salesforce couldn't answer."

    def __str__(self) -> str:
        tried = f" Tried {self.attempts} times." if self.attempts > 1 else ""
        return f"{self.happened()}{tried} Run it again later."


class UnavailableError(TransientError):
    """The org is there, but can't serve this now."""

    def __init__(
        self, method: str, path: str, status: int, code: str, retry_after_s: float | None = None
    ) -> None:
        super().__init__(method, path, status, code, retry_after_s)
        self.method, self.path, self.status, self.code = method, path, status, code
        self.retry_after_s = retry_after_s

    def happened(self) -> str:
        """What happened, as one sentence."""
        wait = f", asking to wait {self.retry_after_s:g} s" if self.retry_after_s else ""
        code = f" {self.code}" if self.code else ""
        return f"{self.method} {self.path} was answered with HTTP {self.status}{code}{wait}."


class ConnectionLostError(TransientError):
    """No connection, or it broke before an answer came.

    ``sent`` is False when the request certainly never left.
    """

    def __init__(self, method: str, host: str, path: str, cause: str, sent: bool) -> None:
        super().__init__(method, host, path, cause, sent)
        self.method, self.host, self.path, self.cause, self.sent = method, host, path, cause, sent

    def happened(self) -> str:
        """What happened, as one sentence."""
        what = "broke off before the answer" if self.sent else "couldn't be opened"
        return f"The connection to {self.host} for {self.method} {self.path} {what} ({self.cause})."


class RowLockedError(TransientError):
    """Another transaction holds the row (``UNABLE_TO_LOCK_ROW``)."""

    def __init__(self, method: str, path: str, status: int, code: str) -> None:
        super().__init__(method, path, status, code)
        self.method, self.path, self.status, self.code = method, path, status, code

    def happened(self) -> str:
        """What happened, as one sentence."""
        return f"{self.method} {self.path} met a row that another transaction holds ({self.code})."


class BrokenBodyError(TransientError):
    """The body of an answer broke off, or can't be unpacked. Nothing of it is kept."""

    def __init__(self, path: str, received_bytes: int, cause: str) -> None:
        super().__init__(path, received_bytes, cause)
        self.path, self.received_bytes, self.cause = path, received_bytes, cause

    def happened(self) -> str:
        """What happened, as one sentence."""
        return (
            f"The answer to {self.path} is incomplete after {self.received_bytes:,} bytes: "
            f"{self.cause}."
        )


class RowCountError(TransientError):
    """The rows that came aren't as many as were announced."""

    def __init__(self, what: str, announced: int, received: int) -> None:
        super().__init__(what, announced, received)
        self.what, self.announced, self.received = what, announced, received

    def happened(self) -> str:
        """What happened, as one sentence."""
        return (
            f"{self.what} announced {self.announced:,} rows and {self.received:,} came. "
            "They aren't used."
        )


class JobStalledError(TransientError):
    """A Bulk job didn't end within the time we wait; it may still."""

    def __init__(self, job_id: str, state: str, waited_s: float) -> None:
        super().__init__(job_id, state, waited_s)
        self.job_id, self.state, self.waited_s = job_id, state, waited_s

    def happened(self) -> str:
        """What happened, as one sentence."""
        return (
            f"Job {self.job_id} was still {self.state} after {self.waited_s:,.0f} s. See Bulk Data "
            "Load Jobs in the org's Setup; abort it there if it hangs."
        )
