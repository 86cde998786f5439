"""Which API versions there are, and the resources of one."""

from __future__ import annotations

import re

from emulator.answer import Answer
from emulator.call import Call
from emulator.errors import ApiError, not_found

FIRST, LAST = 31, 67
# v21.0 to v30.0 are retired [rest guide].
FIRST_RETIRED = 21

# From this version on a path that ends in `.json` is another path [rest guide].
NO_SUFFIX_SINCE = 58

_SUFFIXED = re.compile(r"(/services/data/v(\d+)\.0/.+)\.json/?", re.IGNORECASE)
_SEASONS = ("Spring", "Summer", "Winter")
_RESOURCES = ("sobjects", "query", "queryAll", "limits", "jobs", "composite")


def list_versions(call: Call) -> Answer:
    """GET /services/data"""
    return Answer(
        200,
        [
            {"label": _label(n), "url": f"/services/data/v{n}.0", "version": f"{n}.0"}
            for n in range(FIRST, LAST + 1)
        ],
    )


def list_resources(call: Call) -> Answer:
    """GET /services/data/v66.0"""
    return Answer(200, {name: f"{call.base_path}/{name}" for name in sorted(_RESOURCES)})


def version_of(segment: str) -> float:
    """The version of a path segment such as `v66.0`.

    Raises:
        ApiError: It is retired (410) or never was one (404).
    """
    whole, dot, part = segment.removeprefix("v").partition(".")
    if not segment.startswith("v") or not whole.isdigit() or (dot and part != "0"):
        raise not_found()
    number = int(whole)
    if FIRST_RETIRED <= number < FIRST:
        raise ApiError(
            410, "GONE", f"API version {number}.0 has been retired; use v{FIRST}.0 or later"
        )
    if not FIRST <= number <= LAST:
        raise not_found()
    return float(number)


def path_without_suffix(path: str) -> str:
    """The path that is meant by one that ends in `.json`."""
    found = _SUFFIXED.fullmatch(path)
    return found.group(1) if found and int(found.group(2)) < NO_SUFFIX_SINCE else path


def _label(number: int) -> str:
    # v30.0 was Spring '14; three releases a year, and a winter has the next year's name.
    season = _SEASONS[(number - 30) % 3]
    year = 14 + (number - 30) // 3 + (season == "Winter")
    # Recorded so: one label has the other quote [nango].
    quote = "\u2019" if number == 42 else "'"
    return f"{season} {quote}{year}"
