"""`changeOrigin`: through which API a change came, and by whose client."""

from __future__ import annotations

import re

_CLIENT = re.compile(r"(?:^|[,;\s])client=([^,;\s]+)")


def client_of(call_options: str | None) -> str | None:
    """What the header `Sforce-Call-Options` says behind `client=`."""
    found = _CLIENT.search(call_options or "")
    return found[1] if found else None


def change_origin(api: str, version: float, client: str | None) -> str:
    """``com/salesforce/api/rest/66.0;client=tidegate``; without a client there is no suffix.

    Args:
        api: ``rest`` or ``bulkapi``.
    """
    return f"com/salesforce/api/{api}/{version:.1f}" + (f";client={client}" if client else "")
