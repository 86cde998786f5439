"""Dagster's asset that appends the platform events of one kind to a table."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import dagster as dg

from assets.event_spec import EventSpec, EventTableSpec
from assets.event_table_metadata import event_table_metadata
from assets.event_table_run import EventPlaces, EventTableRun
from assets.failures import translated
from assets.landing_sweep import sweep_after
from assets.run_ids import run_ids
from resources.landing.resource import LandingResource
from resources.salesforce.resource import SalesforceResource
from resources.warehouse.resource import WarehouseResource

TranslateEvents = Callable[[EventTableSpec], dg.AssetSpec]

_WHAT = (
    "{event} as published, one row per event, from the inbox: each is appended to {table} once, "
    "however often it is delivered. Nothing is ever changed there. An org keeps platform events "
    "for 72 hours and can't be asked for them otherwise: what nobody took by then is lost for "
    "good, and the materialization says so."
)
_IN_THE_ORG = "The platform event {event} of the Salesforce org behind the connection {org}."


def default_event_table_spec(spec: EventTableSpec) -> dg.AssetSpec:
    """What Dagster shows of the asset. The key and deps decide what depends on what; keep them."""
    return dg.AssetSpec(
        key=spec.key,
        deps=[spec.of.org_key],
        description=_WHAT.format(event=spec.of.event, table=spec.table_name),
        group_name=spec.table.group,
        kinds={"salesforce", "table", spec.of.warehouse_kind},
    )


def event_in_org(spec: EventSpec, group: str | None) -> dg.AssetSpec:
    """The event itself, where its lineage begins."""
    return dg.AssetSpec(
        key=spec.org_key,
        description=_IN_THE_ORG.format(event=spec.event, org=spec.org),
        group_name=group,
        kinds={"salesforce"},
    )


def event_table_asset(
    spec: EventTableSpec, translate: TranslateEvents = default_event_table_spec
) -> dg.AssetsDefinition:
    """``events/<org>/<table>``: appends what lies in the inbox, and drains nothing itself."""

    @dg.multi_asset(
        name=spec.step,
        specs=[translate(spec)],
        required_resource_keys={spec.of.org_resource, spec.of.warehouse_resource, "landing"},
    )
    def events(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        with translated(context, spec), _places(context, spec) as places:
            run = EventTableRun(spec, places, run_ids(context).run_id, context.log.warning)
            appended = run.apply()
            sweep_after(context, context.resources.landing)
            rows = places.warehouse.row_count(spec.table.schema, spec.table.name)
            yield dg.MaterializeResult(
                asset_key=spec.key,
                metadata=event_table_metadata(spec, places.client, appended, rows),
            )

    return events


@contextmanager
def _places(context: dg.AssetExecutionContext, spec: EventTableSpec) -> Iterator[EventPlaces]:
    org: SalesforceResource = getattr(context.resources, spec.of.org_resource)
    warehouse: WarehouseResource = getattr(context.resources, spec.of.warehouse_resource)
    landing: LandingResource = context.resources.landing
    with ExitStack() as stack:
        client = stack.enter_context(org.connect())
        yield EventPlaces(
            client=client,
            store=landing.open(),
            warehouse=warehouse.connect(context.log.warning),
            fetch_schema=lambda schema_id: stack.enter_context(org.events(client)).schema_json(
                schema_id
            ),
        )
