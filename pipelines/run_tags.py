"""The job of our runs, and the tags by which they are found again."""

from collections.abc import Sequence

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

from assets.failures import NOT_BEFORE, ORG
from pipelines.schedules.schedule_plan import KeyRange

# Dagster's job of all assets: one job has one partitioning, and a sync may have several.
ALL_ASSETS_JOB = "__ASSET_JOB"

SYNC = "tidegate/sync"
LOAD = "tidegate/load"
LISTENER = "tidegate/listener"
RANGE = "tidegate/range"

# Runs of the last weeks; a range is asked for once a night.
_RUNS_BACK = 200

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def range_tags(sync_name: str, key_range: KeyRange) -> dict[str, str]:
    """What makes a run read a range of windows in one query."""
    return {
        SYNC: sync_name,
        RANGE: str(key_range),
        ASSET_PARTITION_RANGE_START_TAG: key_range.first,
        ASSET_PARTITION_RANGE_END_TAG: key_range.last,
    }


def runs_of(instance: dg.DagsterInstance, tags: dict[str, str]) -> Sequence[dg.DagsterRun]:
    """The newest runs with these tags."""
    return instance.get_runs(dg.RunsFilter(tags=tags), limit=_RUNS_BACK)


def not_before_of(instance: dg.DagsterInstance, org: str) -> list[str]:
    """Until when runs of this org were deferred."""
    runs = runs_of(instance, {ORG: org})
    return [run.tags[NOT_BEFORE] for run in runs if NOT_BEFORE in run.tags]
