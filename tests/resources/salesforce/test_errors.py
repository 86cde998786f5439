"""Errors say what happened and what to do, travel between processes, and keep secrets."""

import inspect
import json
import pickle
from datetime import UTC, datetime

import pytest

from resources.salesforce import errors
from resources.salesforce.error_codes import translate
from resources.salesforce.errors import (
    AccessError,
    ApiError,
    ConflictError,
    JobStateError,
    NotFoundError,
    QueryError,
    RecordError,
    RequestLimitError,
    RowLockedError,
    SalesforceError,
    TransientError,
    UnavailableError,
    UnsupportedQueryError,
)
from resources.salesforce.limits import OrgLimits

NOW = datetime(2026, 1, 2, 3, tzinfo=UTC)
REFUSED = ("GET", "/services/data/v66.0/query", 400, "SOME_CODE", "some message", ("Name",))
EXAMPLES = {
    "SalesforceError": (),
    "TransientError": (),
    "AuthError": ("nothing to log in with",),
    "UnavailableError": ("GET", "/limits", 503, "SERVER_UNAVAILABLE", 5.0),
    "ConnectionLostError": ("GET", "acme.my.salesforce.com", "/limits", "ReadTimeout", True),
    "RowLockedError": ("PATCH", "/sobjects/Account", 400, "UNABLE_TO_LOCK_ROW"),
    "BrokenBodyError": ("/results", 1234, "the gzip stream has no end"),
    "RowCountError": ("Job 750", 1000, 999),
    "JobStalledError": ("750", "InProgress", 3600.0),
    "DeferredError": ("acme", 1000, 1000, 15000, NOW),
    "RequestLimitError": ("acme", "REQUEST_LIMIT_EXCEEDED", 15000, 15000),
    "LostAnswerError": ("POST", "/jobs/query", "ReadTimeout"),
    "OAuthError": ("login.salesforce.com", "jwt_bearer", "invalid_grant", "no", "Approve it."),
    "SessionError": ("GET", "/limits", "INVALID_SESSION_ID", True),
    "ForeignHostError": ("nextRecordsUrl", "https://evil.example", "https://acme.example"),
    "AnswerError": ("GET", "/limits", 200, "text/html", 99, "it isn't JSON"),
    "JobError": ("750", "Account", 5, "why"),
    "JobFailedError": ("750", "Account", None, ""),
    "JobAbortedError": ("750", "Account", 5, ""),
    "LocatorLoopError": ("Job 750", "MTAw", 3),
    "ClockError": (NOW, NOW, 12.5),
    "ConversionError": ("Amount", "date32[day]", "it has another form"),
    "DigitsError": ("Amount", "decimal128(38, 20)", "it has more digits"),
    "ColumnMismatchError": (["Name"], ["Nome"]),
    "UnknownFieldError": ("Account", "Nmae", ["Name"]),
    "UnselectableFieldError": ("Account", "BillingAddress", "address", ["BillingCity"]),
    "RowSizeError": (100_000_001, 100_000_000),
    "ResultRowsError": ("750", 3, 1000),
    "MappingError": ("Order__c", "Who.Email", "say which object it points to"),
    "SoqlError": ("no field",),
    "SettingsError": ("reserve", "-1 is negative"),
}
CLASSES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, SalesforceError)
]


def example(kind):
    return kind(*(REFUSED if issubclass(kind, ApiError) else EXAMPLES[kind.__name__]))


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_survives_pickling_with_its_facts(kind):
    error = example(kind)
    if isinstance(error, TransientError):
        error.attempts = 3

    again = pickle.loads(pickle.dumps(error))

    assert type(again) is kind
    assert (str(again), vars(again)) == (str(error), vars(error))


@pytest.mark.parametrize("kind", [k for k in CLASSES if k is not SalesforceError])
def test_every_error_says_something_in_whole_sentences(kind):
    text = str(example(kind))

    assert len(text) > 15
    assert "None" not in text


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_stands_in_the_tree_of_the_docstring(kind):
    assert kind.__name__ in (errors.__doc__ or "")


