"""Which run an event starts: its id, and its tags, which hold what the event says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

EVENT = "tidegate/event"
EVENT_UUID = "tidegate/event_uuid"
CUT_FIELDS = "tidegate/event_cut"
#: Before the name of a field; Dagster allows one slash in a key.
FIELD = "tidegate.event/"
RUN_KEY = "dagster/run_key"

#: PostgreSQL keeps an index of tags, in which a value of more than 2,700 bytes has no room.
LONGEST_VALUE = 256
LONGEST_KEY_PART = 63
#: An org keeps platform events so long: as far back as a new subscription reaches.
REACH = timedelta(hours=72)

_EVENTS = UUID("6f1d4d0e-2c1b-5f0e-9f0a-7a1f0c5b8e11")


def run_id_of(org_id: str, event: str, event_uuid: str) -> str:
    """The id of the run that an event starts: always the same, so that there can be no second."""
    return str(uuid5(_EVENTS, f"{org_id}/{event}/{event_uuid}"))


def event_tags(org: str, event: str) -> dict[str, str]:
    """By which the runs of all events of a kind are found."""
    return {EVENT: f"{org}/{event}"}


def run_tags(org: str, event: str, event_uuid: str, fields: Mapping[str, Any]) -> dict[str, str]:
    """Tags of the run of one event; nulls have none, and long values are cut."""
    tags = {**event_tags(org, event), EVENT_UUID: event_uuid, RUN_KEY: event_uuid}
    cut = []
    for name, value in fields.items():
        if value is None or len(name) > LONGEST_KEY_PART:
            continue
        text = as_text(value)
        if len(text) > LONGEST_VALUE:
            cut.append(name)
            text = f"{text[: LONGEST_VALUE - 1]}…"
        tags[f"{FIELD}{name}"] = text
    if cut:
        tags[CUT_FIELDS] = ", ".join(cut)[:LONGEST_VALUE]
    return tags


def as_text(value: Any) -> str:
    """A value as a tag has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return ";".join(map(str, value))
    return str(value)
