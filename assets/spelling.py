"""The name that was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(wanted: str, names: Iterable[str]) -> str | None:
    """The likeliest of ``names``, compared without case; None if none is like it."""
    by_lower = {name.lower(): name for name in names}
    found = get_close_matches(wanted.lower(), list(by_lower), n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None
