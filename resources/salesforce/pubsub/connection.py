"""The gRPC connection to the Pub/Sub API: where it is, who we are, what a refusal means."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import grpc

from resources.salesforce.auth import Token
from resources.salesforce.errors import SettingsError, TransientError
from resources.salesforce.hosts import is_loopback
from resources.salesforce.login_session import LoginSession
from resources.salesforce.pubsub.call_errors import call_error
from resources.salesforce.pubsub.errors import PubSubLoginError
from resources.salesforce.pubsub.generated.pubsub_api_pb2_grpc import PubSubStub
from resources.salesforce.retry_plan import RetryPolicy, Wait, after_failure

T = TypeVar("T")
CALL_TIMEOUT_S = 30.0
# 100 events of 1 MB may come in one message; gRPC's own limit is 4 MB.
LONGEST_MESSAGE_BYTES = 128 << 20
Metadata = tuple[tuple[str, str], ...]


def split_endpoint(endpoint: str) -> tuple[str, bool]:
    """Host and port of an endpoint, and whether the connection is encrypted.

    ``host:port`` is encrypted unless it is this machine; ``https://`` or ``http://`` before it
    say so. Without encryption a token goes to this machine only.

    Raises:
        SettingsError: No host or port, or http to another machine.
    """
    url = endpoint if "://" in endpoint else f"//{endpoint}"
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if not parts.hostname or port is None or parts.scheme not in ("", "http", "https"):
        problem = f'"{endpoint}" isn\'t of the form "api.pubsub.salesforce.com:7443"'
        raise SettingsError("pubsub", problem)
    if parts.scheme == "http" and not is_loopback(url):
        raise SettingsError("pubsub", f"http://{parts.hostname} must be https")
    encrypted = parts.scheme == "https" or (not parts.scheme and not is_loopback(url))
    return parts.netloc.rpartition("@")[2], encrypted


class Connection:
    """Calls to the Pub/Sub API of one org, opened when first needed; threads may share it."""

    def __init__(
        self,
        login: LoginSession,
        endpoint: str,
        *,
        retry: RetryPolicy,
        root_certificates: bytes | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.login, self.retry, self.endpoint = login, retry, endpoint
        self._target, self._encrypted = split_endpoint(endpoint)
        self._root_certificates = root_certificates
        self._sleep = sleep
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None
        self._stub: Any = None

    def close(self) -> None:
        """Close the connection and all that is open on it."""
        with self._lock:
            if self._channel is not None:
                self._channel.close()
            self._channel = self._stub = None

    def subscribe(self, requests: Iterator[Any], token: Token) -> Any:
        """Open a stream; what is wrong with it shows when it is read."""
        return self._opened().Subscribe(requests, metadata=metadata(token))

    def call(self, rpc: str, about: str, request: Any, *, creates: bool = False) -> Any:
        """Make a call, again after passing failures; ``creates`` marks one that mustn't be.

        Raises:
            PubSubCallError: It was refused, as ``call_errors`` says.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._renewing(rpc, about, request)
            except TransientError as error:
                error.attempts = attempt
                match after_failure(error, attempt, creates, self.retry, random.random()):
                    case Wait(seconds):
                        self._sleep(seconds)
                    case _:
                        raise

    def _renewing(self, rpc: str, about: str, request: Any) -> Any:
        token = self.login.current()
        try:
            return self._once(rpc, about, request, token)
        except PubSubLoginError:
            return self._once(rpc, about, request, self.login.renew(token))

    def _once(self, rpc: str, about: str, request: Any, token: Token) -> Any:
        method = getattr(self._opened(), rpc)
        try:
            return method(request, metadata=metadata(token), timeout=CALL_TIMEOUT_S)
        except grpc.RpcError as error:
            raise call_error(rpc, about, error) from error

    def _opened(self) -> Any:
        with self._lock:
            if self._stub is None:
                self._channel = self._open()
                self._stub = PubSubStub(self._channel)  # type: ignore[no-untyped-call]
            return self._stub

    def _open(self) -> grpc.Channel:
        options = [("grpc.max_receive_message_length", LONGEST_MESSAGE_BYTES)]
        if is_loopback(f"//{self._target}"):
            options.append(("grpc.enable_http_proxy", 0))
        if not self._encrypted:
            return grpc.insecure_channel(self._target, options)
        credentials = grpc.ssl_channel_credentials(self._root_certificates)
        return grpc.secure_channel(self._target, credentials, options)


def metadata(token: Token) -> Metadata:
    """Who we are, with each call; the tenant is the org's Id of 18 characters."""
    return (
        ("accesstoken", token.access_token),
        ("instanceurl", token.instance_url),
        ("tenantid", token.org_id),
    )
