"""A little Pub/Sub server that counts what it is asked and fails as a test dictates.

It plays what the emulator can't: servers that break protocols, and exact accounts of flow.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc

from resources.salesforce.pubsub.generated import pubsub_api_pb2 as api
from resources.salesforce.pubsub.generated import pubsub_api_pb2_grpc as services
from tests.resources.salesforce.pubsub.events import ACCOUNT

COMMON = "sfdc.platform.eventbus.grpc."


def replay_id(number: int) -> bytes:
    """The position of the n-th event."""
    return number.to_bytes(8, "big")


def refuse(context: grpc.ServicerContext, status: grpc.StatusCode, code: str = "") -> None:
    """End the call with an error."""
    if code:
        context.set_trailing_metadata((("error-code", COMMON + code),))
    context.abort(status, f"{code or status.name} says the script")


@dataclass
class Script(services.PubSubServicer):
    """Serves ``payloads`` as events 1, 2, …; ``faults`` strike one stream or call each."""

    payloads: list[bytes] = field(default_factory=list)
    message_events: int = 10
    schemas: dict[str, str] = field(default_factory=lambda: {"account-1": ACCOUNT})
    #: Each is called with the context when a stream is opened, None lets it be served.
    faults: list[Callable[[grpc.ServicerContext], object] | None] = field(default_factory=list)
    call_faults: list[Callable[[grpc.ServicerContext], object] | None] = field(default_factory=list)
    keepalive: bytes = b""
    #: A stream that is served ends after this many events, without an error.
    end_after: int | None = None
    streams: list[list[api.FetchRequest]] = field(default_factory=list)
    tenants: list[dict[str, str]] = field(default_factory=list)
    published: list[api.PublishRequest] = field(default_factory=list)
    refused_keys: set[int] = field(default_factory=set)
    lowest_pending: list[int] = field(default_factory=list)
    highest_outstanding: int = 0
    endpoint: str = ""

    def Subscribe(self, requests, context):  # noqa: N802
        self.tenants.append(dict(context.invocation_metadata()))
        asked: list[api.FetchRequest] = []
        self.streams.append(asked)
        first = next(requests)
        asked.append(first)
        if self.faults and (fault := self.faults.pop(0)):
            fault(context)
        yield from _Served(self, first, requests, asked, context).messages()

    def GetTopic(self, request, context):  # noqa: N802
        self._call(context)
        if request.topic_name == "/data/NoneChangeEvent":
            refuse(context, grpc.StatusCode.NOT_FOUND, "topic.not.found")
        return api.TopicInfo(
            topic_name=request.topic_name, can_publish=True, schema_id=next(iter(self.schemas))
        )

    def GetSchema(self, request, context):  # noqa: N802
        self._call(context)
        if request.schema_id not in self.schemas:
            refuse(context, grpc.StatusCode.NOT_FOUND, "")
        return api.SchemaInfo(
            schema_id=request.schema_id, schema_json=self.schemas[request.schema_id]
        )

    def Publish(self, request, context):  # noqa: N802
        self._call(context)
        self.published.append(request)
        results = []
        for event in request.events:
            number = sum(len(done.events) for done in self.published[:-1]) + len(results)
            error = api.Error(code=api.PUBLISH, msg="no") if number in self.refused_keys else None
            results.append(
                api.PublishResult(
                    replay_id=replay_id(number + 1), correlation_key=event.id, error=error
                )
            )
        return api.PublishResponse(results=results, schema_id=next(iter(self.schemas)))

    def _call(self, context):
        self.tenants.append(dict(context.invocation_metadata()))
        if self.call_faults and (fault := self.call_faults.pop(0)):
            fault(context)


class _Served:
    """One stream."""

    def __init__(self, script, first, requests, asked, context):
        self.script, self.context = script, context
        self.pending = first.num_requested
        self.changed = threading.Condition()
        self.at = int.from_bytes(first.replay_id, "big") if first.replay_preset == 2 else 0
        if first.replay_preset == api.LATEST:
            self.at = len(script.payloads)
        context.add_callback(self.wake)
        threading.Thread(target=self.read, args=(requests, asked), daemon=True).start()

    def wake(self):
        with self.changed:
            self.changed.notify_all()

    def read(self, requests, asked):
        try:
            for request in requests:
                with self.changed:
                    asked.append(request)
                    self.pending += request.num_requested
                    script = self.script
                    script.highest_outstanding = max(script.highest_outstanding, self.pending)
                    self.pending = min(100, self.pending)
                    self.changed.notify_all()
        except grpc.RpcError:
            return

    def messages(self):
        script, sent = self.script, 0
        while self.context.is_active():
            with self.changed:
                left = len(script.payloads) - self.at
                if not left and script.keepalive:
                    yield api.FetchResponse(
                        latest_replay_id=script.keepalive, pending_num_requested=self.pending
                    )
                if not left or not self.pending:
                    self.changed.wait(10)
                    continue
                count = min(left, self.pending, script.message_events)
                if script.end_after is not None:
                    count = min(count, script.end_after - sent)
                self.pending -= count
                script.lowest_pending.append(self.pending)
                message = api.FetchResponse(
                    events=[self.event(self.at + n) for n in range(count)],
                    latest_replay_id=replay_id(self.at + count),
                    pending_num_requested=self.pending,
                )
                self.at += count
                sent += count
            yield message
            if sent == script.end_after:
                return

    def event(self, index):
        event = api.ProducerEvent(
            id=f"event-{index + 1}",
            schema_id=next(iter(self.script.schemas)),
            payload=self.script.payloads[index],
        )
        return api.ConsumerEvent(event=event, replay_id=replay_id(index + 1))


@contextmanager
def serving(script: Script) -> Iterator[Script]:
    """Serves on a free port of this machine until the end."""
    server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)])
    services.add_PubSubServicer_to_server(script, server)
    script.endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield script
    finally:
        server.stop(None).wait(5)
