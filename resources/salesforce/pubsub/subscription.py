"""A channel followed from a position on, over as many streams as it takes."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType

from resources.salesforce.auth import Token
from resources.salesforce.errors import TransientError
from resources.salesforce.pubsub.call_errors import call_error, stream_ended
from resources.salesforce.pubsub.connection import Connection
from resources.salesforce.pubsub.errors import PubSubLoginError, StreamSilentError
from resources.salesforce.pubsub.event_stream import (
    LATEST,
    EventStream,
    Replay,
    StreamEndedError,
)
from resources.salesforce.pubsub.raw_events import Delivery
from resources.salesforce.retry_plan import backoff_s

#: The server promises a sign of life within 270 s; the rest is for the way.
SILENCE_TIMEOUT_S = 300.0
# A stream that lived so long wasn't the failure of an attempt to open one.
LIVED_S = 60.0


class Subscription:
    """Deliveries of one channel, in order. One thread takes; any thread may ``close``.

    Streams that break, end or fall silent are opened anew behind the last delivery taken, after a
    growing wait; an ended token is renewed. ``reopened`` and ``silences`` count both.
    """

    def __init__(
        self,
        connection: Connection,
        channel: str,
        replay: Replay = LATEST,
        *,
        silence_timeout_s: float = SILENCE_TIMEOUT_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.channel = channel
        self.replay: Replay = replay
        self.reopened = 0
        self.silences = 0
        self._connection, self._silence_timeout_s = connection, silence_timeout_s
        self._monotonic = monotonic
        self._closed = threading.Event()
        self._opening = threading.Lock()
        self._stream: EventStream | None = None
        self._token: Token | None = None
        self._renewed = False
        self._failures = 0
        self._reopen_at_s = self._opened_at_s = self._heard_at_s = monotonic()

    def __enter__(self) -> "Subscription":
        """Lend it; the stream opens with the first ``take``."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the stream."""
        self.close()

    def close(self) -> None:
        """End the stream; a ``take`` that waits returns None soon."""
        with self._opening:
            self._closed.set()
            stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def rest(self) -> Iterator[Delivery]:
        """What has arrived already, asking for no more; deliveries are a daily allowance."""
        stream = self._stream
        if stream is None:
            return
        stream.pause()
        try:
            while (delivery := stream.take(0.0)) is not None:
                self.replay = delivery.replay_id or self.replay
                yield delivery
        except StreamEndedError:
            return

    def __iter__(self) -> Iterator[Delivery]:
        """Deliveries until the subscription is closed."""
        while not self._closed.is_set():
            delivery = self.take(1.0)
            if delivery is not None:
                yield delivery

    def take(self, timeout_s: float) -> Delivery | None:
        """The next delivery, a sign of life among them; None if none came in time.

        Raises:
            TransientError: Streams failed as often in a row as the policy allows.
            PubSubCallError: The channel, the position or the token is refused.
        """
        deadline_s = self._monotonic() + timeout_s
        while not self._closed.is_set():
            stream = self._stream or self._open(deadline_s)
            if stream is None:
                return None
            silent_at_s = self._heard_at_s + self._silence_timeout_s
            try:
                delivery = stream.take(min(deadline_s, silent_at_s) - self._monotonic())
            except StreamEndedError as ended:
                if not self._closed.is_set():
                    self._ended(ended)
                continue
            if delivery is not None:
                self._heard_at_s = self._monotonic()
                self._failures, self._renewed = 0, False
                self.replay = delivery.replay_id or self.replay
                return delivery
            if self._monotonic() >= silent_at_s:
                self.silences += 1
                self._failed(StreamSilentError(self.channel, self._silence_timeout_s))
            elif self._monotonic() >= deadline_s:
                return None
        return None

    def _open(self, deadline_s: float) -> EventStream | None:
        """A new stream when its time has come; None if that is after the deadline."""
        if self._reopen_at_s > deadline_s:
            self._closed.wait(max(0.0, deadline_s - self._monotonic()))
            return None
        if self._closed.wait(max(0.0, self._reopen_at_s - self._monotonic())):
            return None
        token = self._token = self._connection.login.current()
        with self._opening:
            if self._closed.is_set():
                return None
            self._stream = EventStream(
                lambda requests: self._connection.subscribe(requests, token),
                self.channel,
                self.replay,
            )
        self._opened_at_s = self._heard_at_s = self._monotonic()
        return self._stream

    def _ended(self, ended: StreamEndedError) -> None:
        if ended.cause is None:
            self._failed(stream_ended(self.channel))
            return
        error = call_error("Subscribe", self.channel, ended.cause)
        if isinstance(error, PubSubLoginError) and self._token and not self._renewed:
            self._renewed = True
            self._drop_stream()
            self._connection.login.renew(self._token)
            return
        if not isinstance(error, TransientError):
            self._drop_stream()
            raise error from ended.cause
        self._failed(error)

    def _failed(self, error: TransientError) -> None:
        """Wait longer each time, then give up."""
        policy = self._connection.retry
        if self._monotonic() - self._opened_at_s > LIVED_S:
            self._failures = 0
        self._failures += 1
        self._drop_stream()
        if self._failures >= policy.attempts:
            error.attempts, self._failures = self._failures, 0
            raise error
        wait_s = backoff_s(self._failures, policy, random.random())
        self._reopen_at_s = self._monotonic() + wait_s

    def _drop_stream(self) -> None:
        stream, self._stream = self._stream, None
        self.reopened += 1
        if stream is not None:
            stream.close()
