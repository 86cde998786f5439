"""Which error a refused call becomes; the only place that knows the API's error codes.

Source: Pub/Sub API documentation, "Handle Errors": gRPC's status, and a trailer `error-code`.
"""

from collections.abc import Mapping
from typing import Any

import grpc

from resources.salesforce.pubsub.errors import (
    DeliveryLimitError,
    PubSubCallError,
    PubSubLoginError,
    PubSubUnavailableError,
    ReplayIdError,
    SchemaUnavailableError,
    TopicAccessError,
    TopicNotFoundError,
)

CODE_TRAILER = "error-code"
COMMON_BEGINNING = "sfdc.platform.eventbus.grpc."
GET_SCHEMA = "GetSchema"

BY_CODE: Mapping[str, type[PubSubCallError]] = {
    "service.auth.error": PubSubLoginError,
    "service.auth.headers.invalid": PubSubLoginError,
    "service.auth.refresh.invalid": PubSubLoginError,
    "publish.auth.refresh.invalid": PubSubLoginError,
    "topic.not.found": TopicNotFoundError,
    "topic.validation.empty": TopicNotFoundError,
    "publish.topic.validation.empty": TopicNotFoundError,
    "topic.meta.permission": TopicAccessError,
    "subscription.topic.cannot.subscribe": TopicAccessError,
    "service.tenant.license": TopicAccessError,
    "schema.meta.permission": SchemaUnavailableError,
    "schema.validation.failed": SchemaUnavailableError,
    "subscription.fetch.replayid.corrupted": ReplayIdError,
    "subscription.fetch.replayid.validation.failed": ReplayIdError,
    "subscription.limit.exceeded": DeliveryLimitError,
    "service.unavailable": PubSubUnavailableError,
    "service.protection.triggered": PubSubUnavailableError,
    "service.protection.stream.limit.triggered": PubSubUnavailableError,
    "concurrent.client.limit.exceeded": PubSubUnavailableError,
    "topic.api.unavailable": PubSubUnavailableError,
    "schema.api.unavailable": PubSubUnavailableError,
    "subscription.fetch.overflow": PubSubUnavailableError,
    "subscription.internal.error": PubSubUnavailableError,
    "publish.stream.sweeper.timeout": PubSubUnavailableError,
}
BY_STATUS: Mapping[grpc.StatusCode, type[PubSubCallError]] = {
    grpc.StatusCode.UNAUTHENTICATED: PubSubLoginError,
    grpc.StatusCode.NOT_FOUND: TopicNotFoundError,
    grpc.StatusCode.PERMISSION_DENIED: TopicAccessError,
    # A proxy, a restart, a broken connection: no decision about what was asked.
    **dict.fromkeys(
        (
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            grpc.StatusCode.INTERNAL,
            grpc.StatusCode.ABORTED,
            grpc.StatusCode.CANCELLED,
            grpc.StatusCode.UNKNOWN,
        ),
        PubSubUnavailableError,
    ),
}
# All that concerns the one schema that was asked for, not a topic.
OF_SCHEMA = (TopicNotFoundError, TopicAccessError)


def call_error(call: str, about: str, error: grpc.RpcError) -> PubSubCallError:
    """Our error for gRPC's.

    Args:
        call: The RPC's name.
        about: The channel or schema id.
    """
    status = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
    message = (error.details() if isinstance(error, grpc.Call) else "") or ""
    code = _code(error)
    kind = BY_CODE.get(code) or BY_STATUS.get(status, PubSubCallError)
    refused = status is grpc.StatusCode.INVALID_ARGUMENT or issubclass(kind, OF_SCHEMA)
    if call == GET_SCHEMA and refused:
        kind = SchemaUnavailableError
    return kind(call, about, code, status.name, message)


def stream_ended(channel: str) -> PubSubUnavailableError:
    """The error for a stream that the server ended without one."""
    return PubSubUnavailableError("Subscribe", channel, "", "OK", "the server ended the stream")


def _code(error: grpc.RpcError) -> str:
    trailers: Any = error.trailing_metadata() if isinstance(error, grpc.Call) else None
    for key, value in trailers or ():
        if key == CODE_TRAILER:
            text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
            return text.removeprefix(COMMON_BEGINNING)
    return ""
