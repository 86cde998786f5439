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
│   └── DigitsError           a number has more digits: widen its column, or read floats
├── ColumnMismatchError       a page of another query
├── RowSizeError              map fewer fields
├── ResultRowsError           result files of another upload
├── UnknownFieldError         mend the name, or give the user field-level security
├── UnselectableFieldError    select its parts instead
├── MappingError              mend the mapping of a load
├── SoqlError                 a query that can't be written
└── SettingsError             mend the configuration

Every error pickles (all facts go to ``Exception.__init__``), and none carries a token, a password
or the values of a record: texts in which Salesforce quotes values are left out (``RecordError``).
``error_codes`` says which Salesforce code becomes which class.
"""

from resources.salesforce.errors.allowances import (
    DeferredError,
    RequestLimitError,
)
from resources.salesforce.errors.exchange import (
    AnswerError,
    ClockError,
    ForeignHostError,
    LocatorLoopError,
    LostAnswerError,
)
from resources.salesforce.errors.jobs import (
    JobAbortedError,
    JobError,
    JobFailedError,
)
from resources.salesforce.errors.login import (
    AuthError,
    OAuthError,
    SessionError,
)
from resources.salesforce.errors.refusals import (
    AccessError,
    ApiError,
    ConflictError,
    JobStateError,
    NotFoundError,
    QueryError,
    RecordError,
    UnsupportedQueryError,
)
from resources.salesforce.errors.requests import (
    MappingError,
    SettingsError,
    SoqlError,
    UnknownFieldError,
    UnselectableFieldError,
)
from resources.salesforce.errors.root import (
    SalesforceError,
)
from resources.salesforce.errors.transient import (
    BrokenBodyError,
    ConnectionLostError,
    JobStalledError,
    RowCountError,
    RowLockedError,
    TransientError,
    UnavailableError,
)
from resources.salesforce.errors.values import (
    ColumnMismatchError,
    ConversionError,
    DigitsError,
    ResultRowsError,
    RowSizeError,
)

__all__ = [
    "AccessError",
    "AnswerError",
    "ApiError",
    "AuthError",
    "BrokenBodyError",
    "ClockError",
    "ColumnMismatchError",
    "ConflictError",
    "ConnectionLostError",
    "ConversionError",
    "DeferredError",
    "DigitsError",
    "ForeignHostError",
    "JobAbortedError",
    "JobError",
    "JobFailedError",
    "JobStalledError",
    "JobStateError",
    "LocatorLoopError",
    "LostAnswerError",
    "MappingError",
    "NotFoundError",
    "OAuthError",
    "QueryError",
    "RecordError",
    "RequestLimitError",
    "ResultRowsError",
    "RowCountError",
    "RowLockedError",
    "RowSizeError",
    "SalesforceError",
    "SessionError",
    "SettingsError",
    "SoqlError",
    "TransientError",
    "UnavailableError",
    "UnknownFieldError",
    "UnselectableFieldError",
    "UnsupportedQueryError",
]
