"""What became of an object's last windows, as Dagster's instance knows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import dagster as dg
from dagster._core.storage.partition_status_cache import AssetPartitionStatus

from assets.keys import object_keys
from assets.partitions import partitions_definition
from assets.specs import ObjectSpec, SyncSpec
from pipelines.schedules.schedule_plan import Status, WindowStatus

_STATUS: dict[AssetPartitionStatus | None, Status] = {
    None: "missing",
    AssetPartitionStatus.MATERIALIZED: "done",
    AssetPartitionStatus.FAILED: "failed",
    AssetPartitionStatus.IN_PROGRESS: "in_flight",
}


def window_keys(spec: ObjectSpec, now: datetime, back: int | None = None) -> list[str]:
    """Partition keys whose windows may be read at ``now``, oldest first, the last ``back``."""
    if spec.partitions is None:
        return []
    # A window is ready when commits that are late by the margin have arrived.
    ready = now - timedelta(seconds=spec.late_commit_margin_s)
    keys = list(partitions_definition(spec.partitions).get_partition_keys(current_time=ready))
    return keys[-back:] if back else keys


def window_statuses(
    instance: dg.DagsterInstance, sync: SyncSpec, spec: ObjectSpec, keys: Sequence[str]
) -> list[WindowStatus]:
    """The state of each window, by what became of the table."""
    if spec.partitions is None or not keys:
        return []
    statuses = instance.get_status_by_partition(
        asset_key=object_keys(sync, spec).table,
        partition_keys=list(keys),
        partitions_def=partitions_definition(spec.partitions),
    )
    known = statuses or {}
    return [WindowStatus(key, _STATUS[known.get(key)]) for key in keys]
