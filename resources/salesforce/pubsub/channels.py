"""What the channels of an org are called. Names are case-sensitive.

Source: Change Data Capture developer guide, "Subscription Channels".
"""

CHANGES = "/data/"
EVENTS = "/event/"
ALL_CHANGES = "/data/ChangeEvents"
CUSTOM = "__c"
CHANGE_EVENT = "ChangeEvent"


def change_event(object_name: str) -> str:
    """The event an object's changes come as: ``AccountChangeEvent``, ``Order__ChangeEvent``.

    The ``__c`` of a custom object is replaced, not kept.
    """
    if object_name.endswith(CUSTOM):
        return f"{object_name.removesuffix('c')}{CHANGE_EVENT}"
    return f"{object_name}{CHANGE_EVENT}"


def change_channel(object_name: str) -> str:
    """The channel of one object's changes: ``/data/AccountChangeEvent``."""
    return CHANGES + change_event(object_name)


def event_channel(event_name: str) -> str:
    """The channel of a platform event, ``Order_Event__e``."""
    return EVENTS + event_name


def channel_named(name: str) -> str:
    """The channel of a platform event's name; a channel stays what it is.

    >>> channel_named("Order_Event__e"), channel_named("/event/Order_Event__e")
    ('/event/Order_Event__e', '/event/Order_Event__e')
    """
    return name if name.startswith("/") else event_channel(name)


def changed_object(channel: str) -> str | None:
    """The object whose changes alone a channel carries; None for any other channel."""
    name = channel.removeprefix(CHANGES)
    if not channel.startswith(CHANGES) or not name.endswith(CHANGE_EVENT):
        return None
    stem = name.removesuffix(CHANGE_EVENT)
    return f"{stem}c" if stem.endswith("__") else stem or None
