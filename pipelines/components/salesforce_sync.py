"""Salesforce objects that flow into a warehouse, as a user writes them down in YAML."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import dagster as dg
from dagster.components.scaffold.scaffold import scaffold_with
from pydantic import Field, field_validator

from assets.inbound import inbound_assets
from assets.naming import warehouse_name
from assets.specs import LATE_COMMIT_MARGIN_S, ObjectSpec, PartitionSpec, SyncSpec
from assets.translator import SalesforceObjectProps, SalesforceTranslator
from pipelines.components.configuration import StrictComponent, StrictModel
from pipelines.components.connection_names import unknown_connections
from pipelines.components.errors import ConfigurationError
from pipelines.components.followed import is_followed
from pipelines.components.scaffolding import SyncScaffolder
from pipelines.components.setting_types import (
    Cron,
    Hook,
    Names,
    ObjectName,
    PartitionStart,
    ResourceName,
    Tags,
    TimeZone,
)
from pipelines.components.warehouse_connection import WarehouseConnection
from pipelines.jobs import sync_jobs
from pipelines.schedules.nightly import nightly_schedule


class Partitions(StrictModel):
    """Time windows on SystemModstamp."""

    every: Literal["hour", "day", "week", "month"] = Field(
        default="day", description="Length of a window."
    )
    start: PartitionStart = Field(
        description="First day of the first window (UTC), which also takes everything older."
    )


class SyncedObject(StrictModel):
    """What to read of one object, and what to make of it."""

    fields: Names = Field(
        default=["*"], description='Field names or patterns such as "Billing*"; "*" is every field.'
    )
    exclude: list[str] = Field(default=[], description="Field names or patterns to leave out.")
    where: str | None = Field(
        default=None,
        min_length=1,
        description='SOQL condition such as "Email != null"; records that don\'t match it, or no '
        "longer do, have no row.",
    )
    mask: list[str] = Field(
        default=[],
        description="Field names or patterns whose values become keyed hashes (HMAC-SHA256 with "
        "TIDEGATE_MASK_KEY): equal values stay equal, and can't be read back. Raw change events "
        'are kept unmasked for some days (README, "Follow changes").',
    )
    transform: Hook | None = Field(
        default=None,
        description="module:function that gets some of the rows as a pandas frame and returns "
        "them with columns changed, added or dropped; it sees warehouse names.",
    )
    partitions: Partitions | None = Field(
        default=None,
        description="Time windows; without them the object is read whole each time.",
    )
    numbers: Literal["decimal", "float"] = Field(
        default="decimal",
        description='"decimal" keeps numbers exact, with the digits that the org describes, and '
        'more where a record has more; "float" makes them 64-bit floats.',
    )
    deletes: Literal["flag", "remove"] = Field(
        default="flag",
        description='"flag" keeps a deleted record\'s row and sets its `_deleted`; "remove" '
        "deletes the row.",
    )
    late_commit_margin_s: int = Field(
        default=LATE_COMMIT_MARGIN_S,
        ge=0,
        description="Seconds by which a commit may come later than its SystemModstamp: a window "
        "isn't read sooner after its end, and is read from that long before its start.",
    )
    history: bool = Field(
        default=False,
        description="Keep every version of a record in `<object>_history`, made of change events: "
        "a `SalesforceEvents` must follow the object. Not together with `transform`.",
    )
    description: str | None = Field(default=None, description="Shown on the table's page, first.")
    group: str | None = Field(
        default=None, description="Dagster group of this object's assets, if not the sync's."
    )
    owners: list[str] = Field(default=[], description='E-mail addresses or "team:name".')
    tags: Tags = Field(default={}, description="Dagster tags of the object's assets.")

    @field_validator("mask")
    @classmethod
    def _id_stays(cls, names: list[str]) -> list[str]:
        if any(name.lower() in ("id", "systemmodstamp", "isdeleted") for name in names):
            raise ValueError(
                "Id, SystemModstamp and IsDeleted can't be masked: the merge needs them"
            )
        return names

    def spec(self, name: str) -> ObjectSpec:
        """The same as the factories understand it."""
        partitions = self.partitions
        return ObjectSpec(
            name=name,
            fields=tuple(self.fields),
            exclude=tuple(self.exclude),
            where=self.where,
            mask=tuple(self.mask),
            transform=self.transform,
            partitions=PartitionSpec(partitions.every, partitions.start) if partitions else None,
            numbers=self.numbers,
            deletes=self.deletes,
            late_commit_margin_s=self.late_commit_margin_s,
            history=self.history,
            group=self.group,
            owners=tuple(self.owners),
            tags=dict(self.tags),
            description=self.description,
        )


@scaffold_with(SyncScaffolder)
class SalesforceSync(StrictComponent):
    """Salesforce objects that are kept in step with tables of a warehouse."""

    name: ResourceName | None = Field(
        default=None,
        description="What commands, jobs and the schedule call the sync; by default its folder, "
        "with `_` for what isn't a letter or digit.",
    )
    org: str = Field(default="salesforce", description="A SalesforceConnection's name.")
    warehouse: str = Field(default="default", description="A WarehouseConnection's name.")
    schema_: str | None = Field(
        default=None, alias="schema", description="Schema of the tables, by default the org's name."
    )
    naming: Literal["fivetran", "api"] = Field(
        default="fivetran",
        description='Names of tables and columns: "fivetran" is snake_case as Fivetran writes it, '
        '"api" keeps Salesforce\'s.',
    )
    schedule: Cron | None = Field(
        default=None,
        description='Cron expression such as "0 2 * * *": when windows of the last thirty that are '
        "missing or failed are run, and whole objects read. Switch the schedule on in Dagster.",
    )
    timezone: TimeZone = Field(default="UTC", description="Time zone of the schedule.")
    group: str | None = Field(
        default=None, description="Dagster group of all objects; by default the sync's name."
    )
    objects: dict[ObjectName, SyncedObject] = Field(
        min_length=1, description="What to read, by the object's API name."
    )

    @field_validator("objects")
    @classmethod
    def _one_table_each(cls, objects: dict[str, SyncedObject]) -> dict[str, SyncedObject]:
        tables: dict[str, str] = {}
        for name in objects:
            other = tables.setdefault(warehouse_name(name), name)
            if other != name:
                raise ValueError(f"{other} and {name} would both be {warehouse_name(name)}")
        return objects

    def get_asset_spec(self, props: SalesforceObjectProps) -> dg.AssetSpec:
        """What Dagster shows of one stage of one object; override to show something else."""
        return SalesforceTranslator().get_asset_spec(props)

    def specs(self) -> list[ObjectSpec]:
        """The objects, in the order of the file."""
        return [one.spec(name) for name, one in self.objects.items()]

    def sync(self) -> SyncSpec:
        """Where the objects come from and go to."""
        return SyncSpec(
            name=self.name or self.named_after_folder(self.org),
            org=self.org,
            warehouse=self.warehouse,
            schema=self.schema_ or self.org,
            naming=self.naming,
            group=self.group,
        )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Assets, checks, job and schedule of the sync.

        Raises:
            ConfigurationError: A connection isn't declared.
        """
        self._check_connections(context)
        self._check_other_syncs(context)
        self._check_histories(context)
        specs = self.specs()
        sync = replace(self.sync(), warehouse_kind=self._warehouse_kind(context))
        assets = inbound_assets(sync, specs, self.get_asset_spec)
        jobs = sync_jobs(sync, specs)
        schedules = []
        if self.schedule:
            schedules.append(nightly_schedule(sync, specs, self.schedule, self.timezone))
        return dg.Definitions(assets=assets, jobs=jobs, schedules=schedules)

    def _warehouse_kind(self, context: dg.ComponentLoadContext) -> str:
        connections = context.component_tree.get_all_components(WarehouseConnection)
        return next(one.kind for one in connections if one.name == self.warehouse)

    def _check_connections(self, context: dg.ComponentLoadContext) -> None:
        named = [
            (["org"], "SalesforceConnection", self.org),
            (["warehouse"], "WarehouseConnection", self.warehouse),
        ]
        unknown = unknown_connections(context.component_tree, named)
        mistakes = [self.mistake(path, problem, meant) for path, problem, meant in unknown]
        if mistakes:
            raise ConfigurationError(mistakes)

    def _check_histories(self, context: dg.ComponentLoadContext) -> None:
        """A history is made of events, which tell values as they are in the org."""
        mistakes = []
        for name, one in self.objects.items():
            path = ["objects", name, "history"]
            if one.history and one.transform:
                problem = "a history holds what events tell, which `transform` doesn't see"
                mistakes.append(self.mistake(path, problem))
            elif one.history and not is_followed(context.component_tree, self.org, name):
                problem = f"no SalesforceEvents of {self.org} follows {name}"
                mistakes.append(self.mistake(path, f"{problem}: versions come by its events"))
        if mistakes:
            raise ConfigurationError(mistakes)

    def _check_other_syncs(self, context: dg.ComponentLoadContext) -> None:
        """An object has one set of assets per org; the first sync in the project has them."""
        mine = {warehouse_name(name): name for name in self.objects}
        mistakes = []
        for other in context.component_tree.get_all_components(SalesforceSync):
            if other is self:
                break
            if other.org != self.org:
                continue
            for name in other.objects:
                if warehouse_name(name) in mine:
                    where = f"{name} is in the sync {other.sync().name}, too"
                    path = ["objects", mine[warehouse_name(name)]]
                    mistakes.append(self.mistake(path, f"{where}; an org's object has one table"))
        if mistakes:
            raise ConfigurationError(mistakes)
