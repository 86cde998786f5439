"""What must hold after each stage, as Dagster asset checks."""

import dagster as dg

from assets.keys import ObjectKeys
from resources.landing.manifest import ExtractManifest
from resources.warehouse.adapter import KeyCounts, MergeResult

ROWS_LANDED = "rows_landed_are_rows_announced"
KEYS_UNIQUE = "keys_are_unique_and_not_null"
NO_ROW_OLDER = "no_row_is_older_than_what_it_replaced"


def check_specs(keys: ObjectKeys) -> list[dg.AssetCheckSpec]:
    """A failed check of the extract stops the stages after it."""
    return [
        dg.AssetCheckSpec(
            ROWS_LANDED,
            asset=keys.extract,
            blocking=True,
            description="As many rows lie in the landing store as Salesforce said there are.",
        ),
        dg.AssetCheckSpec(
            KEYS_UNIQUE,
            asset=keys.table,
            blocking=True,
            description="Each record has one row, and each row an Id.",
        ),
        dg.AssetCheckSpec(
            NO_ROW_OLDER,
            asset=keys.table,
            blocking=True,
            description="No row of the table is older than an image that this run brought.",
        ),
    ]


def rows_landed(keys: ObjectKeys, manifest: ExtractManifest) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=keys.extract,
        check_name=ROWS_LANDED,
        passed=manifest.rows == manifest.announced_rows,
        metadata={"landed": manifest.rows, "announced": manifest.announced_rows},
    )


def keys_unique(keys: ObjectKeys, counts: KeyCounts) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=keys.table,
        check_name=KEYS_UNIQUE,
        passed=counts.nulls == 0 and counts.duplicates == 0,
        metadata={"rows": counts.rows, "nulls": counts.nulls, "duplicates": counts.duplicates},
    )


def no_row_older(keys: ObjectKeys, results: list[MergeResult]) -> dg.AssetCheckResult:
    stale = sum(result.stale_rows for result in results)
    return dg.AssetCheckResult(
        asset_key=keys.table,
        check_name=NO_ROW_OLDER,
        passed=stale == 0,
        metadata={
            "older_rows": stale,
            "read_again": sum(result.reread for result in results),
        },
    )
