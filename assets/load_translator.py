"""What Dagster shows of each stage of a load; override it to show something else."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import dagster as dg

from assets.load_spec import LoadSpec

LoadStage = Literal["outbound", "load", "org"]

# Which object in the org a load writes to; the project's definitions draw the arrow from it.
WRITES_TO = "tidegate/writes_to"

_WHAT = {
    "outbound": "Stage 1 of 2, outbound: the rows that the load {name} has to send, mapped to "
    "fields of {object}, checked against what the org describes, without those that the org has "
    "accepted as they are. Nothing is sent here.",
    "load": "Stage 2 of 2, load: sends what outbound worked out last to {object} ({operation}), "
    "and keeps the outcome of each row in _tidegate.load_outcomes. Alone it sends nothing twice.",
    "org": "{object} in the Salesforce org, as the connection {org} sees it. Not run here.",
}


@dataclass(frozen=True)
class SalesforceLoadProps:
    """One stage of a load, for a translator to look at."""

    spec: LoadSpec
    stage: LoadStage


class SalesforceLoadTranslator:
    """Turns a load into asset specs."""

    def get_asset_spec(self, props: SalesforceLoadProps) -> dg.AssetSpec:
        """The spec of one stage. The key and deps decide what depends on what; keep them."""
        spec = props.spec
        what = _WHAT[props.stage].format(
            name=spec.name, object=spec.object, operation=spec.operation, org=spec.org
        )
        if props.stage == "load" and spec.description:
            what = f"{spec.description}\n\n{what}"
        key, deps, kinds = {
            "outbound": (spec.outbound_key, _sources(spec), {"outbound", "arrow"}),
            "load": (spec.load_key, _before(spec), {"load", "salesforce"}),
            "org": (spec.org_key, [], {"salesforce"}),
        }[props.stage]
        return dg.AssetSpec(
            key=key,
            deps=deps,
            description=what,
            group_name=spec.group or spec.name,
            owners=list(spec.owners),
            tags=spec.tags,
            kinds=kinds,
            metadata={WRITES_TO: spec.org_key.to_user_string()} if props.stage == "load" else {},
        )


TranslateLoad = Callable[[SalesforceLoadProps], dg.AssetSpec]
default_load_spec = SalesforceLoadTranslator().get_asset_spec


def _sources(spec: LoadSpec) -> list[dg.AssetKey]:
    """What the rows are computed from."""
    named = [spec.asset] if spec.asset else []
    return [dg.AssetKey(list(parts)) for parts in dict.fromkeys([*named, *spec.deps])]


def _before(spec: LoadSpec) -> list[dg.AssetKey]:
    """Parents must be in the org before children that refer to them."""
    return [spec.outbound_key, *(dg.AssetKey(["load", name]) for name in spec.order_after)]
