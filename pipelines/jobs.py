"""Jobs that start the objects of a sync, or a load, by hand."""

from collections import defaultdict
from collections.abc import Collection, Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets.keys import object_keys
from assets.load_spec import LoadSpec
from assets.specs import ObjectSpec, PartitionSpec, SyncSpec
from pipelines.run_tags import LOAD

_OFTEN = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly"}


def sync_jobs(sync: SyncSpec, specs: Sequence[ObjectSpec]) -> list[UnresolvedAssetJobDefinition]:
    """One job per kind of window, because a Dagster job has one partitioning."""
    by_windows: dict[PartitionSpec | None, list[ObjectSpec]] = defaultdict(list)
    for spec in specs:
        by_windows[spec.partitions].append(spec)
    return [
        dg.define_asset_job(
            name=job_name(sync, windows, list(by_windows)),
            selection=dg.AssetSelection.assets(
                *(key for spec in group for key in object_keys(sync, spec).stages)
            ),
            description=f"{', '.join(spec.name for spec in group)} of {sync.name}.",
        )
        for windows, group in by_windows.items()
    ]


def job_name(
    sync: SyncSpec, windows: PartitionSpec | None, all_windows: Sequence[PartitionSpec | None]
) -> str:
    """`crm_daily`, `crm_whole`; with the start in it when two kinds differ by that alone."""
    if windows is None:
        return f"{sync.name}_whole"
    name = f"{sync.name}_{_OFTEN[windows.every]}"
    alike = [one for one in all_windows if one and one.every == windows.every]
    return f"{name}_{windows.start:%Y%m%d}" if len(alike) > 1 else name


def load_job(spec: LoadSpec) -> UnresolvedAssetJobDefinition:
    """Both stages of a load."""
    return dg.define_asset_job(
        name=load_job_name(spec.name),
        selection=dg.AssetSelection.assets(spec.outbound_key, spec.load_key),
        tags={LOAD: spec.name},
        description=f"Sends what changed to {spec.object} of {spec.org}.",
    )


def load_job_name(load: str) -> str:
    """What the job of a load is called."""
    return f"{load}_load"


def job_to_start(name: str, loads: Collection[str]) -> str:
    """The job that is meant by a name: a load's stands for its job."""
    return load_job_name(name) if name in loads else name
