"""What a stage starts from when it is run alone: the newest manifests that Dagster knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg

from assets.errors import MissingInputError
from resources.landing.errors import MissingFileError

MANIFEST = "tidegate/manifest"


def newest_manifests(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition_keys: Sequence[str], what: str
) -> list[str]:
    """Manifest ids of the newest materializations of these windows, each once.

    Args:
        key: The stage before.
        partition_keys: The windows; none if the object is read whole.
        what: Which stage starts from what, for the error.

    Raises:
        MissingInputError: A window was never materialized.
    """
    found: dict[str, None] = {}
    partitions: list[str | None] = [*partition_keys] or [None]
    for partition in partitions:
        manifest_id = _newest_manifest(instance, key, partition)
        if manifest_id is None:
            where = f" for {partition}" if partition else ""
            reason = f"{what}, and there are none{where}"
            raise MissingInputError(key.to_user_string(), reason, "first")
        found[manifest_id] = None
    return list(found)


@contextmanager
def still_kept(extract: dg.AssetKey, keep_days: float) -> Iterator[None]:
    """Say how to get files back that were deleted by age.

    Raises:
        MissingInputError: A file isn't there that a manifest names.
    """
    try:
        yield
    except MissingFileError as error:
        raise MissingInputError(
            extract.to_user_string(),
            f"{error.path} was deleted from the landing store, which keeps files for "
            f"{keep_days:g} days",
            "and the stages after it",
        ) from error


def _newest_manifest(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None
) -> str | None:
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(key, asset_partitions=[partition] if partition else None), limit=1
    ).records
    if not records or records[0].asset_materialization is None:
        return None
    value = records[0].asset_materialization.metadata.get(MANIFEST)
    return str(value.value) if value is not None else None
