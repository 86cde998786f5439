"""How often runs have met events that can't be read, across runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from assets.errors import UndecodedEventsError
from resources.landing.inbox import ChannelInbox
from resources.landing.store import read_json, write_json
from resources.salesforce.pubsub.errors import EventDecodeError


class Tries:
    """Counts tries by event. A run counts each event once.

    Args:
        before: Called before any is counted; what it raises keeps them from being counted.
    """

    def __init__(
        self,
        inbox: ChannelInbox,
        consumer: str,
        most: int,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._channel = inbox.store, inbox.channel
        self._path = f"{inbox.folder}/tries/{consumer}.json"
        self._most, self._before = most, before

    def count(self, events: Sequence[EventDecodeError]) -> UndecodedEventsError | None:
        """Count one more try for each; None if all have had their last."""
        if not events:
            return None
        self._before()
        counted = read_json(self._store, self._path) if self._store.exists(self._path) else {}
        # Only those that hold the channel up now: others were read since, or set aside.
        tried = {_name(event): counted.get(_name(event), 0) + 1 for event in events}
        write_json(self._store, self._path, tried)
        waiting = [event for event in events if tried[_name(event)] < self._most]
        if not waiting:
            return None
        return UndecodedEventsError(
            self._channel, len(events), str(waiting[0]), tried[_name(waiting[0])], self._most
        )


def _name(event: EventDecodeError) -> str:
    return f"{event.replay_id.hex()} {event.event_id}"
