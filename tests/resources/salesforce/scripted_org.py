"""A little server that logs us in and then answers as a test dictates, byte for byte.

It plays what the emulator can't: servers that break protocols, lie, or aren't ours.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

DATE = "Wed, 06 May 2026 07:25:37 GMT"


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Reply = bytes | Callable[[Seen], bytes]


def answer(
    body: bytes | str | dict | list = b"",
    status: int = 200,
    *,
    length: int | None = None,
    **headers: str,
) -> bytes:
    """A whole HTTP answer; ``length`` lies about the size."""
    raw = (
        body
        if isinstance(body, bytes)
        else (body.encode() if isinstance(body, str) else json.dumps(body).encode())
    )
    lines = {
        "Date": DATE,
        "Content-Type": "application/json",
        "Sforce-Limit-Info": "api-usage=5/15000",
        "Content-Length": str(len(raw) if length is None else length),
        "Connection": "close",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + raw


@dataclass
class ScriptedOrg:
    """Answers API requests with ``replies`` in turn, the last one for ever; b"" hangs up."""

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    requests: list[Seen] = field(default_factory=list)
    logins: list[Seen] = field(default_factory=list)
    token_replies: list[Reply] = field(default_factory=list)

    def reply(self, seen: Seen) -> bytes:
        """The next answer."""
        if seen.target == "/services/oauth2/token":
            self.logins.append(seen)
            script = self.token_replies or [self.token()]
        else:
            self.requests.append(seen)
            script = self.replies
        reply = script[0] if len(script) == 1 else script.pop(0)
        return reply if isinstance(reply, bytes) else reply(seen)

    def token(self, **changes: str) -> bytes:
        """A login's answer."""
        return answer(
            {
                "access_token": f"00D000000000001!token{len(self.logins)}",
                "instance_url": self.url,
                "id": f"{self.url}/id/00D000000000001EAA/005000000000001AAA",
                **changes,
            }
        )


@contextmanager
def scripted_org(*replies: Reply) -> Iterator[ScriptedOrg]:
    """Serves on a free port of this machine until the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    org = ScriptedOrg(f"http://127.0.0.1:{listener.getsockname()[1]}", list(replies))
    thread = threading.Thread(target=_serve, args=(listener, org), daemon=True)
    thread.start()
    try:
        yield org
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5)


def _serve(listener: socket.socket, org: ScriptedOrg) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, connection.makefile("rb") as stream:
            request = _read(stream)
            if request is not None:
                connection.sendall(org.reply(request))


def _read(stream: "socket.SocketIO") -> Seen | None:
    first = stream.readline().decode().split(" ")
    if len(first) < 3:
        return None
    headers = {}
    while line := stream.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return Seen(first[0], first[1], headers, stream.read(int(headers.get("content-length", 0))))
