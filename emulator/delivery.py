"""Writes an answer to the socket: encoding, headers, and faults of the line itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from isal import isal_zlib

from emulator.answer import JSON, Answer, Blob, FilePart, Text

Send = Callable[[dict[str, Any]], Awaitable[None]]

CHUNK_BYTES = 1 << 20
# Shorter bodies gain nothing.
GZIP_FROM_BYTES = 512
GZIP_LEVEL = 1
GZIP_WINDOW = 31  # zlib's number for a gzip header around 32 KiB


async def deliver(
    send: Send, answer: Answer, headers: Mapping[str, str], fault: Mapping[str, Any],
    *, accepts_gzip: bool, pretty: bool, head_only: bool, gone: Callable[[], bool],
    count: Callable[[int], None],
) -> None:  # fmt: skip
    """Send an answer.

    A fault may cut it: then the connection is closed without the body's end, or, when `clean`,
    the body ends early as if that were all. `gone` says that nobody listens any more; `count`
    is told the bytes of each piece of the body before it goes out.
    """
    all_headers = {name.lower(): value for name, value in {**headers, **answer.headers}.items()}
    parts, length = _body(answer, pretty)
    if parts is not None:
        all_headers.setdefault("content-type", _content_type(answer))
        if accepts_gzip and (length is None or length >= GZIP_FROM_BYTES):
            parts, length = _gzipped(parts), None
            all_headers["content-encoding"] = "gzip"
    if length is not None and not fault.get("clean"):
        all_headers["content-length"] = str(length)
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in all_headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    if parts is None or head_only:
        await send({"type": "http.response.body", "body": b""})
        return
    await _send_parts(send, parts, fault, gone, count)


async def _send_parts(
    send: Send,
    parts: Iterator[bytes],
    fault: Mapping[str, Any],
    gone: Callable[[], bool],
    count: Callable[[int], None],
) -> None:
    rate = fault.get("throttle_bytes_s")
    left = fault.get("cut_after_bytes")
    sent = 0
    while (part := await asyncio.to_thread(next, parts, None)) is not None:
        if left is not None:
            part = part[: int(left) - sent]
        for piece in _pieces(part, rate):
            sent += len(piece)
            count(len(piece))
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            if gone():
                return
            if rate:
                await asyncio.sleep(len(piece) / float(rate))
        if left is not None and sent >= left:
            if fault.get("clean"):
                break
            # Ending here without the last message makes the server close the connection.
            return
    await send({"type": "http.response.body", "body": b""})


def _pieces(part: bytes, rate: float | None) -> Iterator[bytes]:
    if not rate:
        yield part
        return
    size = max(1, int(rate / 10))
    for at in range(0, len(part), size):
        yield part[at : at + size]


def _body(answer: Answer, pretty: bool) -> tuple[Iterator[bytes] | None, int | None]:
    body = answer.body
    if body is None:
        return None, 0 if answer.status not in (204, 304) else None
    if isinstance(body, FilePart):
        return _file_chunks(body), None
    content = _content(body, pretty)
    return iter([content]), len(content)


def _content(body: Any, pretty: bool) -> bytes:
    if isinstance(body, Blob):
        return body.content
    return body.content.encode() if isinstance(body, Text) else json_bytes(body, pretty)


def _file_chunks(part: FilePart) -> Iterator[bytes]:
    try:
        if part.head:
            yield part.head
        with part.file.open("rb") as stream:
            stream.seek(part.start)
            left = part.end - part.start
            while left > 0 and (chunk := stream.read(min(CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk
    finally:
        if part.remove_after:
            part.file.unlink(missing_ok=True)


def _gzipped(parts: Iterator[bytes]) -> Iterator[bytes]:
    packer = isal_zlib.compressobj(GZIP_LEVEL, isal_zlib.DEFLATED, GZIP_WINDOW)
    for part in parts:
        if packed := packer.compress(part):
            yield packed
    yield packer.flush()


def _content_type(answer: Answer) -> str:
    body = answer.body
    return body.content_type if isinstance(body, FilePart | Blob | Text) else JSON


def json_bytes(body: Any, pretty: bool) -> bytes:
    """Compact, or with `X-PrettyPrint: 1` in Java's manner: `"a" : 1` [nango] [cci]."""
    if pretty:
        text = json.dumps(body, ensure_ascii=False, indent=2, separators=(",", " : "))
    else:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode()
