"""Loads Account of an org into a folder; prints peak memory and seconds of each stage as JSON.

A process of its own, so that its peak is that of the stages and of nothing else.
"""

import json
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from assets.inbound import inbound_asset
from assets.keys import object_keys
from assets.mask_key import MaskKeyResource
from assets.specs import ObjectSpec, PartitionSpec, SyncSpec
from resources.landing.resource import LandingResource
from resources.salesforce.resource import ClientCredentialsLogin, SalesforceResource
from resources.warehouse.resource import WarehouseResource

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date()
# Twenty fields, Id and SystemModstamp among them.
FIELDS = (
    *("Name", "Type", "Industry", "AnnualRevenue", "NumberOfEmployees", "Phone", "Website"),
    *("Description", "Rating", "BillingStreet", "BillingCity", "BillingState"),
    *("BillingPostalCode", "BillingCountry", "AccountSource", "ERP_Id__c", "OwnerId"),
    *("CreatedDate", "LastModifiedDate"),
)


def main(url: str, folder: Path) -> None:
    sync = SyncSpec("crm", "salesforce")
    spec = ObjectSpec("Account", FIELDS, partitions=PartitionSpec("day", YESTERDAY))
    keys = object_keys(sync, spec)
    resources = {
        "org_salesforce": SalesforceResource(
            login_url=url,
            auth=ClientCredentialsLogin(client_id="tidegate", client_secret="tidegate-secret"),
        ),
        "warehouse_default": WarehouseResource(url=f"duckdb:///{folder / 'warehouse.duckdb'}"),
        "landing": LandingResource(url=str(folder / "landing")),
        "mask_key": MaskKeyResource(),
    }
    peaks: dict[str, float] = {}
    seconds: dict[str, float] = {}
    with dg.DagsterInstance.ephemeral() as instance:
        for stage, key in zip(("extract", "transform", "table"), keys.stages, strict=True):
            begun = time.monotonic()
            dg.materialize(
                [inbound_asset(sync, spec)],
                instance=instance,
                resources=resources,
                selection=dg.AssetSelection.assets(key),
                partition_key=str(YESTERDAY),
            )
            seconds[stage] = round(time.monotonic() - begun, 1)
            peaks[stage] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps({"peak_mb": peaks, "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