def translated(status, code="", message="text", limits=None):
    body = json.dumps([{"message": message, "errorCode": code}]).encode() if code else b"<html>"
    limits = limits or OrgLimits("acme", 0)
    return translate("GET", "/services/data/v66.0/x", status, body, None, limits)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "REQUEST_LIMIT_EXCEEDED", RequestLimitError),
        (404, "NOT_FOUND", NotFoundError),
        (404, "ENTITY_IS_DELETED", NotFoundError),
        (400, "MALFORMED_ID", RecordError),
        (400, "INVALID_TYPE", QueryError),
        (400, "INVALID_FIELD", QueryError),
        (400, "INVALID_FIELD_FOR_INSERT_UPDATE", RecordError),
        (400, "MALFORMED_QUERY", QueryError),
        (400, "INVALID_TYPE_FOR_OPERATION", UnsupportedQueryError),
        (400, "INVALID_QUERY_LOCATOR", QueryError),
        (400, "QUERY_TIMEOUT", UnsupportedQueryError),
        (400, "REQUIRED_FIELD_MISSING", RecordError),
        (400, "MISSING_ARGUMENT", RecordError),
        (400, "STRING_TOO_LONG", RecordError),
        (400, "DUPLICATE_VALUE", RecordError),
        (400, "DUPLICATES_DETECTED", RecordError),
        (400, "INVALID_CROSS_REFERENCE_KEY", RecordError),
        (400, "UNABLE_TO_LOCK_ROW", RowLockedError),
        (400, "INVALID_EMAIL_ADDRESS", RecordError),
        (400, "JSON_PARSER_ERROR", RecordError),
        (400, "NUMBER_OUTSIDE_VALID_RANGE", QueryError),
        (400, "EXCEEDED_ID_LIMIT", QueryError),
        (400, "STORAGE_LIMIT_EXCEEDED", RecordError),
        (503, "SERVER_UNAVAILABLE", UnavailableError),
        (400, "EXTERNAL_OBJECT_UNSUPPORTED_EXCEPTION", UnsupportedQueryError),
        (403, "INSUFFICIENT_ACCESS", AccessError),
        (400, "TXN_SECURITY_METERING_ERROR", AccessError),
        (400, "OPERATION_TOO_LARGE", UnsupportedQueryError),
        (403, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", AccessError),
        (403, "API_DISABLED_FOR_ORG", AccessError),
        # Bulk spells codes without underscores, and its families in another case.
        (400, "INVALIDJOBSTATE", JobStateError),
        (400, "INVALIDENTITY", UnsupportedQueryError),
        (400, "FEATURENOTENABLED", UnsupportedQueryError),
        (400, "FUNCTIONALITY_NOT_ENABLED", UnsupportedQueryError),
        (400, "LIMIT_EXCEEDED", RequestLimitError),
        (400, "ExceededQuota", RequestLimitError),
        (400, "FeatureNotEnabled", UnsupportedQueryError),
        (400, "InvalidJobState", JobStateError),
        (400, "InvalidUser", AccessError),
        (400, "NotFound", NotFoundError),
        (400, "Timeout", UnavailableError),
        (400, "TooManyLockFailure", RowLockedError),
        # By status where the code says nothing.
        (409, "SOME_CONFLICT", ConflictError),
        (410, "GONE", UnsupportedQueryError),
        (414, "", QueryError),
        (404, "", NotFoundError),
        (429, "", UnavailableError),
        (502, "", UnavailableError),
        (503, "", UnavailableError),
        (504, "", UnavailableError),
    ],
)
def test_each_documented_code_has_its_class(status, code, kind):
    assert type(translated(status, code)) is kind


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "UNKNOWN_EXCEPTION"),
        (400, "API_ERROR"),
        (400, "INVALIDJOB"),
        (400, "ClientInputError"),
        (400, "InvalidBatch"),
        (400, "Unknown"),
        (400, "A_CODE_OF_NEXT_YEAR"),
    ],
)
def test_other_codes_are_kept_verbatim(status, code):
    error = translated(status, code, "what the org said")

    assert type(error) is ApiError
    assert (error.code, error.message) == (code, "what the org said")


def test_concurrency_is_told_from_a_used_up_day_by_the_numbers():
    limits = OrgLimits("acme", 0)
    limits.begin_call(NOW)
    limits.end_call("api-usage=5/15000")

    assert isinstance(translated(403, "REQUEST_LIMIT_EXCEEDED", limits=limits), TransientError)


def test_texts_that_quote_record_values_are_not_kept():
    error = translated(400, "STRING_TOO_LONG", "Account Name: data value too large: Jane Doe (max…")

    assert "Jane" not in repr(error) + str(error) + repr(vars(error))
