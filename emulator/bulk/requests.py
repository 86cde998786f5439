"""Reading a request for a query job, and refusing what Bulk 2.0 refuses."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.bulk.csv_format import DELIMITERS, LINE_ENDINGS, CsvFormat
from emulator.errors import ApiError

OPERATIONS = ("query", "queryAll")
_KEYS = {"operation", "query", "contentType", "columnDelimiter", "lineEnding"}


@dataclass(frozen=True)
class JobRequest:
    """What a client asks for."""

    soql: str
    operation: str
    csv: CsvFormat

    @property
    def include_deleted(self) -> bool:
        return self.operation == "queryAll"


def read_job_request(body: Mapping[str, Any]) -> JobRequest:
    """The job that a client asks for.

    Raises:
        ApiError: A key or value is wrong.
    """
    refuse_unknown_keys(body, _KEYS)
    operation, soql = body.get("operation"), body.get("query")
    if operation not in OPERATIONS:
        raise invalid_job(f"Operation {operation} is not supported by query jobs")
    if not isinstance(soql, str) or not soql.strip():
        raise invalid_job("Query is required")
    return JobRequest(soql, operation, csv_format_of(body))


def csv_format_of(body: Mapping[str, Any]) -> CsvFormat:
    """How the CSV of a job is written, of either kind.

    Raises:
        ApiError: There is no such format.
    """
    if body.get("contentType", "CSV") != "CSV":
        raise invalid_job(f"Content type {body['contentType']} is not supported")
    delimiter, ending = body.get("columnDelimiter", "COMMA"), body.get("lineEnding", "LF")
    if delimiter not in DELIMITERS:
        raise invalid_job(f"Column delimiter {delimiter} is not supported")
    if ending not in LINE_ENDINGS:
        raise invalid_job(f"Line ending {ending} is not supported")
    return CsvFormat(delimiter, ending)


def refuse_unknown_keys(body: Mapping[str, Any], known: set[str]) -> None:
    """Refuse a body that holds something else.

    Raises:
        ApiError: Naming the first such key.
    """
    unknown = sorted(set(body) - known)
    if unknown:
        raise ApiError(400, "JSON_PARSER_ERROR", f'Unrecognized field "{unknown[0]}"')


def locator_of(row: int) -> str:
    """A row number as `Sforce-Locator` shows it: base64 without padding (MTAwMDA is 10000)."""
    return base64.b64encode(str(row).encode()).decode().rstrip("=")


def row_of(locator: str) -> int:
    """The row number of a locator.

    Raises:
        ApiError: It isn't one.
    """
    try:
        return int(base64.b64decode(locator + "=" * (-len(locator) % 4), validate=True))
    except (ValueError, binascii.Error):
        raise ApiError(400, "INVALIDQUERYLOCATOR", "Invalid query locator") from None


def max_records_of(text: str | None, default: int) -> int:
    """The query parameter `maxRecords`.

    Raises:
        ApiError: It isn't a number from 1 up.
    """
    if text is None:
        return default
    if not text.isdigit() or int(text) < 1:
        raise ApiError(400, "INVALIDARGUMENT", f"Invalid value for maxRecords: {text}")
    return int(text)


def invalid_job(message: str) -> ApiError:
    """The refusal of a job that makes no sense.

    Codes have no underscores [bulk guide] [estuary].
    """
    return ApiError(400, "INVALIDJOB", f"InvalidJob : {message}")
