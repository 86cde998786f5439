"""The body of an answer as it was meant: complete, or an error."""

from collections.abc import Iterator
from typing import cast

import requests
import urllib3
from isal import isal_zlib

from resources.salesforce.errors import BrokenBodyError

READ_BYTES = 1 << 20  # measured: 10 KiB reads take twice the time
UNPACKED_BYTES = 4 << 20  # at most this much at once, however well a page was packed
GZIP_WINDOW = 16 + isal_zlib.MAX_WBITS
# isal's stubs call its exception class an instance.
GzipError = cast(type[Exception], isal_zlib.error)
BROKEN = (urllib3.exceptions.HTTPError, OSError)


def body_chunks(response: requests.Response, path: str) -> Iterator[bytes]:
    """The body in pieces, unpacked if it came as gzip.

    Unpacks by ``isal`` from the undecoded stream, which takes a quarter of zlib's time. The server
    may answer unpacked whatever we accept, so ``Content-Encoding`` decides.

    Raises:
        BrokenBodyError: Fewer bytes than ``Content-Length``, a chunked body without its end, or a
            gzip stream that is damaged or without its end.
    """
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    packed = _raw_chunks(response, path)
    if encoding in ("identity", ""):
        return packed
    if encoding == "gzip":
        return _gunzipped(packed, path)
    raise BrokenBodyError(path, 0, f"it came packed as {encoding}, which we didn't ask for")


def _raw_chunks(response: requests.Response, path: str) -> Iterator[bytes]:
    received = 0
    try:
        # urllib3 itself compares with Content-Length and misses the last chunk of chunked bodies.
        while chunk := response.raw.read(READ_BYTES, decode_content=False):
            received += len(chunk)
            yield chunk
    except BROKEN as error:
        raise BrokenBodyError(path, received, type(error).__name__) from error


def _gunzipped(packed: Iterator[bytes], path: str) -> Iterator[bytes]:
    unpacker = isal_zlib.decompressobj(GZIP_WINDOW)
    received = 0
    for chunk in packed:
        received += len(chunk)
        rest = chunk
        while rest:
            if unpacker.eof:  # gzip files may follow each other
                unpacker = isal_zlib.decompressobj(GZIP_WINDOW)
            try:
                unpacked = unpacker.decompress(rest, UNPACKED_BYTES)
            except GzipError as error:
                raise BrokenBodyError(path, received, "the gzip stream is damaged") from error
            rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            if unpacked:
                yield unpacked
    if received and not unpacker.eof:
        raise BrokenBodyError(path, received, "the gzip stream has no end")
