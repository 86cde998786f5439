"""What Dagster shows of each stage of an object; override it to show something else."""

from dataclasses import dataclass
from typing import Literal

import dagster as dg

from assets.keys import ObjectKeys, object_keys
from assets.specs import ObjectSpec, SyncSpec

Stage = Literal["org", "extract", "transform", "table"]

_WHAT = {
    "org": "{object} in the Salesforce org, as the connection {org} sees it. Not run here.",
    "extract": "Stage 1 of 3, extract: result pages of {object} as Salesforce sent them, in the "
    "landing store. The only stage that asks Salesforce for records; to read windows anew, select "
    "all three stages of {object}.",
    "transform": "Stage 2 of 3, transform: typed frames of {object}, pruned, renamed and masked. "
    "Alone it makes them again of the pages that extract landed last, and asks Salesforce nothing.",
    "table": "Stage 3 of 3, table: one row per {object}; of two versions the newer one stays. "
    "Alone it merges the frames that transform made last, and asks Salesforce nothing; to read "
    "windows anew, select all three stages.",
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
        what = _WHAT[props.stage].format(object=spec.name, org=sync.org)
        if props.stage == "table" and spec.description:
            what = f"{spec.description}\n\n{what}"
        key, deps, kinds = {
            "org": (keys.org, [], {"salesforce"}),
            "extract": (keys.extract, [keys.org], {"extract", "salesforce"}),
            "transform": (keys.transform, [keys.extract], {"transform", "arrow"}),
            "table": (keys.table, [keys.transform], {"table", sync.warehouse_kind}),
        }[props.stage]
        return dg.AssetSpec(
            key=key,
            deps=deps,
            description=what,
            group_name=spec.group or sync.group or sync.name,
            owners=list(spec.owners),
            tags=spec.tags,
            kinds=kinds,
        )
