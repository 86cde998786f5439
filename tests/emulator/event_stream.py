"""A bare gRPC client of the Pub/Sub API: what a subscriber sends and sees, without a client."""

import json
import queue
from io import BytesIO

import fastavro
import grpc

from emulator.pubsub.generated import pubsub_api_pb2 as api
from emulator.pubsub.generated.pubsub_api_pb2_grpc import PubSubStub

SECONDS = 20


class EventBus:
    """A connection to an org's event bus, logged in as an `Api` is."""

    def __init__(self, session, channel=None):
        self.org = session.org
        self.channel = channel or grpc.insecure_channel(self.org.ready["pubsub"])
        self.stub = PubSubStub(self.channel)
        self.login = {
            "accesstoken": session.login["access_token"],
            "instanceurl": session.login["instance_url"],
            "tenantid": self.org.org_id,
        }
        self._schemas = {}

    @property
    def metadata(self):
        return list(self.login.items())

    def topic(self, name):
        return self.stub.GetTopic(
            api.TopicRequest(topic_name=name), metadata=self.metadata, timeout=SECONDS
        )

    def schema(self, schema_id):
        if schema_id not in self._schemas:
            info = self.stub.GetSchema(
                api.SchemaRequest(schema_id=schema_id), metadata=self.metadata, timeout=SECONDS
            )
            self._schemas[schema_id] = fastavro.parse_schema(json.loads(info.schema_json))
        return self._schemas[schema_id]

    def decode(self, message):
        schema = self.schema(message.event.schema_id)
        return fastavro.schemaless_reader(BytesIO(message.event.payload), schema, None)

    def encode(self, topic, **values):
        """A payload for `Publish`."""
        stream = BytesIO()
        schema_id = self.topic(topic).schema_id
        fastavro.schemaless_writer(stream, self.schema(schema_id), values)
        return api.ProducerEvent(schema_id=schema_id, payload=stream.getvalue())

    def publish(self, topic, *events):
        return self.stub.Publish(
            api.PublishRequest(topic_name=topic, events=events),
            metadata=self.metadata,
            timeout=SECONDS,
        )

    def subscribe(self, topic, ask=100, **start):
        return Stream(self, api.FetchRequest(topic_name=topic, num_requested=ask, **start))

    def events(self, topic, count, **start):
        """The next `count` events of a channel, from the start of what is kept, decoded."""
        stream = self.subscribe(topic, **(start or {"replay_preset": api.EARLIEST}))
        try:
            return [self.decode(message) for message in stream.take(count)]
        finally:
            stream.close()


class Stream:
    """One open stream; after SECONDS it ends with an error of its own."""

    def __init__(self, bus, *requests, call=None, seconds=SECONDS):
        self.requests = queue.SimpleQueue()
        for request in requests:
            self.requests.put(request)
        call = call or bus.stub.Subscribe
        self.call = call(iter(self.requests.get, None), metadata=bus.metadata, timeout=SECONDS)
        self.responses = iter(self.call)
        self.came = []

    def ask(self, number=100, **more):
        self.requests.put(api.FetchRequest(num_requested=number, **more))

    def next(self):
        """The next response; an error of the stream is raised."""
        return next(self.responses)

    def take(self, count):
        """That many messages, asked for as they come."""
        while len(self.came) < count:
            response = self.next()
            self.came += response.events
            if response.events:
                self.ask(len(response.events))
        taken, self.came = self.came[:count], self.came[count:]
        return taken

    def error(self):
        """(status, code of the trailer) with which the stream ends."""
        try:
            while True:
                self.next()
        except StopIteration:
            return "OK", None
        except grpc.RpcError as error:
            return error_of(error)

    def close(self):
        self.requests.put(None)
        self.call.cancel()


def error_of(error):
    """(status, code of the trailer) of a refused call."""
    trailers = dict(error.trailing_metadata() or ())
    code = trailers.get("error-code", "")
    return error.code().name, code.removeprefix("sfdc.platform.eventbus.grpc.")
