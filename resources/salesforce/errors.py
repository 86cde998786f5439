"""What can go wrong between us and Salesforce, split by what the caller can do about it.

SalesforceError
├── TransientError            wait, then do the same again
│   ├── UnavailableError      429, 502 to 504, SERVER_UNAVAILABLE
│   ├── ConnectionLostError   no connection, or no answer
│   ├── RowLockedError        UNABLE_TO_LOCK_ROW
│   ├── BrokenBodyError       an answer that broke off
│   ├── RowCountError         fewer (or more) rows than announced
│   └── JobStalledError       a job that didn't end in time
├── DeferredError             the reserve would be touched: run later
├── RequestLimitError         the org's allowance is used up: run later
├── LostAnswerError           look whether it happened before doing it again
├── AuthError                 change the login or the app's settings
│   ├── OAuthError            the token endpoint refused
│   └── SessionError          the token was refused, also after a new login
├── ForeignHostError          an address that isn't the org's
├── AnswerError               not what the API promises (no JSON, keys missing)
├── ApiError                  the org refused, error code kept verbatim
│   ├── QueryError            mend the query
│   ├── UnsupportedQueryError read this by another API
│   ├── AccessError           give the user a right
│   ├── NotFoundError         the object, row or job isn't there (any more)
│   ├── ConflictError         another API version, or changed meanwhile
│   ├── JobStateError         the job is in another state
│   └── RecordError           mend the record
├── JobError                  submit another job
│   ├── JobFailedError
│   └── JobAbortedError
├── LocatorLoopError          the server sends the same page again and again
├── ClockError                the org's clock doesn't move as it must
├── ConversionError           a value doesn't fit the described type
├── ColumnMismatchError       a page of another query
├── UnknownFieldError         mend the name, or give the user field-level security
├── UnselectableFieldError    select its parts instead
├── SoqlError                 a query that can't be written
└── SettingsError             mend the configuration

Every error pickles (all facts go to ``Exception.__init__``), and none carries a token, a password
or the values of a record: texts in which Salesforce quotes values are left out (``RecordError``).
``error_codes`` says which Salesforce code becomes which class.
"""

from collections.abc import Sequence
from datetime import datetime


class SalesforceError(Exception):
    """Anything that went wrong with Salesforce."""


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


class AuthError(SalesforceError):
    """Logging in, or staying logged in, doesn't work."""


class OAuthError(AuthError):
    """The token endpoint refused. ``error`` is OAuth's code; decide by that, never by the text."""

    def __init__(self, host: str, flow: str, error: str, description: str, advice: str) -> None:
        super().__init__(host, flow, error, description, advice)
        self.host, self.flow, self.error = host, flow, error
        self.description, self.advice = description, advice

    def __str__(self) -> str:
        said = f" ({self.description})" if self.description else ""
        return f"{self.host} refused the {self.flow} login: {self.error}{said}. {self.advice}"


