"""What a load asks its warehouse: its SQL as it stands, or the table of an asset."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import dagster as dg

from assets.errors import LoadSourceMissingError
from assets.load_spec import LoadSpec
from resources.warehouse.adapter import DELETED
from resources.warehouse.dialect import quoted

TABLE_NAME = "dagster/table_name"


def question(
    spec: LoadSpec,
    instance: dg.DagsterInstance,
    table_columns: Callable[[str, str], Mapping[str, str]],
) -> str:
    """One SELECT.

    The table of an asset is the one that its last materialization names, or else the last two
    parts of its key. Rows of a sync's table that are flagged as deleted are left out.

    Raises:
        LoadSourceMissingError: The asset has no table.
    """
    if spec.sql is not None:
        return spec.sql
    assert spec.asset is not None
    key = dg.AssetKey(list(spec.asset))
    table = _table_name(instance, key)
    columns = table_columns(*table) if len(table) == 2 else {}
    if not columns:
        raise LoadSourceMissingError(spec.name, key.to_user_string(), ".".join(table))
    live = f" WHERE NOT {quoted(DELETED)}" if DELETED in columns else ""
    return f"SELECT * FROM {quoted(*table)}{live}"


def _table_name(instance: dg.DagsterInstance, key: dg.AssetKey) -> tuple[str, ...]:
    event = instance.get_latest_materialization_event(key)
    if event is not None and event.asset_materialization is not None:
        value = event.asset_materialization.metadata.get(TABLE_NAME)
        if value is not None:
            return tuple(str(value.value).split(".")[-2:])
    return tuple(key.path[-2:])
