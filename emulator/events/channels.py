"""Channel names, and which objects' events each one carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from emulator.schema.model import Schema, SObject

ALL_CHANGES = "/data/ChangeEvents"
CHANGE_EVENT = "ChangeEvent"
CUSTOM_CHANNEL = "__chn"


@dataclass(frozen=True)
class Channel:
    """A topic that a subscriber may name.

    Attributes:
        objects: Names of the objects whose events it carries.
        selected: Whether there are events at all: its object is selected for change events.
        sobject: The one object of a channel that has just one; its schema is the topic's.
    """

    topic: str
    objects: frozenset[str]
    selected: bool = True
    sobject: SObject | None = None

    @property
    def can_publish(self) -> bool:
        """Platform events can be published to their own channel, change events never."""
        return self.sobject is not None and self.sobject.kind == "platform_event"


def change_event_name(object_name: str) -> str:
    """``AccountChangeEvent``; of a custom object ``Employee__ChangeEvent``: `__c` is replaced."""
    stem = object_name.removesuffix("c") if object_name.endswith("__c") else object_name
    return f"{stem}{CHANGE_EVENT}"


def object_of_change_event(schema: Schema, name: str) -> SObject | None:
    """The object whose change events have that name; names are case-sensitive."""
    if not name.endswith(CHANGE_EVENT):
        return None
    base = name.removesuffix(CHANGE_EVENT)
    if base.endswith("__c"):
        return None
    found = schema.objects.get(f"{base}c" if base.endswith("__") else base)
    return found if found is not None and found.has_rows else None


def find_channel(
    schema: Schema,
    topic: str,
    selected: Iterable[str],
    custom: Mapping[str, Iterable[str]],
) -> Channel | None:
    """The channel of that topic; None when there is none.

    Args:
        selected: Objects selected for change events.
        custom: Members of each custom channel, by its name (``Sales__chn``).
    """
    names = set(selected)
    if topic == ALL_CHANGES:
        return Channel(topic, frozenset(names))
    _, root, name = [*topic.split("/"), "", ""][:3]
    if topic != f"/{root}/{name}" or root not in ("data", "event"):
        return None
    if name in custom:
        members = frozenset(custom[name])
        return Channel(topic, members) if root == root_of(schema, members) else None
    if root == "event":
        event = schema.objects.get(name)
        known = event is not None and event.kind == "platform_event"
        return Channel(topic, frozenset({name}), sobject=event) if known else None
    changed = object_of_change_event(schema, name)
    if changed is None:
        return None
    return Channel(topic, frozenset({changed.name}), changed.name in names, changed)


def root_of(schema: Schema, members: Iterable[str]) -> str:
    """Whether a custom channel of these objects is one under ``/data`` or ``/event``."""
    kinds = {schema.objects[name].kind for name in members if name in schema.objects}
    return "event" if kinds == {"platform_event"} else "data"
