"""Dagster's asset for what a load has to send."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.failures import translated
from assets.load_run import LoadPlaces, settle
from assets.load_spec import LoadSpec
from assets.load_translator import SalesforceLoadProps, TranslateLoad, default_load_spec
from assets.outbound_metadata import outbound_metadata
from assets.outbound_question import question
from assets.outbound_run import OutboundRows, Replay, leave_outbound
from assets.run_ids import run_ids
from resources.landing.resource import LandingResource
from resources.salesforce.resource import SalesforceResource
from resources.warehouse.resource import WarehouseResource

REPLAYED = ("failed", "unprocessed", "all")


class OutboundConfig(dg.Config):
    """What a run of outbound is asked for besides the changed rows."""

    replay: str | None = None
    """Only rows whose latest outcome is this one: failed, unprocessed, or all for both."""
    as_sent: bool = False
    """With ``replay``: the rows as they were sent, instead of as they would be computed now."""

    def chosen(self) -> Replay | None:
        """The replay, if it is one."""
        if self.replay is None:
            return None
        if self.replay not in REPLAYED:
            raise dg.Failure(
                f"`replay` is {self.replay!r}, and must be one of {', '.join(REPLAYED)}.",
                allow_retries=False,
            )
        return Replay(self.replay, self.as_sent)  # type: ignore[arg-type] # just checked


def outbound_asset(
    spec: LoadSpec, translate: TranslateLoad = default_load_spec
) -> dg.AssetsDefinition:
    """``outbound/<load>``: mapped, checked and compared rows in the landing store."""

    @dg.multi_asset(
        name=spec.outbound_step,
        specs=[translate(SalesforceLoadProps(spec, "outbound"))],
        pool=spec.pool,
        required_resource_keys={spec.org_resource, spec.warehouse_resource, "landing"},
    )
    def outbound(
        context: dg.AssetExecutionContext, config: OutboundConfig
    ) -> dg.MaterializeResult[Any]:
        org: SalesforceResource = getattr(context.resources, spec.org_resource)
        connection: WarehouseResource = getattr(context.resources, spec.warehouse_resource)
        landing: LandingResource = context.resources.landing
        replay = config.chosen()
        with translated(context, spec), org.connect() as client:
            warehouse = connection.connect(context.log.warning)
            places = LoadPlaces(landing.open(), warehouse, client)
            computed_since = datetime.now(UTC)
            settle(spec, places, run_ids(context), context.log.info)
            query = question(spec, context.instance, warehouse.table_columns)
            rows = OutboundRows(spec, warehouse, client, query)
            target = rows.check()
            for warning in target.warnings:
                context.log.warning(warning)
            found = leave_outbound(
                rows,
                target,
                places.store,
                client.org_id,
                replay,
                computed_since,
                lambda: client.api_calls,
            )
            for problem in found.problems:
                context.log.warning(problem)
            return dg.MaterializeResult(
                asset_key=spec.outbound_key, metadata=outbound_metadata(spec, client, found)
            )

    return outbound
