"""Datetimes as the REST API, the controls and HTTP write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

_OFFSET_WITHOUT_COLON = re.compile(r"([+-]\d{2})(\d{2})$")


def rest_datetime(moment: datetime) -> str:
    """``2026-05-01T07:25:37.000+0000``: milliseconds, no colon in the offset.

    Sources: [nango] [restforce].
    """
    utc = moment.astimezone(UTC) if moment.tzinfo else moment
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}+0000"


def iso_datetime(moment: datetime) -> str:
    """``2026-05-01T07:25:37.000Z``, of a moment in UTC."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def http_date(moment: datetime) -> str:
    """``Tue, 24 Nov 2026 03:10:00 GMT``."""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def parse_http_date(text: str) -> datetime | None:
    """The moment in an HTTP header; None when it isn't one."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_datetime(text: str) -> datetime:
    """An ISO datetime with `Z`, `+01:00` or `+0100`; without an offset it is UTC.

    Raises:
        ValueError: It isn't one.
    """
    if "T" not in text and " " not in text:
        raise ValueError("not a datetime: there is no time in it")
    moment = datetime.fromisoformat(_OFFSET_WITHOUT_COLON.sub(r"\1:\2", text))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_moment(text: str) -> datetime:
    """As `parse_datetime`, and a plain date is its midnight."""
    return parse_datetime(text if "T" in text or " " in text else f"{text}T00:00:00Z")
