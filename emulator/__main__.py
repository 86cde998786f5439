"""`python -m emulator`: start an org, say on stdout that it is ready, serve until told to stop."""

from __future__ import annotations

import json
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from emulator.errors import DataFolderError, UsageError
from emulator.org import Org
from emulator.pubsub.server import PubSubServer
from emulator.schema.errors import SchemaFileError
from emulator.server import Server
from emulator.settings import (
    CLIENT_ID,
    CLIENT_SECRET,
    PASSWORD,
    USERNAME,
    Settings,
    read_settings,
)

FAILED, BAD_USAGE = 1, 2
# Open downloads get this long to end after a SIGTERM.
GRACE_S = 1
KEEP_ALIVE_S = 60
BACKLOG = 512


def main() -> int:
    """Run an org; the exit code."""
    settings = read_settings()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        listener = _listen(settings)
    except OSError as error:
        print(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}", file=sys.stderr
        )
        return FAILED
    try:
        org = Org(settings)
    except (UsageError, SchemaFileError) as error:
        print(error, file=sys.stderr)
        return BAD_USAGE
    except DataFolderError as error:
        print(error, file=sys.stderr)
        return FAILED
    scheme = "https" if settings.tls_certificate else "http"
    org.url = f"{scheme}://{settings.host}:{listener.getsockname()[1]}"
    pubsub = PubSubServer(org)
    try:
        org.pubsub_address = pubsub.start(settings)
        _ReadyServer(org, _uvicorn_config(org, settings)).run(sockets=[listener])
    except OSError as error:
        print(error, file=sys.stderr)
        return FAILED
    finally:
        pubsub.stop()
        org.close()
    return 0


class _ReadyServer(uvicorn.Server):
    """Prints the ready line once it listens, and ends with 0 when it is told to stop."""

    def __init__(self, org: Org, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._org = org

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(json.dumps(ready_line(self._org)), flush=True)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn would raise the signal again after its end, and end with its number.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield


def ready_line(org: Org) -> dict[str, str | None]:
    """What a client must know to use the org."""
    return {
        "url": org.url,
        "pubsub": org.pubsub_address,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "username": USERNAME,
        "password": PASSWORD,
        "refresh_token": org.refresh_token,
        "private_key_file": str(org.keys.private_key_file.resolve()),
        "org_id": org.organization_id,
    }


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((settings.host, settings.port))
    listener.listen(BACKLOG)
    return listener


def _uvicorn_config(org: Org, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        Server(org),
        access_log=False,
        log_level="warning",
        lifespan="off",
        # Both come from the org: its own clock, and the name that the real edge gives.
        date_header=False,
        server_header=False,
        # A client that asks again every five seconds would meet uvicorn's own end of a connection.
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )


if __name__ == "__main__":
    sys.exit(main())
