"""What following the changes of one object means, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from assets.keys import changes_key, object_keys
from assets.naming import warehouse_name
from assets.specs import ObjectSpec, SyncSpec
from resources.salesforce.pubsub.channels import change_channel

DEAD_AFTER_TRIES = 5


@dataclass(frozen=True)
class ChangesSpec:
    """Changes of one object, which the sync that has it says how to read.

    Args:
        sync: Where the object's table is.
        object: Its fields, condition, masks.
        dead_after_tries: Runs that may fail because an event can't be read; the last of them sets
            it aside.
    """

    sync: SyncSpec
    object: ObjectSpec
    dead_after_tries: int = DEAD_AFTER_TRIES

    @property
    def org(self) -> str:
        """The connection's name."""
        return self.sync.org

    @property
    def what(self) -> str:
        """The object, as people call it."""
        return self.object.name

    @property
    def channel(self) -> str:
        """Where the org publishes the object's changes."""
        return change_channel(self.object.name)

    @property
    def key(self) -> dg.AssetKey:
        """``changes/<org>/<object>``."""
        return changes_key(self.sync, self.object)

    @property
    def org_key(self) -> dg.AssetKey:
        """The object in the org, from which the changes come."""
        return object_keys(self.sync, self.object).org

    @property
    def step(self) -> str:
        """The name of the step."""
        return "__".join(self.key.path)

    @property
    def log_table(self) -> str:
        """The table that holds every change."""
        name = warehouse_name(self.object.name, self.sync.naming)
        return f"{name}_changes"

    @property
    def history_table(self) -> str | None:
        """The table that holds every version of the records, if it is wanted."""
        name = warehouse_name(self.object.name, self.sync.naming)
        return f"{name}_history" if self.object.history else None

    @property
    def consumer(self) -> str:
        """Under which name the inbox keeps how far the warehouse is."""
        return f"changes-{self.sync.warehouse}"
