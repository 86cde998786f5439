"""Reading the body of a control."""

from __future__ import annotations

from typing import Any

from emulator.call import Call
from emulator.errors import ApiError, ControlError


def json_of(call: Call) -> Any:
    """The body as JSON."""
    try:
        return call.json()
    except ApiError as error:
        raise ControlError(error.message) from None


def body_of(call: Call, keys: set[str]) -> dict[str, Any]:
    """The body, an object with no other keys than these."""
    body = json_of(call)
    if not isinstance(body, dict):
        raise ControlError("the body is a JSON object")
    unknown = sorted(set(body) - keys)
    if unknown:
        raise ControlError(f"this takes {', '.join(sorted(keys))}; got {', '.join(unknown)}")
    return body


def number(value: Any, key: str) -> float:
    """A number, whole or not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ControlError(f"`{key}` is a number; got {value!r}")
    return float(value)
