"""The Pub/Sub API of one org, as everything above sees it. Only delegates."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import pyarrow as pa

from resources.salesforce.login_session import LoginSession
from resources.salesforce.pubsub.channels import channel_named
from resources.salesforce.pubsub.connection import Connection
from resources.salesforce.pubsub.event_stream import LATEST, Replay
from resources.salesforce.pubsub.generated import pubsub_api_pb2 as api
from resources.salesforce.pubsub.publish import publish_rows
from resources.salesforce.pubsub.subscription import SILENCE_TIMEOUT_S, Subscription
from resources.salesforce.retry_plan import RetryPolicy


@dataclass(frozen=True, slots=True)
class Topic:
    """A channel as the org describes it; ``schema_id`` is that of events published now."""

    name: str
    can_publish: bool
    can_subscribe: bool
    schema_id: str


class PubSub:
    """Events of one org; connects when first needed, threads may share it.

    >>> with PubSub(client.transport.login, "api.pubsub.salesforce.com:7443") as pubsub:
    ...     with pubsub.subscribe("/data/AccountChangeEvent", replay_id) as subscription:
    ...         delivery = subscription.take(timeout_s=10)

    Args:
        login: The client's, so that both use one token.
        endpoint: ``host:port``; encrypted unless it is this machine, see ``split_endpoint``.
        silence_timeout_s: How long a stream may bring nothing before it is opened anew.
        root_certificates: PEM of what to trust instead of gRPC's own list.
    """

    def __init__(
        self,
        login: LoginSession,
        endpoint: str,
        *,
        retry: RetryPolicy | None = None,
        silence_timeout_s: float = SILENCE_TIMEOUT_S,
        root_certificates: bytes | None = None,
    ) -> None:
        self._connection = Connection(
            login, endpoint, retry=retry or RetryPolicy(), root_certificates=root_certificates
        )
        self._silence_timeout_s = silence_timeout_s
        self._schemas: dict[str, str] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> "PubSub":
        """Lend it; it connects with its first call."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection and all subscriptions on it."""
        self._connection.close()

    def topic(self, name: str) -> Topic:
        """What a channel is and allows.

        Raises:
            TopicNotFoundError: There is none of that name.
            TopicAccessError: The user may not see it.
        """
        found = self._connection.call("GetTopic", name, api.TopicRequest(topic_name=name))
        return Topic(found.topic_name, found.can_publish, found.can_subscribe, found.schema_id)

    def schema_json(self, schema_id: str) -> str:
        """The Avro schema of that id, as JSON; fetched once.

        Raises:
            SchemaUnavailableError: It can't be had.
        """
        with self._lock:
            known = self._schemas.get(schema_id)
        if known is None:
            request = api.SchemaRequest(schema_id=schema_id)
            known = str(self._connection.call("GetSchema", schema_id, request).schema_json)
            with self._lock:
                self._schemas[schema_id] = known
        return known

    def subscribe(self, channel: str, replay: Replay = LATEST) -> Subscription:
        """Follow a channel; nothing is sent before the first ``take``.

        Args:
            replay: A delivery's ``replay_id`` to go on behind it, "earliest" or "latest".
        """
        return Subscription(
            self._connection, channel, replay, silence_timeout_s=self._silence_timeout_s
        )

    def publish(
        self, event: str, rows: Any, *, on_sent: Callable[[int], None] = lambda events: None
    ) -> pa.RecordBatch:
        """Publish a platform event per row, in order; see ``publish_rows``.

        >>> results = pubsub.publish("Order_Event__e", pa.table({"Order_Id__c": ["A-1"]}))
        >>> results["outcome"].to_pylist()
        ['queued']

        Args:
            event: ``Order_Event__e``, or its channel.
            rows: A table or batch of Arrow, or a frame of pandas; columns named as the fields.
            on_sent: Told after each request of how many rows the outcome is known.
        """
        channel = channel_named(event)
        topic = self.topic(channel)
        schema = self.schema_json(topic.schema_id)
        return publish_rows(
            self._connection, channel, topic.schema_id, schema, rows, on_sent=on_sent
        )
