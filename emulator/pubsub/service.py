"""The six calls of the Pub/Sub API."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import grpc

from emulator.org import Org
from emulator.pubsub.errors import PubSubError, invalid, refuse, refuse_on_request
from emulator.pubsub.generated import pubsub_api_pb2 as api
from emulator.pubsub.generated.pubsub_api_pb2_grpc import PubSubServicer
from emulator.pubsub.login import log_in
from emulator.pubsub.managed import managed_responses
from emulator.pubsub.publishing import publish, publish_responses
from emulator.pubsub.requests import Requests
from emulator.pubsub.start import channel_of, first_seq, subscribable
from emulator.pubsub.subscription import Subscription

log = logging.getLogger(__name__)

Context = grpc.ServicerContext


class PubSub(PubSubServicer):
    """Serves one org; each call runs on a thread."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def GetTopic(self, request: api.TopicRequest, context: Context) -> Any:  # noqa: N802
        with _Call(context) as rpc_id:
            log_in(self._org, context)
            refuse_on_request(self._org.faults, "GetTopic", request.topic_name)
            channel = channel_of(self._org, request.topic_name)
            schema_id = ""
            if channel.sobject is not None:
                schema_id = self._org.journal.event_schema(channel.sobject.name).schema_id
            return api.TopicInfo(
                topic_name=channel.topic,
                tenant_guid=self._org.organization_id,
                can_publish=channel.can_publish,
                can_subscribe=channel.selected,
                schema_id=schema_id,
                rpc_id=rpc_id,
            )

    def GetSchema(self, request: api.SchemaRequest, context: Context) -> Any:  # noqa: N802
        with _Call(context) as rpc_id:
            log_in(self._org, context)
            refuse_on_request(self._org.faults, "GetSchema", request.schema_id)
            schema = self._org.journal.schema_by_id(request.schema_id)
            if schema is None:
                raise invalid(
                    "schema.validation.failed",
                    f"The schema ID {request.schema_id} isn't valid.",
                )
            return api.SchemaInfo(
                schema_json=schema.text, schema_id=request.schema_id, rpc_id=rpc_id
            )

    def Subscribe(  # noqa: N802
        self, request_iterator: Iterator[api.FetchRequest], context: Context
    ) -> Iterator[api.FetchResponse]:
        with _Call(context) as rpc_id:
            wake = threading.Event()
            requests: Requests[api.FetchRequest] = Requests(request_iterator, wake)
            token = log_in(self._org, context).token
            first = requests.first()
            if first is None:
                return
            channel = subscribable(self._org, first.topic_name)
            refuse_on_request(self._org.faults, "Subscribe", channel.topic, *channel.objects)
            seq = first_seq(self._org, channel, first)
            stream = Subscription(self._org, "Subscribe", channel, seq, token, wake)
            code = "subscription.fetch.requested.events.invalid"
            stream.flow.ask(first.num_requested, code)
            self._org.journal.watch(wake)
            try:
                while context.is_active() and not stream.abandoned:
                    for request in requests.waiting():
                        if request.topic_name not in ("", channel.topic):
                            raise invalid(
                                "subscription.fetch.topic.mismatch",
                                "The topic name in the request doesn't match the first one.",
                            )
                        stream.flow.ask(request.num_requested, code)
                    if requests.ended and stream.flow.pending == 0:
                        return
                    delivery = stream.step()
                    if delivery is not None:
                        yield api.FetchResponse(
                            events=delivery.events,
                            latest_replay_id=delivery.latest_replay_id,
                            rpc_id=rpc_id,
                            pending_num_requested=delivery.pending,
                        )
            finally:
                self._org.journal.unwatch(wake)

    def Publish(self, request: api.PublishRequest, context: Context) -> Any:  # noqa: N802
        with _Call(context) as rpc_id:
            session = log_in(self._org, context)
            refuse_on_request(self._org.faults, "Publish", request.topic_name)
            return publish(self._org, session, request, rpc_id)

    def PublishStream(  # noqa: N802
        self, request_iterator: Iterator[api.PublishRequest], context: Context
    ) -> Iterator[api.PublishResponse]:
        with _Call(context) as rpc_id:
            session = log_in(self._org, context)
            yield from publish_responses(self._org, session, request_iterator, context, rpc_id)

    def ManagedSubscribe(  # noqa: N802
        self, request_iterator: Iterator[api.ManagedFetchRequest], context: Context
    ) -> Iterator[api.ManagedFetchResponse]:
        with _Call(context) as rpc_id:
            session = log_in(self._org, context)
            yield from managed_responses(self._org, session, request_iterator, context, rpc_id)


class _Call:
    """Names a call, and turns what it raises into its end."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rpc_id = str(uuid.uuid4())

    def __enter__(self) -> str:
        return self._rpc_id

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PubSubError):
            refuse(self._context, error, self._rpc_id)
        if isinstance(error, Exception) and self._context.is_active():
            log.exception("Pub/Sub call %s", self._rpc_id, exc_info=error)
            internal = PubSubError(
                grpc.StatusCode.INTERNAL,
                "subscription.internal.error",
                "An internal error occurred.",
            )
            refuse(self._context, internal, self._rpc_id)
