"""The gRPC server: its port, its threads, TLS."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from emulator.org import Org
from emulator.pubsub.generated.pubsub_api_pb2_grpc import add_PubSubServicer_to_server
from emulator.pubsub.service import PubSub
from emulator.settings import Settings

# A stream keeps a thread; what is beyond waits.
_THREADS = 200
# Requests and answers may hold 4 MB [pubsub docs], and a little around them.
_MOST_BYTES = 4 * 1024 * 1024


class PubSubServer:
    """Serves an org's event bus beside its HTTP port."""

    def __init__(self, org: Org) -> None:
        self._server = grpc.server(
            ThreadPoolExecutor(_THREADS, thread_name_prefix="pubsub"),
            options=[
                # Two orgs on one port would share the calls.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", _MOST_BYTES),
            ],
        )
        add_to_server: Any = add_PubSubServicer_to_server  # generated, so without types
        add_to_server(PubSub(org), self._server)

    def start(self, settings: Settings) -> str:
        """Listen; returns ``host:port``.

        Raises:
            OSError: The port is in use.
        """
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"{host}:{settings.pubsub_port}"
        try:
            port = self._listen(address, settings)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address} for gRPC: {error}") from None
        self._server.start()
        return f"{host}:{port}"

    def stop(self) -> None:
        """End all calls and the server."""
        self._server.stop(grace=0).wait()

    def _listen(self, address: str, settings: Settings) -> int:
        if settings.tls_certificate is None or settings.tls_key is None:
            return self._server.add_insecure_port(address)
        pair = (settings.tls_key.read_bytes(), settings.tls_certificate.read_bytes())
        return self._server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
