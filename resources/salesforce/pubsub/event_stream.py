"""One open Subscribe call: a thread reads what comes, the caller takes it when it can."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any

import grpc

from resources.salesforce.pubsub import flow_plan
from resources.salesforce.pubsub.generated import pubsub_api_pb2 as api
from resources.salesforce.pubsub.raw_events import Delivery, RawEvent

#: Where to begin: after a position, or at one of the two ends of what the org keeps.
Replay = bytes | str
EARLIEST = "earliest"
LATEST = "latest"


class StreamEndedError(Exception):
    """The server ended the stream; ``cause`` is None if it did so without an error."""

    def __init__(self, cause: grpc.RpcError | None) -> None:
        super().__init__(cause)
        self.cause = cause


class EventStream:
    """A stream from one position on. It ends once; open another to go on."""

    def __init__(
        self, subscribe: Callable[[Iterator[Any]], Any], topic: str, replay: Replay
    ) -> None:
        self._flow = flow_plan.Flow()
        self._paused = False
        self._pending = flow_plan.MOST_OUTSTANDING
        self._heard_s = time.monotonic()
        self._lock = threading.Lock()
        self._requests: SimpleQueue[Any] = SimpleQueue()
        self._arrived: SimpleQueue[Delivery | StreamEndedError] = SimpleQueue()
        with self._lock:
            self._request(_first_request(topic, replay))
        self._call = subscribe(iter(self._requests.get, None))
        self._reader = threading.Thread(target=self._read, name=f"events {topic}", daemon=True)
        self._reader.start()

    def take(self, timeout_s: float) -> Delivery | None:
        """The next message; None if none came in time.

        Raises:
            StreamEndedError: All messages were taken and no more will come.
        """
        try:
            arrived = self._arrived.get(timeout=max(0.0, timeout_s))
        except Empty:
            self._ask_if_dry()
            return None
        if isinstance(arrived, StreamEndedError):
            raise arrived
        if arrived.events:
            with self._lock:
                events, size_bytes = len(arrived.events), arrived.size_bytes
                self._flow = flow_plan.taken(self._flow, events, size_bytes)
                self._request(api.FetchRequest())
        return arrived

    def pause(self) -> None:
        """Ask for no more; what is outstanding may still come."""
        with self._lock:
            self._paused = True

    def close(self) -> None:
        """End the call; harmless when done twice."""
        self._requests.put(None)
        self._call.cancel()
        self._reader.join(timeout=5)

    def _ask_if_dry(self) -> None:
        with self._lock:
            quiet_s = time.monotonic() - self._heard_s
            dry = flow_plan.dry(self._flow, self._pending, quiet_s)
            if dry != self._flow:
                self._flow, self._heard_s = dry, time.monotonic()
                self._request(api.FetchRequest())

    def _request(self, request: api.FetchRequest) -> None:
        """Ask for as many events as the plan says, if any; the lock is held."""
        wanted = flow_plan.to_request(self._flow)
        if wanted and not self._paused:
            request.num_requested = wanted
            self._flow = flow_plan.requested(self._flow, wanted)
            self._requests.put(request)

    def _read(self) -> None:
        cause: grpc.RpcError | None = None
        try:
            for response in self._call:
                self._arrived.put(self._received(response))
        except grpc.RpcError as error:
            cause = error
        self._requests.put(None)
        self._arrived.put(StreamEndedError(cause))

    def _received(self, response: api.FetchResponse) -> Delivery:
        events = tuple(
            RawEvent(one.replay_id, one.event.id, one.event.schema_id, one.event.payload)
            for one in response.events
        )
        # After events, the last one's own id: that of the stream might be ahead of what we have.
        position = events[-1].replay_id if events else response.latest_replay_id
        size_bytes = sum(len(event.payload) for event in events)
        delivery = Delivery(events, position, datetime.now(UTC), size_bytes)
        with self._lock:
            self._flow = flow_plan.received(self._flow, len(events), size_bytes)
            self._pending = response.pending_num_requested
            self._heard_s = time.monotonic()
            self._request(api.FetchRequest())
        return delivery


def _first_request(topic: str, replay: Replay) -> api.FetchRequest:
    if isinstance(replay, bytes):
        return api.FetchRequest(topic_name=topic, replay_preset=api.CUSTOM, replay_id=replay)
    preset = {EARLIEST: api.EARLIEST, LATEST: api.LATEST}[replay]
    return api.FetchRequest(topic_name=topic, replay_preset=preset)
