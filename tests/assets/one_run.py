"""One run of Account in a process of its own, for tests that kill it."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from assets.inbound import inbound_asset
from assets.mask_key import MaskKeyResource
from assets.specs import ObjectSpec, PartitionSpec, SyncSpec
from resources.landing.resource import LandingResource
from resources.salesforce.resource import ClientCredentialsLogin, SalesforceResource
from resources.warehouse.resource import WarehouseResource

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date()
SPEC = ObjectSpec("Account", ("Name", "Industry"), partitions=PartitionSpec("day", YESTERDAY))


def main(url: str, folder: Path) -> None:
    resources = {
        "org_salesforce": SalesforceResource(
            login_url=url,
            auth=ClientCredentialsLogin(client_id="tidegate", client_secret="tidegate-secret"),
        ),
        "warehouse_default": WarehouseResource(url=f"duckdb:///{folder / 'warehouse.duckdb'}"),
        "landing": LandingResource(url=str(folder / "landing")),
        "mask_key": MaskKeyResource(),
    }
    print("begun", flush=True)
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [inbound_asset(SyncSpec("crm", "salesforce"), SPEC)],
            instance=instance,
            resources=resources,
            partition_key=str(YESTERDAY),
        )
    os._exit(0 if result.success else 1)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
