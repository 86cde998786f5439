"""Publish and PublishStream: platform events from Avro payloads."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta

import grpc

from emulator.auth.sessions import Session
from emulator.errors import ApiError
from emulator.events.publishing import check_publish_limit
from emulator.events.reading import replay_id
from emulator.org import Org
from emulator.pubsub.errors import PubSubError, invalid, refuse_on_request
from emulator.pubsub.generated import pubsub_api_pb2 as api
from emulator.pubsub.login import still_valid
from emulator.pubsub.requests import Requests
from emulator.pubsub.start import channel_of

MOST_EVENT_BYTES = 1_000_000
# The proto says 70 s, the table of errors 1,800 [pubsub docs]; not confirmed.
IDLE_S = 70
_POLL_S = 0.1


def publish(
    org: Org, session: Session, request: api.PublishRequest, rpc_id: str
) -> api.PublishResponse:
    """Put the events on the bus; a result for each.

    Raises:
        PubSubError: The request as a whole is wrong.
    """
    if not request.topic_name:
        raise invalid("publish.topic.validation.empty", "The topic name is empty.")
    channel = channel_of(org, request.topic_name)
    if not channel.can_publish or channel.sobject is None:
        raise PubSubError(
            grpc.StatusCode.PERMISSION_DENIED,
            "topic.meta.permission",
            f"Events can't be published to the topic {request.topic_name}.",
        )
    if not request.events:
        raise invalid("publish.event.count.invalid", "The request holds no events.")
    name, results, good = channel.sobject.name, [], []
    for event in request.events:
        result = api.PublishResult(correlation_key=event.id)
        problem = _problem(org, event)
        if problem:
            result.error.CopyFrom(api.Error(code=api.PUBLISH, msg=problem))
        else:
            good.append(
                (result, (name, event.schema_id, event.id or str(uuid.uuid4()), event.payload))
            )
        results.append(result)
    seqs = org.journal.publish([event for _, event in good], session.user_id)
    for (result, _), seq in zip(good, seqs, strict=True):
        result.replay_id = replay_id(seq)
    return api.PublishResponse(
        results=results,
        schema_id=org.journal.event_schema(name).schema_id,
        rpc_id=rpc_id,
    )


def publish_responses(
    org: Org,
    session: Session,
    incoming: Iterator[api.PublishRequest],
    context: grpc.ServicerContext,
    rpc_id: str,
) -> Iterator[api.PublishResponse]:
    """A response per request, until the client ends the stream or falls silent.

    Raises:
        PubSubError: A request is wrong, or none came for IDLE_S seconds of the org's clock.
    """
    requests: Requests[api.PublishRequest] = Requests(incoming, threading.Event())
    topic, last = "", org.clock.now()
    while context.is_active() and not requests.ended:
        for request in requests.waiting():
            topic = topic or request.topic_name
            if request.topic_name not in ("", topic):
                raise invalid(
                    "publish.topic.mismatch",
                    "The topic name in the request doesn't match the first one.",
                )
            request.topic_name = topic
            still_valid(org, session.token)
            refuse_on_request(org.faults, "PublishStream", topic)
            last = org.clock.now()
            yield publish(org, session, request, rpc_id)
        if org.clock.now() - last >= timedelta(seconds=IDLE_S):
            raise PubSubError(
                grpc.StatusCode.UNAVAILABLE,
                "publish.stream.sweeper.timeout",
                f"No publish request was received for {IDLE_S} seconds.",
            )
        requests.wake.wait(_POLL_S)
        requests.wake.clear()


def _problem(org: Org, event: api.ProducerEvent) -> str | None:
    """Why an event isn't published. Its payload isn't looked into [pubsub docs]."""
    if len(event.payload) > MOST_EVENT_BYTES:
        return f"The event is {len(event.payload)} bytes long; 1 MB is allowed."
    if org.journal.schema_by_id(event.schema_id) is None:
        return f"The schema ID {event.schema_id} isn't valid."
    try:
        check_publish_limit(org.limits)
    except ApiError as error:
        return error.message
    return None
