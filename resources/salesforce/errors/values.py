"""Rows that came, or go, don't fit what they are meant for."""

from collections.abc import Sequence

from resources.salesforce.errors.root import SalesforceError


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


class DigitsError(ConversionError):
    """A number has more digits than its column holds; ``arrow_types.widened`` may make room."""

    def __str__(self) -> str:
        return (
            f"A number in column {self.column} has more digits than {self.wanted} holds, the most "
            "that is tried. Correct it in the org, or set `numbers: float` for the object, which "
            "keeps the first 15 to 17 digits."
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


class RowSizeError(SalesforceError):
    """A row is longer than a whole upload may be."""

    def __init__(self, row_bytes: int, allowed_bytes: int) -> None:
        super().__init__(row_bytes, allowed_bytes)
        self.row_bytes, self.allowed_bytes = row_bytes, allowed_bytes

    def __str__(self) -> str:
        return (
            f"A row takes {self.row_bytes:,} bytes with the header, and an upload may have "
            f"{self.allowed_bytes:,}. Map fewer or shorter fields."
        )


class ResultRowsError(SalesforceError):
    """The result files of an ingest job name rows that weren't uploaded with it."""

    def __init__(self, job_id: str, rows: int, uploaded: int) -> None:
        super().__init__(job_id, rows, uploaded)
        self.job_id, self.rows, self.uploaded = job_id, rows, uploaded

    def __str__(self) -> str:
        return (
            f"The results of job {self.job_id} hold {self.rows:,} rows that aren't among the "
            f"{self.uploaded:,} uploaded ones, or more often than these. Nothing of them was "
            "recorded. Are they those of another job, or did someone upload to this one?"
        )
