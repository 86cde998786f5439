"""Dagster's asset that sends a load's rows to the org, and knows what became of each."""

import time
from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.failures import translated
from assets.landing_sweep import sweep_after
from assets.load_checks import all_accounted_for, load_check_spec
from assets.load_metadata import load_metadata
from assets.load_parts import PART_ROWS
from assets.load_plan import too_many_failed
from assets.load_run import LoadPlaces, Sent, send
from assets.load_spec import LoadSpec
from assets.load_translator import SalesforceLoadProps, TranslateLoad, default_load_spec
from assets.newest_manifests import newest_manifests, still_kept
from assets.run_ids import run_ids
from resources.landing.resource import LandingResource
from resources.salesforce.client import SalesforceClient
from resources.salesforce.resource import SalesforceResource
from resources.warehouse.resource import WarehouseResource


def load_asset(
    spec: LoadSpec,
    translate: TranslateLoad = default_load_spec,
    part_rows: int = PART_ROWS,
) -> dg.AssetsDefinition:
    """``load/<load>``: sends what outbound left last, once.

    When more rows aren't accepted than ``fail_above`` allows, the step fails after all outcomes
    were recorded, with the same metadata.

    Args:
        part_rows: Most rows of one bulk job.
    """

    @dg.multi_asset(
        name=spec.load_step,
        specs=[translate(SalesforceLoadProps(spec, "load"))],
        check_specs=[load_check_spec(spec)],
        pool=spec.pool,
        required_resource_keys={spec.org_resource, spec.warehouse_resource, "landing"},
    )
    def load(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        org: SalesforceResource = getattr(context.resources, spec.org_resource)
        connection: WarehouseResource = getattr(context.resources, spec.warehouse_resource)
        landing: LandingResource = context.resources.landing
        with translated(context, spec), org.connect() as client:
            begun_s = time.monotonic()
            places = LoadPlaces(landing.open(), connection.connect(context.log.warning), client)
            [manifest_id] = newest_manifests(
                context.instance, spec.outbound_key, [], "load sends the rows that outbound left"
            )
            with still_kept(spec.outbound_key, landing.keep_days):
                sent = send(
                    spec, places, manifest_id, run_ids(context), context.log.info, part_rows
                )
            seconds = time.monotonic() - begun_s
            sweep_after(context, landing)
            _fail_if_too_many(spec, client, sent, seconds)
            yield dg.MaterializeResult(
                asset_key=spec.load_key,
                metadata=load_metadata(spec, client, sent, seconds, "done"),
                check_results=[all_accounted_for(spec, sent)],
            )

    return load


def _fail_if_too_many(spec: LoadSpec, client: SalesforceClient, sent: Sent, seconds: float) -> None:
    counts = sent.counts
    not_accepted = counts.failed + counts.unprocessed
    if not too_many_failed(not_accepted, counts.rows, spec.fail_above):
        return
    codes = ", ".join(
        f"{number:,} {code or 'without a code'}" for code, number in counts.by_error_code.items()
    )
    raise dg.Failure(
        description=f"{not_accepted:,} of {counts.rows:,} rows weren't accepted ({codes}), and "
        f"`fail_above` allows a share of {spec.fail_above:g}. They are kept with their values in "
        "_tidegate.load_outcomes. Mend what the errors say, then send them again: "
        f"python -m pipelines load {spec.name} --replay all",
        metadata=load_metadata(spec, client, sent, seconds, "failed"),
        allow_retries=False,
    )
