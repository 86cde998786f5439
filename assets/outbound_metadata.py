"""What `outbound/<load>` tells Dagster: numbers to plot, columns, lineage, and problems."""

from typing import Any

import dagster as dg

from assets.failures import STATUS
from assets.load_spec import LoadSpec
from assets.newest_manifests import MANIFEST
from assets.outbound_run import Outbound, examples
from assets.stage_metadata import API_CALLS, API_CALLS_LEFT, ROW_COUNT
from resources.salesforce.client import SalesforceClient
from resources.salesforce.load_columns import LoadColumn

PROBLEMS = "tidegate/problems"


def outbound_metadata(spec: LoadSpec, client: SalesforceClient, found: Outbound) -> dict[str, Any]:
    diff = found.diff
    metadata: dict[str, Any] = {
        STATUS: "done",
        API_CALLS: client.api_calls,
        ROW_COUNT: found.rows,
        "tidegate/to_send": found.rows,
        "tidegate/source_rows": found.source_rows,
        "tidegate/new": diff.new,
        "tidegate/changed": diff.changed,
        "tidegate/unchanged": diff.unchanged,
        "tidegate/in_sync": diff.in_sync,
        "tidegate/drifted": diff.drifted,
        "tidegate/vanished": diff.vanished,
        "tidegate/refused": found.refused,
        "tidegate/bytes": sum(file.bytes for file in found.manifest.files),
        MANIFEST: found.manifest.frames_id,
        "tidegate/query": dg.MetadataValue.md(f"```sql\n{found.query}\n```"),
        **_columns(spec, found.target.columns),
    }
    if client.limits.left is not None:
        metadata[API_CALLS_LEFT] = client.limits.left
    problems = [*found.target.warnings, *found.problems]
    if problems:
        metadata[PROBLEMS] = dg.MetadataValue.md("\n".join(f"- {one}" for one in problems))
    if found.drift:
        metadata["tidegate/drift"] = dg.MetadataValue.json(examples(found.drift))
    if found.vanished_keys:
        metadata["tidegate/vanished_keys"] = list(found.vanished_keys)
    return metadata


def _columns(spec: LoadSpec, columns: tuple[LoadColumn, ...]) -> dict[str, dg.MetadataValue]:
    """The columns as Salesforce calls them, each from the source's column."""
    described = [
        dg.TableColumn(
            column.name,
            column.typed.type,
            description=f"{column.field.label}, from {one.column}; nulls: {one.nulls}",
        )
        for one, column in zip(spec.fields, columns, strict=True)
    ]
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/column_schema": dg.MetadataValue.table_schema(dg.TableSchema(described))
    }
    if spec.asset:
        source = dg.AssetKey(list(spec.asset))
        metadata["dagster/column_lineage"] = dg.MetadataValue.column_lineage(
            dg.TableColumnLineage(
                {one.name: [dg.TableColumnDep(source, one.column)] for one in spec.fields}
            )
        )
    return metadata