class SessionError(AuthError):
    """The org refuses the access token, and a new one wouldn't help or didn't."""

    def __init__(self, method: str, path: str, code: str, renewed: bool) -> None:
        super().__init__(method, path, code, renewed)
        self.method, self.path, self.code, self.renewed = method, path, code, renewed

    def __str__(self) -> str:
        when = "even right after a new login" if self.renewed else "and a new login wouldn't help"
        return (
            f"The org refuses our token for {self.method} {self.path} ({self.code}), {when}. Check "
            "that the app grants the `api` scope and that the user may use the API."
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


class ApiError(SalesforceError):
    """The org refused the request; ``code`` and ``message`` are Salesforce's own."""

    advice = "See the error code in Salesforce's documentation."

    def __init__(
        self,
        method: str,
        path: str,
        status: int,
        code: str,
        message: str,
        fields: Sequence[str] = (),
    ) -> None:
        super().__init__(method, path, status, code, message, tuple(fields))
        self.method, self.path, self.status = method, path, status
        self.code, self.message, self.fields = code, message, tuple(fields)

    def __str__(self) -> str:
        code = f" {self.code}" if self.code else ""
        fields = f" [{', '.join(self.fields)}]" if self.fields else ""
        said = f": {self.message.strip()}" if self.message.strip() else ""
        refused = f"{self.method} {self.path} was refused with HTTP {self.status}{code}{fields}"
        return f"{refused}{said}\n{self.advice}"


class QueryError(ApiError):
    """The query is wrong: a name, a type, or its form."""

    advice = (
        "Check the object, the fields and `where`. A field that exists but isn't visible to the "
        "API user looks the same: check its field-level security."
    )


class UnsupportedQueryError(ApiError):
    """The object or the query can't be read through this API."""

    advice = (
        "Read it through the other API (REST instead of Bulk 2.0, or the reverse), in smaller "
        "windows, or leave the object out."
    )


class AccessError(ApiError):
    """The user lacks a right."""

    advice = "Give the API user the permission that the code names, or leave the object out."


class NotFoundError(ApiError):
    """The object, row or job isn't there, or isn't visible to the user."""

    advice = (
        "Check the name and the user's permissions; a finished Bulk job is kept for 7 days at most."
    )


class ConflictError(ApiError):
    """The thing is there in another form, e.g. a job of another API version."""

    advice = "Read a job's results with the API version it was created with."


class JobStateError(ApiError):
    """The Bulk job's state doesn't allow that."""

    advice = "Ask for the job's state first: a job ends once, and only ended jobs can be deleted."


class RecordError(ApiError):
    """A record that was sent isn't acceptable.

    Salesforce quotes values in these texts, so the text isn't kept: ``code`` and ``fields`` are.
    """

    advice = "Correct what the code names in the source of the record."

    def __init__(
        self,
        method: str,
        path: str,
        status: int,
        code: str,
        message: str,
        fields: Sequence[str] = (),
    ) -> None:
        super().__init__(method, path, status, code, "", fields)


class JobError(SalesforceError):
    """A Bulk job ended without a result."""

    ended = "ended"

    def __init__(self, job_id: str, object_name: str, rows: int | None, reason: str) -> None:
        super().__init__(job_id, object_name, rows, reason)
        self.job_id, self.object_name, self.rows, self.reason = job_id, object_name, rows, reason

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return (
            f"Job {self.job_id} on {self.object_name} {self.ended} after {self.rows or 0:,} "
            f"rows{why}. Its rows aren't used. Run it again, in smaller windows if it ran out of "
            "time."
        )


class JobFailedError(JobError):
    """Salesforce gave the job up."""

    ended = "failed"


class JobAbortedError(JobError):
    """Somebody aborted the job."""

    ended = "was aborted"


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


class ConversionError(SalesforceError):
    """A value doesn't fit the type that describe promises. The value itself isn't shown."""

    def __init__(self, column: str, wanted: str, cause: str) -> None:
        super().__init__(column, wanted, cause)
        self.column, self.wanted, self.cause = column, wanted, cause

    def __str__(self) -> str:
        where = f"column {self.column}" if self.column else "a column"
        return (
            f"A value in {where} isn't {self.wanted}: {self.cause}. If the field was changed in "
            "the org, read it again; numbers with more digits than described need `numbers: float`."
        )


class ColumnMismatchError(SalesforceError):
    """A result page has other columns than those asked for."""

    def __init__(self, missing: Sequence[str], unexpected: Sequence[str]) -> None:
        super().__init__(tuple(missing), tuple(unexpected))
        self.missing, self.unexpected = tuple(missing), tuple(unexpected)

    def __str__(self) -> str:
        lacks = f" It lacks {', '.join(self.missing)}." if self.missing else ""
        has = f" It has {', '.join(self.unexpected)}." if self.unexpected else ""
        return (
            f"A result page has other columns than the query asked for.{lacks}{has} Was it made by "
            "another selection of fields? Extract again."
        )


class UnknownFieldError(SalesforceError):
    """The object has no such field, or the API user can't see it."""

    def __init__(self, object_name: str, field: str, nearest: Sequence[str]) -> None:
        super().__init__(object_name, field, tuple(nearest))
        self.object_name, self.field, self.nearest = object_name, field, tuple(nearest)

    def __str__(self) -> str:
        meant = f" Did you mean {' or '.join(self.nearest)}?" if self.nearest else ""
        return (
            f"{self.object_name} shows no field {self.field} to the API user.{meant} If it exists, "
            "give the user field-level security for it."
        )


class UnselectableFieldError(SalesforceError):
    """A field that can't be a column: a compound, or binary content."""

    def __init__(self, object_name: str, field: str, kind: str, parts: Sequence[str]) -> None:
        super().__init__(object_name, field, kind, tuple(parts))
        self.object_name, self.field, self.kind, self.parts = object_name, field, kind, tuple(parts)

    def __str__(self) -> str:
        instead = f" Select {', '.join(self.parts)} instead." if self.parts else " Leave it out."
        what = f"{self.object_name}.{self.field} is of type {self.kind}"
        return f"{what}, which can't be a column.{instead}"


class SoqlError(SalesforceError):
    """A query that can't be written safely."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause

    def __str__(self) -> str:
        return f"Can't write this query: {self.cause}."


class SettingsError(SalesforceError):
    """A connection setting that can't work."""

    def __init__(self, setting: str, cause: str) -> None:
        super().__init__(setting, cause)
        self.setting, self.cause = setting, cause

    def __str__(self) -> str:
        return f"Connection setting `{self.setting}`: {self.cause}."
