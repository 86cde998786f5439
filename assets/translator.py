"""What Dagster shows of each stage of an object; override it to show something else."""

from dataclasses import dataclass
from typing import Literal

import dagster as dg

from assets.keys import ObjectKeys, object_keys
from assets.specs import ObjectSpec, SyncSpec

Stage = Literal["org", "extract", "transform", "table"]

_WHAT = {
    "org": "{object} in the Salesforce org, as {connection} sees it.",
    "extract": "Result pages of {object} as Salesforce sent them, in the landing store.",
    "transform": "Typed Arrow frames of {object}, pruned, renamed and masked.",
    "table": "The table of {object}: one row per Id, the newest image wins.",
}


@dataclass(frozen=True)
class SalesforceObjectProps:
    """One stage of one object, for a translator to look at."""

    sync: SyncSpec
    spec: ObjectSpec
    stage: Stage

    @property
    def keys(self) -> ObjectKeys:
        return object_keys(self.sync, self.spec)


class SalesforceTranslator:
    """Turns an object of a sync into asset specs."""

    def get_asset_spec(self, props: SalesforceObjectProps) -> dg.AssetSpec:
        """The spec of one stage. The key and deps decide what depends on what; keep them."""
        sync, spec, keys = props.sync, props.spec, props.keys
        what = _WHAT[props.stage].format(object=spec.name, connection=sync.org)
        described = props.stage == "table" and spec.description
        key, deps, kinds = {
            "org": (keys.org, [], {"salesforce"}),
            "extract": (keys.extract, [keys.org], {"salesforce"}),
            "transform": (keys.transform, [keys.extract], {"arrow"}),
            "table": (keys.table, [keys.transform], {sync.warehouse_kind}),
        }[props.stage]
        return dg.AssetSpec(
            key=key,
            deps=deps,
            description=spec.description if described else what,
            group_name=spec.group or sync.group,
            owners=list(spec.owners),
            tags=spec.tags,
            kinds=kinds,
        )
