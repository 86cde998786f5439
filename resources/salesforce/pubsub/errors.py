"""What can go wrong with events, split by what the caller can do about it.

PubSubError
├── PubSubCallError            the org refused a call; its ``error-code`` kept verbatim
│   ├── PubSubUnavailableError wait, then do the same again (also a ``TransientError``)
│   ├── PubSubLoginError       the token is refused, also a new one (also an ``AuthError``)
│   ├── TopicNotFoundError     no such channel, or the object isn't selected
│   ├── TopicAccessError       the user lacks a right
│   ├── ReplayIdError          the position is too old or not one: read a window, begin anew
│   ├── SchemaUnavailableError the schema of an event can't be had
│   └── DeliveryLimitError     the org's allowance of events is used up: run later
├── StreamSilentError          nothing came for too long (also a ``TransientError``)
├── SchemaFormatError          a schema that isn't understood
├── EventDecodeError           an event that can't be read; carries its bytes
└── EventFieldsError           rows that can't become events of that kind

``call_errors`` says which code becomes which class. Every error pickles; texts hold no values.
"""

from collections.abc import Sequence

from resources.salesforce.errors import AuthError, SalesforceError, TransientError


class PubSubError(SalesforceError):
    """Anything that went wrong with events."""


class PubSubCallError(PubSubError):
    """The org refused a call.

    ``call`` is the RPC, ``about`` the channel or schema, ``code`` the ``error-code`` trailer
    without its common beginning ("" if there was none), ``status`` gRPC's name of the status.
    """

    advice = "See the error code in the Pub/Sub API's documentation."

    def __init__(self, call: str, about: str, code: str, status: str, message: str) -> None:
        super().__init__(call, about, code, status, message)
        self.call, self.about, self.code = call, about, code
        self.status, self.message = status, message

    def happened(self) -> str:
        """What happened, as one sentence."""
        code = f" {self.code}" if self.code else ""
        said = f": {self.message.strip().rstrip('.')}" if self.message.strip() else ""
        return f"{self.call} of {self.about} was refused with {self.status}{code}{said}."

    def __str__(self) -> str:
        return f"{self.happened()} {self.advice}"


class PubSubUnavailableError(PubSubCallError, TransientError):
    """The API can't serve this now, or the connection broke."""

    def __str__(self) -> str:
        return TransientError.__str__(self)


class PubSubLoginError(PubSubCallError, AuthError):
    """The Pub/Sub API doesn't accept our token."""

    advice = (
        "Check that the endpoint belongs to this org's region and that the user may use the API."
    )


class TopicNotFoundError(PubSubCallError):
    """There is no such channel."""

    advice = (
        "Select the object in Setup under Change Data Capture, or check the event's name; names "
        "are case-sensitive, and the changes of Order__c are /data/Order__ChangeEvent."
    )


class TopicAccessError(PubSubCallError):
    """The user may not see the channel, or not do this with it."""

    advice = (
        "Select the object in Setup under Change Data Capture and give the API user View All on "
        "it; for a platform event, Read or Create."
    )


class ReplayIdError(PubSubCallError):
    """The position isn't one that the org keeps: corrupted, or older than 72 hours."""

    advice = "Events are missing: read the object for the time since, and begin with the earliest."


class SchemaUnavailableError(PubSubCallError):
    """The schema of an event can't be had."""

    advice = "Give the API user access to the object or event; the event can't be read without it."


class DeliveryLimitError(PubSubCallError):
    """The org may receive no more events today. Not transient: it comes back over hours."""

    advice = "Select fewer objects, or buy more deliveries; events are kept for 72 hours."


class StreamSilentError(PubSubError, TransientError):
    """A stream was open and nothing came, not even the sign of life that is promised."""

    def __init__(self, channel: str, silent_s: float) -> None:
        super().__init__(channel, silent_s)
        self.channel, self.silent_s = channel, silent_s

    def happened(self) -> str:
        """What happened, as one sentence."""
        return f"Nothing came from {self.channel} for {self.silent_s:,.0f} s."

    def __str__(self) -> str:
        return TransientError.__str__(self)


class SchemaFormatError(PubSubError):
    """An Avro schema that isn't one, or not that of an event."""

    def __init__(self, schema_id: str, problem: str) -> None:
        super().__init__(schema_id, problem)
        self.schema_id, self.problem = schema_id, problem

    def __str__(self) -> str:
        return (
            f"Schema {self.schema_id} isn't understood: {self.problem}. Its events stay unread; "
            "please report the schema."
        )


class EventDecodeError(PubSubError):
    """One event that can't be read; its bytes are in ``payload``, for a dead letter."""

    def __init__(
        self, replay_id: bytes, event_id: str, schema_id: str, payload: bytes, problem: str
    ) -> None:
        super().__init__(replay_id, event_id, schema_id, payload, problem)
        self.replay_id, self.event_id = replay_id, event_id
        self.schema_id, self.payload, self.problem = schema_id, payload, problem

    def __str__(self) -> str:
        return (
            f"Event {self.event_id} (replay id {self.replay_id.hex()}, {len(self.payload):,} "
            f"bytes) can't be read by schema {self.schema_id}: {self.problem}. It is passed over "
            "only as a dead letter."
        )


class EventFieldsError(PubSubError):
    """Rows that can't be published: columns that the event lacks, or values of another type."""

    def __init__(self, topic: str, problem: str, columns: Sequence[str]) -> None:
        super().__init__(topic, problem, tuple(columns))
        self.topic, self.problem, self.columns = topic, problem, tuple(columns)

    def __str__(self) -> str:
        names = ", ".join(self.columns)
        return f"{self.topic}: {self.problem}: {names}. Nothing was published."
