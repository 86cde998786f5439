"""A file as the body of a request that may have to be sent again."""

from collections.abc import Iterator
from typing import BinaryIO

SENT_BYTES = 1 << 20  # at once; urllib3 would take 16 KiB


class FileBody:
    """``size_bytes`` of a file from where it stands, from the same place each time it is sent."""

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self._start = file.tell()
        self._size_bytes = size_bytes

    def __len__(self) -> int:
        """The Content-Length."""
        return self._size_bytes

    def __iter__(self) -> Iterator[bytes]:
        """All of it in pieces."""
        self._file.seek(self._start)
        left = self._size_bytes
        while left and (chunk := self._file.read(min(left, SENT_BYTES))):
            left -= len(chunk)
            yield chunk
