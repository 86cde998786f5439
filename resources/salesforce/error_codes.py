"""Which error an answer of Salesforce's becomes; the only place that translates its codes."""

import json
from collections.abc import Mapping
from typing import Any

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
    UnavailableError,
    UnsupportedQueryError,
)
from resources.salesforce.limits import OrgLimits

# Codes are looked up without underscores and in capitals, since Bulk spells them INVALIDJOBSTATE,
# or InvalidJobState in its error families, where REST would write INVALID_JOB_STATE.
CLASSES: Mapping[str, type[ApiError]] = {
    # the query
    "MALFORMEDQUERY": QueryError,
    "INVALIDFIELD": QueryError,
    "INVALIDTYPE": QueryError,
    "INVALIDQUERYLOCATOR": QueryError,
    "QUERYTOOCOMPLICATED": QueryError,
    "NUMBEROUTSIDEVALIDRANGE": QueryError,
    "EXCEEDEDIDLIMIT": QueryError,
    # the API for it
    "INVALIDTYPEFOROPERATION": UnsupportedQueryError,
    "FEATURENOTENABLED": UnsupportedQueryError,
    "FUNCTIONALITYNOTENABLED": UnsupportedQueryError,
    "INVALIDENTITY": UnsupportedQueryError,
    "EXTERNALOBJECTUNSUPPORTEDEXCEPTION": UnsupportedQueryError,
    "OPERATIONTOOLARGE": UnsupportedQueryError,
    "QUERYTIMEOUT": UnsupportedQueryError,
    # rights
    "INSUFFICIENTACCESS": AccessError,
    "INSUFFICIENTACCESSORREADONLY": AccessError,
    "TXNSECURITYMETERINGERROR": AccessError,
    "INVALIDOPERATIONWITHEXPIREDPASSWORD": AccessError,
    "APIDISABLEDFORORG": AccessError,
    "INVALIDUSER": AccessError,
    # things
    "NOTFOUND": NotFoundError,
    "ENTITYISDELETED": NotFoundError,
    "INVALIDJOBSTATE": JobStateError,
    # records
    "MALFORMEDID": RecordError,
    "INVALIDFIELDFORINSERTUPDATE": RecordError,
    "REQUIREDFIELDMISSING": RecordError,
    "MISSINGARGUMENT": RecordError,
    "STRINGTOOLONG": RecordError,
    "DUPLICATEVALUE": RecordError,
    "DUPLICATESDETECTED": RecordError,
    "INVALIDCROSSREFERENCEKEY": RecordError,
    "INVALIDEMAILADDRESS": RecordError,
    "JSONPARSERERROR": RecordError,
    "STORAGELIMITEXCEEDED": RecordError,
}
# Not 500: behind it stands UNKNOWN_EXCEPTION, a defect that the same call meets again.
TRANSIENT_STATUSES = frozenset({420, 429, 502, 503, 504})
UNAVAILABLE = frozenset({"SERVERUNAVAILABLE", "TIMEOUT"})
LOCKED = frozenset({"UNABLETOLOCKROW", "TOOMANYLOCKFAILURE"})
USED_UP = frozenset({"LIMITEXCEEDED", "EXCEEDEDQUOTA"})
BY_STATUS: Mapping[int, type[ApiError]] = {
    403: AccessError,
    404: NotFoundError,
    409: ConflictError,
    410: UnsupportedQueryError,
    414: QueryError,
}


def normal(code: str) -> str:
    """The one spelling under which a code is looked up."""
    return code.replace("_", "").upper()


def is_lock_error(code: str | None) -> bool:
    """Whether a row failed because another transaction held it, or its parent.

    The only failure of a row that the same row may not meet again a little later.
    """
    return normal(code or "") in LOCKED


def parse_errors(body: bytes) -> list[Mapping[str, Any]]:
    """The error objects of a body; none when it isn't Salesforce's form."""
    try:
        found = json.loads(body)
    except ValueError:
        return []
    entries = found if isinstance(found, list) else [found]
    return [entry for entry in entries if isinstance(entry, Mapping) and "errorCode" in entry]


def translate(
    method: str,
    path: str,
    status: int,
    body: bytes,
    retry_after_s: float | None,
    limits: OrgLimits,
) -> SalesforceError:
    """The error for an answer that isn't a success (401 is the login's business, not ours)."""
    entries = parse_errors(body)
    first = entries[0] if entries else {}
    code = str(first.get("errorCode", ""))
    known = normal(code)
    if known in LOCKED:
        return RowLockedError(method, path, status, code)
    if known == "REQUESTLIMITEXCEEDED" and limits.left is not None and limits.left > 0:
        # The daily allowance isn't used up, so it is the one for concurrent long calls, which is
        # over in seconds. The texts differ too, but they are localised.
        return UnavailableError(method, path, status, code, retry_after_s)
    if known == "REQUESTLIMITEXCEEDED" or known in USED_UP:
        return RequestLimitError(limits.org, code, limits.used, limits.allowed)
    if known in UNAVAILABLE or (status in TRANSIENT_STATUSES and known not in CLASSES):
        return UnavailableError(method, path, status, code, retry_after_s)
    kind = CLASSES.get(known) or BY_STATUS.get(status, ApiError)
    message, fields = str(first.get("message", "")), first.get("fields") or ()
    return kind(method, path, status, code, message, [str(name) for name in fields])
