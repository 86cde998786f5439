"""Rows of a warehouse that flow into an org, as a user writes them down in YAML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import dagster as dg
from dagster.components.scaffold.scaffold import scaffold_with
from pydantic import BeforeValidator, Field

from assets.load import load_asset
from assets.load_spec import SMALL_LOAD_ROWS, InboundTable, LoadedField, LoadSpec
from assets.load_translator import SalesforceLoadProps, SalesforceLoadTranslator
from assets.outbound import outbound_asset
from assets.spelling import nearest
from pipelines.components.configuration import StrictComponent, StrictModel
from pipelines.components.connection_names import unknown_connections
from pipelines.components.errors import ConfigurationError, Mistake
from pipelines.components.load_rules import broken_rules, order_after_problem
from pipelines.components.salesforce_sync import SalesforceSync
from pipelines.components.scaffolding import LoadScaffolder
from pipelines.components.setting_types import (
    AssetKeyParts,
    ColumnName,
    Cron,
    NameList,
    ObjectName,
    ResourceName,
    Tags,
    TimeZone,
)
from pipelines.jobs import load_job
from pipelines.schedules.loads import load_schedule


class LoadSource(StrictModel):
    """Where the rows come from: a query, or the table of an asset."""

    warehouse: str = Field(default="default", description="A WarehouseConnection's name.")
    sql: str | None = Field(
        default=None,
        description="File with one SELECT, beside this one: its columns are what `fields` maps.",
    )
    asset: AssetKeyParts | None = Field(
        default=None,
        description="Key of an asset, such as [salesforce, account], instead of `sql`: its table "
        "is read, without rows that are flagged as deleted.",
    )
    deps: list[AssetKeyParts] = Field(
        default=[],
        description="Keys of the assets that the query reads, so that Dagster knows the order; "
        "each a list, or text such as erp/orders.",
    )


class LoadedColumn(StrictModel):
    """A column of the query, and what its nulls mean."""

    column: str = Field(min_length=1, description="The query's column.")
    nulls: Literal["leave", "clear"] | None = Field(
        default=None, description="What a null means for this field, if not what the load says."
    )


def _column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


MappedColumn = Annotated[
    LoadedColumn, BeforeValidator(_column, json_schema_input_type=str | LoadedColumn)
]


@scaffold_with(LoadScaffolder)
class SalesforceLoad(StrictComponent):
    """Rows of a warehouse that are sent to an object of an org, the changed ones each time."""

    name: ResourceName | None = Field(
        default=None,
        description="What commands, jobs and keys call the load; by default its folder, with `_` "
        "for what isn't a letter or digit.",
    )
    org: str = Field(default="salesforce", description="A SalesforceConnection's name.")
    source: LoadSource = Field(description="Where the rows come from.")
    object: ObjectName = Field(description="API name of the object that is written.")
    operation: Literal["insert", "update", "upsert", "delete", "hard_delete"] = Field(
        default="upsert",
        description="`upsert` finds records by `external_id`, `update` and the deletes by Id.",
    )
    external_id: str | None = Field(
        default=None,
        description="Field by which a record is known, one of `fields`. For an insert it names "
        "the rows in outcomes; without it they are named by their content.",
    )
    fields: dict[ColumnName, MappedColumn] = Field(
        min_length=1,
        description="Salesforce field to the query's column. A parent is found by its external id "
        "(`Account__r.ERP_Id__c`), with its object where there may be several "
        "(`Lead:Who.Email`).",
    )
    nulls: Literal["leave", "clear"] = Field(
        default="leave",
        description='What a null of the query means: "leave" doesn\'t touch the field, "clear" '
        "empties it.",
    )
    send: Literal["changed", "all"] = Field(
        default="changed",
        description='"changed" sends rows that the org hasn\'t accepted as they are now; "all" '
        "sends every row each time.",
    )
    drift: Literal["report", "overwrite", "ignore"] = Field(
        default="report",
        description="When someone changed a mapped field in Salesforce since it was sent, as the "
        'object\'s table in the same warehouse shows: "report" counts such rows, "overwrite" '
        'sends them again, "ignore" doesn\'t look.',
    )
    fail_above: float = Field(
        default=0,
        ge=0,
        le=1,
        description="Share of rows that may fail before the run counts as failed; 0: none may.",
    )
    order_after: NameList = Field(
        default=[], description="Loads that come first, such as those of the parents."
    )
    small_load_rows: int = Field(
        default=SMALL_LOAD_ROWS,
        ge=0,
        description="Fewer rows than these go by sObject Collections, 200 a call, instead of a "
        "bulk job; inserts and deletes never do.",
    )
    assignment_rule_id: str | None = Field(
        default=None,
        pattern=r"^[a-zA-Z0-9]{15}([a-zA-Z0-9]{3})?$",
        description="Assignment rule for cases and leads; such a load always is a bulk job.",
    )
    schedule: Cron | None = Field(
        default=None,
        description='Cron expression such as "30 3 * * *". Switch the schedule on in Dagster.',
    )
    timezone: TimeZone = Field(default="UTC", description="Time zone of the schedule.")
    group: str | None = Field(default=None, description="Dagster group, by default the name.")
    owners: list[str] = Field(default=[], description='E-mail addresses or "team:name".')
    tags: Tags = Field(default={}, description="Dagster tags of the load's assets.")
    description: str | None = Field(default=None, description="Shown on the load's page, first.")

    def get_asset_spec(self, props: SalesforceLoadProps) -> dg.AssetSpec:
        """What Dagster shows of one stage; override to show something else."""
        return SalesforceLoadTranslator().get_asset_spec(props)

    @property
    def load_name(self) -> str:
        return self.name or self.named_after_folder(self.object.lower())

    def spec(self) -> LoadSpec:
        """The same as the factories understand it.

        Raises:
            ConfigurationError: The file of the query isn't there.
        """
        return LoadSpec(
            name=self.load_name,
            org=self.org,
            object=self.object,
            operation=self.operation,
            fields=tuple(
                LoadedField(name, one.column, one.nulls or self.nulls)
                for name, one in self.fields.items()
            ),
            external_id=self.external_id,
            warehouse=self.source.warehouse,
            sql=self._sql(),
            asset=tuple(self.source.asset) if self.source.asset else None,
            deps=tuple(tuple(key) for key in self.source.deps),
            order_after=tuple(self.order_after),
            send=self.send,
            drift=self.drift,
            fail_above=self.fail_above,
            small_load_rows=self.small_load_rows,
            assignment_rule_id=self.assignment_rule_id,
            group=self.group,
            owners=tuple(self.owners),
            tags=dict(self.tags),
            description=self.description,
        )

    def spec_among(self, tree: dg.ComponentTree) -> LoadSpec:
        """The spec with the tables of this org that the same warehouse holds."""
        return replace(self.spec(), inbound=tuple(self._inbound(tree)))

    def _inbound(self, tree: dg.ComponentTree) -> Iterator[InboundTable]:
        for component in tree.get_all_components(SalesforceSync):
            sync = component.sync()
            if (sync.org, sync.warehouse) == (self.org, self.source.warehouse):
                for name, one in component.objects.items():
                    yield InboundTable(name, sync.schema, sync.naming, tuple(one.mask))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Assets, job and schedule of the load.

        Raises:
            ConfigurationError: A setting contradicts another, or names what isn't there.
        """
        spec = self.spec_among(context.component_tree)
        mistakes = [*self._own_mistakes(spec), *self._mistakes_among_others(context)]
        if mistakes:
            raise ConfigurationError(mistakes)
        assets: list[dg.AssetsDefinition | dg.AssetSpec] = [
            outbound_asset(spec, self.get_asset_spec),
            load_asset(spec, self.get_asset_spec),
        ]
        if self._shows_object(context):
            assets.append(self.get_asset_spec(SalesforceLoadProps(spec, "org")))
        schedules = []
        if self.schedule:
            schedules.append(load_schedule(spec, self.schedule, self.timezone))
        return dg.Definitions(assets=assets, jobs=[load_job(spec)], schedules=schedules)

    # ---- what may be wrong

    def _own_mistakes(self, spec: LoadSpec) -> Iterator[Mistake]:
        for broken in broken_rules(spec):
            yield self.mistake(list(broken.path), broken.problem, broken.meant)

    def _mistakes_among_others(self, context: dg.ComponentLoadContext) -> Iterator[Mistake]:
        tree = context.component_tree
        named = [
            (["org"], "SalesforceConnection", self.org),
            (["source", "warehouse"], "WarehouseConnection", self.source.warehouse),
        ]
        for path, problem, meant in unknown_connections(tree, named):
            yield self.mistake(path, problem, meant)
        loads = tree.get_all_components(SalesforceLoad)
        earlier = loads[: next(i for i, one in enumerate(loads) if one is self)]
        if self.load_name in [one.load_name for one in earlier]:
            yield self.mistake(["name"], f"{self.load_name!r} is the name of another load, too")
        order = {one.load_name: list(one.order_after) for one in loads}
        found = order_after_problem(self.load_name, order)
        if found:
            yield self.mistake(["order_after"], *found)

    def _sql(self) -> str | None:
        if self.source.sql is None:
            return None
        folder = self._path or Path.cwd()
        file = folder / self.source.sql
        if not file.is_file():
            meant = nearest(self.source.sql, [one.name for one in folder.glob("*.sql")])
            problem = f"there is no file {self.source.sql} beside it"
            raise ConfigurationError([self.mistake(["source", "sql"], problem, meant)])
        text = file.read_text(encoding="utf-8").strip()
        if not text:
            problem = f"{self.source.sql} is empty: it holds one SELECT"
            raise ConfigurationError([self.mistake(["source", "sql"], problem)])
        return text

    def _shows_object(self, context: dg.ComponentLoadContext) -> bool:
        """Whether the object's external asset is ours: no sync, and no earlier load, has it."""
        tree = context.component_tree
        for sync in tree.get_all_components(SalesforceSync):
            if sync.org == self.org and self.object in sync.objects:
                return False
        for load in tree.get_all_components(SalesforceLoad):
            if load is self:
                return True
            if (load.org, load.object) == (self.org, self.object):
                return False
        return True
