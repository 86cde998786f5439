"""The asset keys of one object, as users and other projects name them."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from assets.naming import warehouse_name
from assets.specs import ObjectSpec, SyncSpec


@dataclass(frozen=True)
class ObjectKeys:
    """One key per stage, below the object itself in the org."""

    org: dg.AssetKey
    extract: dg.AssetKey
    transform: dg.AssetKey
    table: dg.AssetKey

    @property
    def stages(self) -> tuple[dg.AssetKey, dg.AssetKey, dg.AssetKey]:
        return (self.extract, self.transform, self.table)


def object_keys(sync: SyncSpec, spec: ObjectSpec) -> ObjectKeys:
    """The table's key is [schema, table], which is also where dbt looks for its sources."""
    name = warehouse_name(spec.name)
    return ObjectKeys(
        org=dg.AssetKey(["org", sync.org, spec.name]),
        extract=dg.AssetKey(["extract", sync.org, name]),
        transform=dg.AssetKey(["transform", sync.org, name]),
        table=dg.AssetKey([sync.schema, warehouse_name(spec.name, sync.naming)]),
    )


def changes_key(sync: SyncSpec, spec: ObjectSpec) -> dg.AssetKey:
    """The asset that follows the object's change events."""
    return dg.AssetKey(["changes", sync.org, warehouse_name(spec.name)])


def step_name(sync: SyncSpec, spec: ObjectSpec) -> str:
    """The name of the step that runs an object's stages."""
    return f"{sync.org}__{warehouse_name(spec.name)}"
