"""What the org refuses, as exceptions; `routes` and `server` turn them into answers.

EmulatorError
├── ApiError     an array of {message, errorCode, fields?}, as the data APIs answer
├── OAuthError   {error, error_description}, as the token endpoint answers
├── ControlError a wrong request to /_emulator
├── DataFolderError  another process has the org's file open
└── UsageError   a wrong command line or schema file
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class EmulatorError(Exception):
    """Root of everything that the emulator raises on purpose."""


class ApiError(EmulatorError):
    """The data APIs refuse a request.

    Attributes:
        fields: Names of the fields at fault; None leaves the key out of the answer.
    """

    def __init__(
        self, status: int, code: str, message: str, fields: Sequence[str] | None = None
    ) -> None:
        super().__init__(status, code, message, fields)
        self.status, self.code, self.message, self.fields = status, code, message, fields

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.message}"

    def as_json(self) -> list[dict[str, Any]]:
        """The body of the answer."""
        error: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            error["fields"] = list(self.fields)
        return [error]


class OAuthError(EmulatorError):
    """The token endpoint refuses a login; HTTP 400 whatever the cause [oauth help] [restforce]."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error, description, status)
        self.error, self.description, self.status = error, description, status

    def __str__(self) -> str:
        return f"{self.error}: {self.description}"


class ControlError(EmulatorError):
    """A control was called with something it can't do."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message, status)
        self.message, self.status = message, status

    def __str__(self) -> str:
        return self.message


class DataFolderError(EmulatorError):
    """The folder that keeps the org can't be opened."""


class UsageError(EmulatorError):
    """The command line names something that doesn't exist."""


def not_found(message: str = "The requested resource does not exist") -> ApiError:
    """The answer for a path, an object or a row that isn't there."""
    return ApiError(404, "NOT_FOUND", message)
