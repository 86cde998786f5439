"""The body of a request as it comes in: in memory, but for uploads, which go to a file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

from emulator.router import segments_of

# Uploads are up to 150 MB each, and several come at a time.
UPLOAD_SEGMENT = "batches"


def is_upload(method: str, path: str) -> bool:
    """Whether a request's body is the content of a bulk job."""
    return method == "PUT" and segments_of(path)[-1].lower() == UPLOAD_SEGMENT


class IncomingBody:
    """Collects what comes in."""

    def __init__(self, folder: Path, to_file: bool) -> None:
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        if to_file:
            self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115  # closed by `close`
                dir=folder, prefix="upload-", delete=False
            )

    def add(self, content: bytes) -> None:
        """The next piece."""
        if self._file is not None:
            self._file.write(content)
        else:
            self._memory += content

    def close(self) -> Path | None:
        """The file that holds the body; None when it is in memory."""
        if self._file is None:
            return None
        self._file.close()
        return Path(self._file.name)

    def drop(self) -> None:
        """Forget what came."""
        file = self.close()
        if file is not None:
            file.unlink()

    @property
    def content(self) -> bytes:
        """The body in memory; nothing when a file holds it."""
        return bytes(self._memory)
