"""Events of an org that the warehouse follows, as a user writes them down in YAML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
from pydantic import Field

from assets.changes import changes_asset, default_changes_spec
from assets.changes_spec import DEAD_AFTER_TRIES, ChangesSpec
from assets.naming import warehouse_name
from assets.spelling import nearest
from pipelines.components.configuration import KeyPath, StrictModel
from pipelines.components.connection_names import unknown_connections
from pipelines.components.errors import ConfigurationError, Mistake
from pipelines.components.followed import FollowsChanges
from pipelines.components.salesforce_sync import SalesforceSync
from pipelines.components.setting_types import ObjectName, ResourceName
from pipelines.components.warehouse_connection import WarehouseConnection
from pipelines.sensors.changes import changes_sensor

OBJECTS: tuple[str, ...] = ("change_data_capture", "objects")


class ChangeDataCapture(StrictModel):
    """Objects whose changes are followed, and how often it is looked."""

    objects: list[ObjectName] = Field(
        min_length=1,
        description="API names of objects that are selected in Setup under Change Data Capture, "
        "each also in a sync of the org, which says which fields, where, and what is masked.",
    )
    every_s: int = Field(
        default=15,
        ge=5,
        description="Seconds between two looks of the sensor; while `python -m pipelines listen` "
        "runs, it leaves the channels to it.",
    )
    switched_on: bool = Field(
        default=False,
        description="Whether the sensor is on before anybody has switched it in Dagster.",
    )
    dead_after_tries: int = Field(
        default=DEAD_AFTER_TRIES,
        ge=1,
        description="Runs that may fail because an event can't be read; the last one sets it "
        "aside in `_tidegate.dead_events` and reads what has changed since.",
    )


class SalesforceEvents(FollowsChanges):
    """Change events of an org that are followed, so that tables are fresh within seconds."""

    name: ResourceName | None = Field(
        default=None,
        description="What the sensor is called after; by default the folder, with `_` for what "
        "isn't a letter or digit.",
    )
    org: str = Field(default="salesforce", description="A SalesforceConnection's name.")
    warehouse: str = Field(default="default", description="A WarehouseConnection's name.")
    change_data_capture: ChangeDataCapture | None = Field(
        default=None, description="Objects whose tables follow the org's change events."
    )

    @property
    def events_name(self) -> str:
        return self.name or self.named_after_folder(f"{self.org}_events")

    def followed_objects(self) -> list[str]:
        """Objects whose changes are followed."""
        return self.change_data_capture.objects if self.change_data_capture else []

    def get_asset_spec(self, spec: ChangesSpec) -> dg.AssetSpec:
        """What Dagster shows of an object's changes; override to show something else."""
        return default_changes_spec(spec)

    def change_specs(self, tree: dg.ComponentTree) -> list[ChangesSpec]:
        """The followed objects, each as its sync has it; those without one are left out."""
        settings = self.change_data_capture
        if settings is None:
            return []
        kinds = {one.name: one.kind for one in tree.get_all_components(WarehouseConnection)}
        found = []
        for name in settings.objects:
            component = self._sync_of(name, tree)
            if component is not None:
                sync = component.sync()
                sync = replace(sync, warehouse_kind=kinds.get(sync.warehouse, "duckdb"))
                spec = component.objects[name].spec(name)
                found.append(ChangesSpec(sync, spec, settings.dead_after_tries))
        return found

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """An asset per object, and the sensor.

        Raises:
            ConfigurationError: A connection isn't declared, or an object is in no sync.
        """
        mistakes = list(self._mistakes(context.component_tree))
        if mistakes:
            raise ConfigurationError(mistakes)
        specs = self.change_specs(context.component_tree)
        settings = self.change_data_capture
        if settings is None:
            return dg.Definitions()
        return dg.Definitions(
            assets=[changes_asset(spec, self.get_asset_spec) for spec in specs],
            sensors=[
                changes_sensor(self.events_name, specs, settings.every_s, settings.switched_on)
            ],
        )

    # ---- what may be wrong

    def _mistakes(self, tree: dg.ComponentTree) -> Iterator[Mistake]:
        named: list[tuple[KeyPath, str, str]] = [
            (["org"], "SalesforceConnection", self.org),
            (["warehouse"], "WarehouseConnection", self.warehouse),
        ]
        for path, problem, meant in unknown_connections(tree, named):
            yield self.mistake(path, problem, meant)
        if self.change_data_capture:
            taken = self._taken_before(tree)
            for number, name in enumerate(self.change_data_capture.objects):
                yield from self._object_mistakes(number, name, taken, tree)
                taken.add(warehouse_name(name))

    def _object_mistakes(
        self, number: int, name: str, taken: set[str], tree: dg.ComponentTree
    ) -> Iterator[Mistake]:
        path: list[str | int] = [*OBJECTS, number]
        if warehouse_name(name) in taken:
            yield self.mistake(path, f"the changes of {name} of {self.org} are followed already")
            return
        sync = self._sync_of(name, tree)
        if sync is None:
            known = [
                one
                for other in tree.get_all_components(SalesforceSync)
                if other.org == self.org
                for one in other.objects
            ]
            problem = f"no sync of {self.org} has {name}: its fields and its table stand there"
            yield self.mistake(path, problem, nearest(name, known))
        elif sync.warehouse != self.warehouse:
            problem = f"the sync of {name} goes to the warehouse {sync.warehouse!r}"
            yield self.mistake(["warehouse"], f"{problem}, not {self.warehouse!r}")

    def _sync_of(self, name: str, tree: dg.ComponentTree) -> SalesforceSync | None:
        for sync in tree.get_all_components(SalesforceSync):
            if sync.org == self.org and name in sync.objects:
                return sync
        return None

    def _taken_before(self, tree: dg.ComponentTree) -> set[str]:
        taken: set[str] = set()
        for other in tree.get_all_components(SalesforceEvents):
            if other is self:
                break
            if other.org == self.org:
                taken |= {warehouse_name(one) for one in other.followed_objects()}
        return taken
