"""What a handler answers: a value. One adapter (`delivery`) writes all of them alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.errors import ApiError, OAuthError

JSON = "application/json;charset=UTF-8"


@dataclass(frozen=True)
class Text:
    """A body that is text of another kind than JSON."""

    content: str
    content_type: str = "text/plain;charset=UTF-8"


@dataclass(frozen=True)
class Blob:
    """A body that is bytes: the content of a base64 field."""

    content: bytes
    content_type: str = "application/octet-stream"


@dataclass(frozen=True)
class FilePart:
    """A body that is `head`, then bytes `start` to `end` of a file."""

    file: Path
    start: int
    end: int
    content_type: str
    head: bytes = b""
    remove_after: bool = False


@dataclass(frozen=True)
class Answer:
    """Status, body and headers. A body of None is no body, and no content type [nango]."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


NO_CONTENT = Answer(204)


def from_error(error: ApiError | OAuthError) -> Answer:
    """The answer to a refused request."""
    if isinstance(error, OAuthError):
        return Answer(
            error.status,
            {"error": error.error, "error_description": error.description},
            {"Cache-Control": "no-store", "Pragma": "no-cache"},
        )
    return Answer(error.status, error.as_json())
