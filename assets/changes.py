"""Dagster's asset that follows the change events of one object."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import dagster as dg

from assets.changes_metadata import changes_metadata
from assets.changes_run import ChangePlaces, ChangesRun
from assets.changes_spec import ChangesSpec
from assets.failures import translated
from assets.landing_sweep import sweep_after
from assets.mask_key import MaskKeyResource
from assets.run_ids import run_ids
from resources.landing.resource import LandingResource
from resources.salesforce.resource import SalesforceResource
from resources.warehouse.resource import WarehouseResource

TranslateChanges = Callable[[ChangesSpec], dg.AssetSpec]

_WHAT = (
    "Change events of {object} from the inbox: each is appended to {log}, and the records that "
    "they name are read anew into the object's table, in one transaction. It waits for no window "
    "and replaces none: what was never changed since events are followed comes by the sync."
)


def default_changes_spec(spec: ChangesSpec) -> dg.AssetSpec:
    """What Dagster shows of the asset. The key and deps decide what depends on what; keep them."""
    return dg.AssetSpec(
        key=spec.key,
        deps=[spec.org_key],
        description=_WHAT.format(
            object=spec.object.name, log=f"{spec.sync.schema}.{spec.log_table}"
        ),
        group_name=spec.object.group or spec.sync.group or spec.sync.name,
        owners=list(spec.object.owners),
        tags=spec.object.tags,
        kinds={"salesforce", "changes", spec.sync.warehouse_kind},
    )


def changes_asset(
    spec: ChangesSpec, translate: TranslateChanges = default_changes_spec
) -> dg.AssetsDefinition:
    """``changes/<org>/<object>``: applies what lies in the inbox, and drains nothing itself."""
    sync = spec.sync

    @dg.multi_asset(
        name=spec.step,
        specs=[translate(spec)],
        required_resource_keys={
            sync.org_resource,
            sync.warehouse_resource,
            "landing",
            "mask_key",
        },
    )
    def changes(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        with translated(context, sync), _places(context, spec) as places:
            applied = ChangesRun(spec, places, run_ids(context), context.log.info).apply()
            sweep_after(context, context.resources.landing)
            yield dg.MaterializeResult(
                asset_key=spec.key, metadata=changes_metadata(spec, places.client, applied)
            )

    return changes


@contextmanager
def _places(context: dg.AssetExecutionContext, spec: ChangesSpec) -> Iterator[ChangePlaces]:
    org: SalesforceResource = getattr(context.resources, spec.sync.org_resource)
    warehouse: WarehouseResource = getattr(context.resources, spec.sync.warehouse_resource)
    landing: LandingResource = context.resources.landing
    mask: MaskKeyResource = context.resources.mask_key
    with ExitStack() as stack:
        client = stack.enter_context(org.connect())
        yield ChangePlaces(
            client=client,
            store=landing.open(),
            warehouse=warehouse.connect(context.log.warning),
            fetch_schema=lambda schema_id: stack.enter_context(org.events(client)).schema_json(
                schema_id
            ),
            mask_key=mask.key,
        )
