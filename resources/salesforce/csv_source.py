"""Where CSV text is read from: a file path, bytes, or a file that someone lends us."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO, RawIOBase
from pathlib import Path
from threading import Lock
from typing import BinaryIO, cast

Source = Path | bytes | BinaryIO


@contextmanager
def opened(source: Source, start: int) -> Iterator[BinaryIO]:
    """The text from ``start`` on; a file that was lent to us stays open."""
    if isinstance(source, Path):
        with source.open("rb") as stream:
            stream.seek(start)
            yield stream
    elif isinstance(source, bytes):
        yield BytesIO(source[start:] if start else source)
    else:
        source.seek(start)
        lent = _Lent(source)
        try:
            yield cast(BinaryIO, lent)
        finally:
            lent.give_back()


class _Lent(RawIOBase):
    """A file until it is given back.

    pyarrow's CSV reader goes on reading ahead in a thread after it has raised an error: whoever
    read the same file next would miss what that thread took (seen in 3 of 1,500 reads).
    """

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._reading = Lock()
        self._returned = False

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes; none when it was given back."""
        with self._reading:
            return b"" if self._returned else self._stream.read(size)

    def readline(self, size: int | None = -1) -> bytes:
        """The next line; none when it was given back."""
        with self._reading:
            return b"" if self._returned else self._stream.readline(-1 if size is None else size)

    def give_back(self) -> None:
        """Read nothing from now on; returns when no read is under way."""
        with self._reading:
            self._returned = True
