"""How many events to ask for, so that a stream never stalls and memory stays bounded. Pure."""

from dataclasses import dataclass

#: The server caps what is outstanding at 100 events; more can't be owed to us.
MOST_OUTSTANDING = 100
#: Received and not yet taken by the caller, before we stop asking.
MOST_HELD_EVENTS = 2_000
MOST_HELD_BYTES = 32 << 20
#: The server ends a stream that it waits for after 60 s.
DRY_AFTER_S = 5.0


@dataclass(frozen=True, slots=True)
class Flow:
    """``outstanding`` events are owed to us; ``held_*`` lie here and weren't taken yet."""

    outstanding: int = 0
    held_events: int = 0
    held_bytes: int = 0


def to_request(flow: Flow) -> int:
    """How many more events to ask for now; 0 if none.

    Asks when half is used up, never only at 0, when the server would have to wait for us (and ends
    the stream after 60 s of it).
    """
    if flow.held_events >= MOST_HELD_EVENTS or flow.held_bytes >= MOST_HELD_BYTES:
        return 0
    if flow.outstanding > MOST_OUTSTANDING // 2:
        return 0
    return MOST_OUTSTANDING - flow.outstanding


def requested(flow: Flow, events: int) -> Flow:
    """After asking for more."""
    return Flow(flow.outstanding + events, flow.held_events, flow.held_bytes)


def received(flow: Flow, events: int, size_bytes: int) -> Flow:
    """After a message with that many events.

    Our own count decides, not the server's: what we asked for may still be under way to it.
    """
    return Flow(
        max(0, flow.outstanding - events), flow.held_events + events, flow.held_bytes + size_bytes
    )


def dry(flow: Flow, pending: int, quiet_s: float) -> Flow:
    """After a quiet time: a server that owed nothing at its last message is waiting for us.

    It caps requests without a word, so that our count may be too high; no request is under way
    for so long.
    """
    if pending > 0 or quiet_s < DRY_AFTER_S:
        return flow
    return Flow(0, flow.held_events, flow.held_bytes)


def taken(flow: Flow, events: int, size_bytes: int) -> Flow:
    """After the caller took a message."""
    return Flow(flow.outstanding, flow.held_events - events, flow.held_bytes - size_bytes)
