"""What `load/<load>` tells Dagster: rows by outcome and error, calls, jobs, and where to look."""

from typing import Any

import dagster as dg

from assets.failures import STATUS
from assets.load_run import Sent
from assets.load_spec import LoadSpec
from assets.newest_manifests import MANIFEST
from assets.stage_metadata import API_CALLS, API_CALLS_LEFT, JOB
from resources.salesforce.client import SalesforceClient

ERROR_CODES = "tidegate/error_codes"


def load_metadata(
    spec: LoadSpec, client: SalesforceClient, sent: Sent, seconds: float, status: str
) -> dict[str, Any]:
    """Numbers are integers, so that Dagster plots them."""
    counts, details = sent.counts, sent.manifest.details
    metadata: dict[str, Any] = {
        STATUS: status,
        "tidegate/accepted": counts.accepted,
        "tidegate/created": counts.created,
        "tidegate/updated": counts.accepted - counts.created,
        "tidegate/failed": counts.failed,
        "tidegate/unprocessed": counts.unprocessed,
        "tidegate/unchanged": int(details["unchanged"]),
        "tidegate/rounds": sent.rounds,
        "tidegate/seconds": round(seconds),
        API_CALLS: client.api_calls,
        MANIFEST: sent.manifest.frames_id,
        "tidegate/attempt": sent.attempt,
        **_columns(spec),
    }
    if client.limits.left is not None:
        metadata[API_CALLS_LEFT] = client.limits.left
    if sent.job_ids and client.api_calls:
        metadata |= _jobs(client, sent.job_ids)
    if counts.by_error_code:
        metadata |= _errors(spec, sent)
    return metadata


def _jobs(client: SalesforceClient, job_ids: tuple[str, ...]) -> dict[str, Any]:
    metadata: dict[str, Any] = {JOB: dg.MetadataValue.url(client.job_url(job_ids[0]))}
    if len(job_ids) > 1:
        links = "\n".join(f"- [{job_id}]({client.job_url(job_id)})" for job_id in job_ids)
        metadata["salesforce/jobs"] = dg.MetadataValue.md(links)
    return metadata


def _errors(spec: LoadSpec, sent: Sent) -> dict[str, Any]:
    by_code = dict(sent.counts.by_error_code)
    rows = [
        dg.TableRecord({"error": code or "(none)", "rows": number})
        for code, number in by_code.items()
    ]
    query = (
        "SELECT key, outcome, error_code, error_message, error_fields, payload\n"
        f"FROM _tidegate.load_outcomes\nWHERE load = '{spec.name}' AND run_id = '{sent.run_id}' "
        "AND outcome <> 'accepted'"
    )
    return {
        ERROR_CODES: dg.MetadataValue.json(by_code),
        "tidegate/errors": dg.MetadataValue.table(rows),
        "tidegate/not_accepted": dg.MetadataValue.md(f"```sql\n{query}\n```"),
    }


def _columns(spec: LoadSpec) -> dict[str, Any]:
    """Each Salesforce field from outbound's column of the same name."""
    lineage = {one.name: [dg.TableColumnDep(spec.outbound_key, one.name)] for one in spec.fields}
    return {
        "dagster/column_lineage": dg.MetadataValue.column_lineage(dg.TableColumnLineage(lineage))
    }
