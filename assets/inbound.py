"""Dagster's assets for the objects of a sync: one step per object, one key per stage."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from assets.checks import check_specs, keys_unique, no_row_older, rows_landed
from assets.failures import translated
from assets.keys import object_keys, step_name
from assets.object_run import ObjectRun
from assets.partitions import partitions_definition
from assets.specs import ObjectSpec, SyncSpec
from assets.stage_metadata import (
    API_CALLS,
    extract_metadata,
    table_metadata,
    table_partition_metadata,
    transform_metadata,
)
from assets.translator import SalesforceObjectProps, SalesforceTranslator

Translate = Callable[[SalesforceObjectProps], dg.AssetSpec]
default_spec = SalesforceTranslator().get_asset_spec


def inbound_assets(
    sync: SyncSpec,
    specs: Sequence[ObjectSpec],
    translate: Translate = default_spec,
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Per object: the object in the org, which is external, and the step that brings it in."""
    assets: list[dg.AssetsDefinition | dg.AssetSpec] = []
    for spec in specs:
        assets.append(translate(SalesforceObjectProps(sync, spec, "org")))
        assets.append(inbound_asset(sync, spec, translate))
    return assets


def inbound_asset(
    sync: SyncSpec,
    spec: ObjectSpec,
    translate: Translate = default_spec,
) -> dg.AssetsDefinition:
    """Extract, transform and table of one object; each can be run alone.

    A range of partitions is one run and one query.
    """
    keys = object_keys(sync, spec)
    definition = partitions_definition(spec.partitions) if spec.partitions else None
    stages = [
        translate(SalesforceObjectProps(sync, spec, stage))
        for stage in ("extract", "transform", "table")
    ]

    @dg.multi_asset(
        name=step_name(sync, spec),
        specs=stages,
        check_specs=check_specs(keys),
        can_subset=True,
        partitions_def=definition,
        backfill_policy=dg.BackfillPolicy.single_run() if definition else None,
        pool=sync.pool,
        required_resource_keys={
            sync.org_resource,
            sync.warehouse_resource,
            "landing",
            "mask_key",
        },
    )
    def bring_in(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        with translated(context, sync), ObjectRun(context, sync, spec) as run:
            yield from run_stages(context, run)
            run.sweep_landing()

    return bring_in


def run_stages(
    context: dg.AssetExecutionContext, run: ObjectRun
) -> Iterator[dg.MaterializeResult[Any]]:
    """The selected stages in order, each from what the one before left, now or earlier."""
    selected, keys = context.selected_asset_keys, run.keys
    extracted = transformed = None
    if keys.extract in selected:
        extracted = run.extract()
        _tell_windows(context, run, keys.extract, {})
        yield dg.MaterializeResult(
            asset_key=keys.extract,
            metadata=extract_metadata(run, extracted),
            check_results=[rows_landed(keys, extracted[-1].manifest)],
        )
    if keys.transform in selected:
        transformed = run.transform(extracted)
        _tell_windows(context, run, keys.transform, {})
        yield dg.MaterializeResult(
            asset_key=keys.transform, metadata=transform_metadata(run, transformed)
        )
    if keys.table in selected:
        merged = run.merge(transformed)
        table = merged[-1].transformed.shape.table
        counts = run.warehouse.key_counts(table.schema, table.name, table.key)
        _tell_windows(context, run, keys.table, table_partition_metadata(merged))
        yield dg.MaterializeResult(
            asset_key=keys.table,
            metadata=table_metadata(run, merged),
            check_results=[
                keys_unique(keys, counts),
                no_row_older(keys, [one.result for one in merged]),
            ],
        )


def _tell_windows(
    context: dg.AssetExecutionContext,
    run: ObjectRun,
    key: dg.AssetKey,
    by_partition: Mapping[str, Mapping[str, Any]],
) -> None:
    """Numbers of single windows; the run's calls are told once, with its first window."""
    for index, partition in enumerate(run.partition_keys):
        numbers = {API_CALLS: run.api_calls if index == 0 else 0}
        context.add_asset_metadata(
            {**numbers, **by_partition.get(partition, {})}, asset_key=key, partition_key=partition
        )
