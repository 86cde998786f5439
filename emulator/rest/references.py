"""References to earlier answers in a composite body: `@{ref.id}`, `@{ref[0].id}` [rest guide]."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from emulator.errors import ApiError

_REFERENCE = re.compile(r"@\{([^}]*)\}")
_PATH = re.compile(r"(\w+)((?:\.\w+|\[\d+\])*)")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")

Bodies = Mapping[str, Any]


def resolved(value: Any, bodies: Bodies) -> Any:
    """A body with values in place of references; one that is a whole text keeps its type.

    Args:
        bodies: Bodies of the answers so far, by referenceId; those of failed ones aren't there.

    Raises:
        ApiError: There is no such value.
    """
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return _value(whole.group(1), bodies)
        return _REFERENCE.sub(lambda found: _text(found.group(1), bodies), value)
    if isinstance(value, list):
        return [resolved(one, bodies) for one in value]
    if isinstance(value, dict):
        return {name: resolved(one, bodies) for name, one in value.items()}
    return value


def resolved_url(url: str, bodies: Bodies) -> str:
    """A URL with values, percent-encoded, in place of references.

    Raises:
        ApiError: There is no such value.
    """
    return _REFERENCE.sub(lambda found: quote(_text(found.group(1), bodies), safe=""), url)


def _text(reference: str, bodies: Bodies) -> str:
    value = _value(reference, bodies)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _value(reference: str, bodies: Bodies) -> Any:
    path = _PATH.fullmatch(reference)
    if path is None:
        raise _no_value(reference, reference)
    name, steps = path.groups()
    value = bodies.get(name)
    for key, index in _STEP.findall(steps):
        value = _step(value, key, index)
    if value is None or isinstance(value, dict | list):
        raise _no_value(reference, name)
    return value


def _step(value: Any, key: str, index: str) -> Any:
    if key:
        return value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, list) or int(index) >= len(value):
        return None
    return value[int(index)]


def _no_value(reference: str, name: str) -> ApiError:
    return ApiError(
        400,
        "PROCESSING_HALTED",
        f"Invalid reference specified. No value for {reference} found in {name}",
    )
