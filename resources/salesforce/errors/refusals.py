"""The org refused a request, by a code of its own."""

from collections.abc import Sequence

from resources.salesforce.errors.root import SalesforceError


class ApiError(SalesforceError):
    """The org refused the request; ``code`` and ``message`` are Salesforce's own."""

    advice = "See the error code in Salesforce's documentation."
    keeps_text = True

    def __init__(
        self,
        method: str,
        path: str,
        status: int,
        code: str,
        message: str,
        fields: Sequence[str] = (),
    ) -> None:
        message = message if self.keeps_text else ""
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
    keeps_text = False
