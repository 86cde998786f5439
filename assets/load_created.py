"""Tells which rows of a call sent twice were created by the first of the two.

An upsert whose answer was lost is sent again, and then answers that it updated what the lost one
created. The records themselves know better.
"""

from __future__ import annotations

import json
from datetime import datetime

import pyarrow as pa

from resources.salesforce import soql
from resources.salesforce.bulk_job import parse_datetime
from resources.salesforce.client import SalesforceClient


def with_created(
    client: SalesforceClient, object_name: str, outcomes: pa.RecordBatch, sent_at: datetime
) -> pa.RecordBatch:
    """The outcomes of an upsert, ``created`` as it was over all times that it was sent.

    Args:
        outcomes: Of one call, so that all its Ids fit into one query.
        sent_at: The org's clock before it was sent first.
    """
    rows = outcomes.select(["outcome", "sf_id", "created"]).to_pylist()
    ids = [row["sf_id"] for row in rows if row["outcome"] == "accepted" and not row["created"]]
    described = {field.name for field in client.describe(object_name).fields}
    if not ids or not {"CreatedDate", "CreatedById"} <= described:
        return outcomes
    created = _created_since(client, object_name, ids, sent_at.replace(microsecond=0))
    column = [True if row["sf_id"] in created else row["created"] for row in rows]
    position = outcomes.schema.get_field_index("created")
    return outcomes.set_column(position, "created", pa.array(column, pa.bool_()))


def _created_since(
    client: SalesforceClient, object_name: str, ids: list[str], moment: datetime
) -> set[str]:
    """Ids of records that our user has created since then; the org keeps whole seconds."""
    fields = ["Id", "CreatedDate", "CreatedById"]
    query = soql.select(object_name, fields, where=soql.in_list("Id", ids))
    rows = [
        row
        for page in client.rest_pages(query, all_rows=True)
        for row in json.loads(page.body)["records"]
    ]
    return {
        row["Id"]
        for row in rows
        if parse_datetime(row["CreatedDate"]) >= moment and row["CreatedById"] == client.user_id
    }
