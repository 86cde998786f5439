"""What each stage tells Dagster: numbers to plot, columns, lineage, and where to look further."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from assets import lineage
from assets.failures import STATUS
from assets.newest_manifests import MANIFEST
from assets.object_run import Extracted, Merged, ObjectRun, Transformed
from resources.salesforce.client import SalesforceClient
from resources.warehouse.adapter import MergeResult

Metadata = dict[str, Any]

JOB = "salesforce/job"
WINDOW = "salesforce/window"
API_CALLS = "salesforce/api_calls"
API_CALLS_LEFT = "salesforce/api_calls_left"
ROW_COUNT = "dagster/row_count"
PARTITION_ROW_COUNT = "dagster/partition_row_count"
# What the run did in all; beside it stand, in a range run, the numbers of one window.
RUN_NUMBERS = "tidegate/run"


def lag_s(client: SalesforceClient, newest: datetime) -> float:
    """How old the newest event is by the org's clock, in seconds."""
    return round((client.org_now() - newest).total_seconds(), 1)


def extract_metadata(run: ObjectRun, extracted: list[Extracted]) -> Metadata:
    one = extracted[-1]
    return {
        **_common(run, extracted),
        **lineage.extract_metadata(run.keys, one.landed),
        ROW_COUNT: sum(e.manifest.rows for e in extracted),
        "tidegate/bytes": sum(e.manifest.bytes for e in extracted),
        MANIFEST: one.manifest.manifest_id,
        "salesforce/query": one.manifest.query,
        "salesforce/api": one.manifest.api,
        **({"tidegate/doubts": list(one.manifest.doubts)} if one.manifest.doubts else {}),
    }


def transform_metadata(run: ObjectRun, transformed: list[Transformed]) -> Metadata:
    one = transformed[-1]
    files = [file for t in transformed for file in t.frames.files]
    return {
        **_common(run, [t.extracted for t in transformed]),
        **lineage.transform_metadata(run.keys, one.extracted.landed, one.shape),
        ROW_COUNT: sum(t.frames.rows for t in transformed),
        "tidegate/bytes": sum(file.bytes for file in files),
        MANIFEST: one.frames.frames_id,
    }


def table_metadata(run: ObjectRun, merged: list[Merged]) -> Metadata:
    one = merged[-1]
    results = [m.result for m in merged]
    table = one.transformed.shape.table
    return {
        **_common(run, [m.transformed.extracted for m in merged]),
        **lineage.table_metadata(run.keys, one.transformed.extracted.landed, one.transformed.shape),
        "dagster/table_name": f"{table.schema}.{table.name}",
        ROW_COUNT: results[-1].rows_in_table,
        **_outcomes(results),
        "tidegate/unchanged": sum(r.unchanged for r in results),
        "tidegate/read_again": sum(r.reread for r in results),
        "tidegate/bytes": sum(f.bytes for m in merged for f in m.transformed.frames.files),
        MANIFEST: one.transformed.frames.frames_id,
        RUN_NUMBERS: dg.MetadataValue.json(
            {
                "rows": results[-1].rows_in_table,
                **{name.removeprefix("tidegate/"): n for name, n in _outcomes(results).items()},
                "api_calls": run.api_calls,
            }
        ),
    }


def _outcomes(results: list[MergeResult]) -> dict[str, int]:
    return {
        "tidegate/inserted": sum(result.inserted for result in results),
        "tidegate/updated": sum(result.updated for result in results),
        "tidegate/deleted": sum(result.deleted for result in results),
    }


def table_partition_metadata(merged: list[Merged]) -> Mapping[str, Metadata]:
    """Rows by outcome of each window, by partition key."""
    by_partition: dict[str, Metadata] = {}
    for one in merged:
        windows = one.transformed.extracted.landed.windows
        for window, counts in zip(windows, one.result.windows, strict=True):
            by_partition[window.key] = {
                PARTITION_ROW_COUNT: counts.rows,
                "tidegate/inserted": counts.inserted,
                "tidegate/updated": counts.updated,
                "tidegate/deleted": counts.deleted,
            }
    return by_partition


def _common(run: ObjectRun, extracted: list[Extracted]) -> Metadata:
    manifest = extracted[-1].manifest
    metadata: Metadata = {
        STATUS: "done",
        WINDOW: _window(run, extracted),
        API_CALLS: run.api_calls,
    }
    if run.api_calls_left is not None:
        metadata[API_CALLS_LEFT] = run.api_calls_left
    if manifest.job_id and run.api_calls:
        metadata[JOB] = dg.MetadataValue.url(run.client.job_url(manifest.job_id))
    return metadata


def _window(run: ObjectRun, extracted: list[Extracted]) -> str:
    windows = [window for e in extracted for window in e.landed.windows]
    if not windows:
        return "everything"
    start = min(windows, key=lambda window: window.start)
    end = max(windows, key=lambda window: window.end)
    begin = "the beginning" if start.open_start else f"{start.start:%Y-%m-%dT%H:%MZ}"
    return f"{begin} to {end.end:%Y-%m-%dT%H:%MZ}"
