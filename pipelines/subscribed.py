"""Channels that the project subscribes to, as commands see them."""

from __future__ import annotations

from dataclasses import dataclass

from assets.changes_spec import ChangesSpec
from assets.event_spec import EventSpec, with_table
from pipelines.event_starts import CONSUMER as STARTS
from pipelines.sensors.run_requests import Followed


@dataclass(frozen=True)
class Subscribed:
    """A channel, and what becomes of what has landed of it: one of the two at least.

    Args:
        org: The connection's name.
        warehouse: The warehouse connection's name.
        table: What has an asset that applies it.
        event: The platform event, if it starts a job.
    """

    org: str
    warehouse: str
    channel: str
    table: Followed | None = None
    event: EventSpec | None = None

    @property
    def consumers(self) -> list[str]:
        """Who takes the channel's events."""
        return ([self.table.consumer] if self.table else []) + ([STARTS] if self.event else [])


def subscribed_to_changes(spec: ChangesSpec) -> Subscribed:
    """The channel of an object's changes."""
    return Subscribed(spec.org, spec.sync.warehouse, spec.channel, table=spec)


def subscribed_to_event(spec: EventSpec) -> Subscribed:
    """The channel of a platform event."""
    starting = spec if spec.start else None
    return Subscribed(spec.org, spec.warehouse, spec.channel, with_table(spec), starting)
