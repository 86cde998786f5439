"""Events of an org that the warehouse follows, as a user writes them down in YAML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
from dagster.components.scaffold.scaffold import scaffold_with
from pydantic import Field

from assets.changes import changes_asset, default_changes_spec
from assets.changes_spec import DEAD_AFTER_TRIES, ChangesSpec
from assets.event_spec import EventSpec, EventTableSpec, with_table
from assets.event_table import default_event_table_spec, event_in_org, event_table_asset
from assets.naming import warehouse_name
from assets.spelling import nearest
from pipelines.components.configuration import KeyPath, StrictModel
from pipelines.components.connection_names import unknown_connections
from pipelines.components.errors import ConfigurationError, Mistake
from pipelines.components.event_rules import broken_event_rules, tables_of_syncs
from pipelines.components.followed import FollowsChanges
from pipelines.components.platform_event import PlatformEvent
from pipelines.components.salesforce_load import SalesforceLoad
from pipelines.components.salesforce_sync import SalesforceSync
from pipelines.components.scaffolding import EventsScaffolder
from pipelines.components.setting_types import EventName, ObjectName, ResourceName
from pipelines.components.startable_jobs import StartableJobs
from pipelines.components.warehouse_connection import WarehouseConnection
from pipelines.sensors.events import Follows, events_sensor

OBJECTS: tuple[str, ...] = ("change_data_capture", "objects")


class ChangeDataCapture(StrictModel):
    """Objects whose changes are followed, and how often it is looked."""

    objects: list[ObjectName] = Field(
        min_length=1,
        description="API names of objects that are selected in Setup under Change Data Capture, "
        "each also in a sync of the org, which says which fields, where, and what is masked.",
    )
    every_s: int | None = Field(
        default=None, ge=5, description="Seconds between two looks, if not the component's."
    )


@scaffold_with(EventsScaffolder)
class SalesforceEvents(FollowsChanges):
    """Events of an org that are followed: changes of objects, and platform events."""

    name: ResourceName | None = Field(
        default=None,
        description="What the sensor is called after; by default the folder, with `_` for what "
        "isn't a letter or digit.",
    )
    org: str = Field(default="salesforce", description="A SalesforceConnection's name.")
    warehouse: str = Field(default="default", description="A WarehouseConnection's name.")
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
        description="Tries that may fail because an event can't be read; the last one sets it "
        "aside in `_tidegate.dead_events`, and of a change reads what has changed since.",
    )
    change_data_capture: ChangeDataCapture | None = Field(
        default=None, description="Objects whose tables follow the org's change events."
    )
    platform_events: dict[EventName, PlatformEvent] = Field(
        default={}, description="Platform events, by their API names, such as Order_Event__e."
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

    def get_event_asset_spec(self, spec: EventTableSpec) -> dg.AssetSpec:
        """What Dagster shows of a platform event's table; override to show something else."""
        return default_event_table_spec(spec)

    def change_specs(self, tree: dg.ComponentTree) -> list[ChangesSpec]:
        """The followed objects, each as its sync has it; those without one are left out."""
        settings = self.change_data_capture
        if settings is None:
            return []
        kinds = _kinds(tree)
        found = []
        for name in settings.objects:
            component = self._sync_of(name, tree)
            if component is not None:
                sync = component.sync()
                sync = replace(sync, warehouse_kind=kinds.get(sync.warehouse, "duckdb"))
                found.append(
                    ChangesSpec(sync, component.objects[name].spec(name), self.dead_after_tries)
                )
        return found

    def event_specs(self, tree: dg.ComponentTree) -> list[EventSpec]:
        """The platform events, in the order of the file."""
        loads = {one.load_name for one in tree.get_all_components(SalesforceLoad)}
        kind = _kinds(tree).get(self.warehouse, "duckdb")
        return [
            EventSpec(
                org=self.org,
                event=name,
                warehouse=self.warehouse,
                warehouse_kind=kind,
                table=one.event_table(self.org, self.events_name),
                start=one.job_start(loads),
                dead_after_tries=self.dead_after_tries,
            )
            for name, one in self.platform_events.items()
        ]

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """An asset per object and per table of platform events, and the sensor.

        Raises:
            ConfigurationError: A connection isn't declared, an object is in no sync, or an event
                or table is there already.
        """
        tree = context.component_tree
        mistakes = list(self._mistakes(tree))
        if mistakes:
            raise ConfigurationError(mistakes)
        follows = Follows(self.change_specs(tree), self.event_specs(tree))
        if not follows.channels:
            return dg.Definitions()
        assets: list[dg.AssetsDefinition | dg.AssetSpec] = [
            changes_asset(spec, self.get_asset_spec) for spec in follows.changes
        ]
        for spec in follows.events:
            table = with_table(spec)
            if table is not None:
                assets.append(event_table_asset(table, self.get_event_asset_spec))
                assets.append(event_in_org(spec, table.table.group))
        return dg.Definitions(assets=assets, sensors=[self._sensor(follows)])

    def _sensor(self, follows: Follows) -> dg.SensorDefinition:
        settings = self.change_data_capture
        every_s = settings.every_s if settings and settings.every_s else self.every_s
        return events_sensor(self.events_name, follows, every_s, self.switched_on)

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
        yield from self._event_mistakes(tree)

    def _event_mistakes(self, tree: dg.ComponentTree) -> Iterator[Mistake]:
        before: list[EventSpec] = []
        for other in tree.get_all_components(SalesforceEvents):
            if other is self:
                break
            before += other.event_specs(tree)
        for broken in broken_event_rules(self.event_specs(tree), before, tables_of_syncs(tree)):
            path = ["platform_events", broken.event, *([broken.key] if broken.key else [])]
            yield self.mistake(path, broken.problem)

    def start_job_mistakes(self, jobs: StartableJobs) -> Iterator[Mistake]:
        """Events that start what isn't there, or what an event can't start."""
        for name, one in self.platform_events.items():
            problem = jobs.problem(one.start_job) if one.start_job else None
            if problem:
                yield self.mistake(["platform_events", name, "start_job"], *problem)

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


def _kinds(tree: dg.ComponentTree) -> dict[str, str]:
    return {one.name: one.kind for one in tree.get_all_components(WarehouseConnection)}
