"""What subscribing to one platform event means, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from assets.changes_spec import DEAD_AFTER_TRIES
from assets.specs import Naming
from resources.salesforce.pubsub.channels import event_channel

RUNS_AT_ONCE = 20


@dataclass(frozen=True)
class EventTable:
    """Where a platform event's table is."""

    name: str
    schema: str = "salesforce"
    naming: Naming = "fivetran"
    group: str | None = None


@dataclass(frozen=True)
class JobStart:
    """A job that is run for each event of a kind.

    Args:
        job: Dagster's name of it.
        when: An SQL condition over the event's fields; None: each event.
        at_once: How many runs of it may wait or work; further events wait in the inbox.
    """

    job: str
    when: str | None = None
    at_once: int = RUNS_AT_ONCE


@dataclass(frozen=True)
class EventSpec:
    """A platform event of one org, and what becomes of it: a table, runs of a job, or both."""

    org: str
    event: str
    warehouse: str = "default"
    warehouse_kind: str = "duckdb"
    table: EventTable | None = None
    start: JobStart | None = None
    dead_after_tries: int = DEAD_AFTER_TRIES

    @property
    def channel(self) -> str:
        """Where the org publishes it."""
        return event_channel(self.event)

    @property
    def org_resource(self) -> str:
        """The key of the connection among Dagster's resources."""
        return f"org_{self.org}"

    @property
    def warehouse_resource(self) -> str:
        """The key of the warehouse among them."""
        return f"warehouse_{self.warehouse}"

    @property
    def org_key(self) -> dg.AssetKey:
        """The event in the org."""
        return dg.AssetKey(["org", self.org, self.event])


@dataclass(frozen=True)
class EventTableSpec:
    """A platform event that has a table."""

    of: EventSpec
    table: EventTable

    @property
    def org(self) -> str:
        """The connection's name."""
        return self.of.org

    @property
    def what(self) -> str:
        """The event, as people call it."""
        return self.of.event

    @property
    def channel(self) -> str:
        """Where the org publishes the event."""
        return self.of.channel

    @property
    def key(self) -> dg.AssetKey:
        """``events/<org>/<table>``."""
        return dg.AssetKey(["events", self.org, self.table.name])

    @property
    def step(self) -> str:
        """The name of the step."""
        return "__".join(self.key.path)

    @property
    def table_name(self) -> str:
        """With its schema."""
        return f"{self.table.schema}.{self.table.name}"

    @property
    def consumer(self) -> str:
        """Under which name the inbox keeps how far the warehouse is."""
        return f"events-{self.of.warehouse}"


def with_table(spec: EventSpec) -> EventTableSpec | None:
    """The same as what has the table; None if it has none."""
    return EventTableSpec(spec, spec.table) if spec.table else None
