"""The `error-code`s of the Pub/Sub API, and the gRPC status that goes with each."""

from __future__ import annotations

_GROUPS = {
    "UNAUTHENTICATED": "service.auth.error service.auth.headers.invalid "
    "service.auth.refresh.invalid publish.auth.refresh.invalid",
    "UNAVAILABLE": "service.unavailable topic.api.unavailable schema.api.unavailable "
    "publish.stream.sweeper.timeout",
    "RESOURCE_EXHAUSTED": "service.protection.stream.limit.triggered service.protection.triggered "
    "concurrent.client.limit.exceeded subscription.limit.exceeded subscription.fetch.overflow",
    "PERMISSION_DENIED": "service.tenant.license topic.meta.permission schema.meta.permission "
    "subscription.topic.cannot.subscribe",
    "NOT_FOUND": "topic.not.found managed.subscription.developer.name.not.found "
    "managed.subscription.subscription.id.not.found",
    "ALREADY_EXISTS": "managed.subscription.already.active",
    "FAILED_PRECONDITION": "managed.subscription.config.stopped "
    "managed.subscription.config.deleted",
    "INTERNAL": "subscription.internal.error",
    "INVALID_ARGUMENT": "topic.validation.empty schema.validation.failed "
    "subscription.fetch.replayid.corrupted subscription.fetch.replayid.validation.failed "
    "subscription.fetch.replay.repeated subscription.fetch.requested.events.invalid "
    "subscription.fetch.topic.mismatch subscription.fetch.request.invalid "
    "publish.event.count.invalid publish.topic.mismatch publish.topic.validation.empty "
    "managed.subscription.subscription.id.invalid managed.subscription.id.or.developer.name.empty "
    "managed.subscription.fetch.request.events.invalid managed.subscription.fetch.request.invalid",
}
#: By code, behind `sfdc.platform.eventbus.grpc.` [pubsub docs]: the status' name.
STATUSES = {code: status for status, codes in _GROUPS.items() for code in codes.split()}
