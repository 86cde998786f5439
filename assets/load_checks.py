"""What must hold after a load, as a Dagster asset check."""

import dagster as dg

from assets.load_run import Sent
from assets.load_spec import LoadSpec

ALL_ACCOUNTED_FOR = "every_row_has_one_outcome"


def load_check_spec(spec: LoadSpec) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        ALL_ACCOUNTED_FOR,
        asset=spec.load_key,
        blocking=True,
        description="As many rows are accepted, failed or unprocessed as outbound left.",
    )


def all_accounted_for(spec: LoadSpec, sent: Sent) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=spec.load_key,
        check_name=ALL_ACCOUNTED_FOR,
        passed=sent.counts.rows == sent.rows,
        metadata={"rows": sent.rows, "with_outcome": sent.counts.rows},
    )
