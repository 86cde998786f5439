"""The YAML faces of Tidegate: what a user writes in ``defs.yaml``."""

from pipelines.components.salesforce_connection import SalesforceConnection
from pipelines.components.salesforce_events import SalesforceEvents
from pipelines.components.salesforce_load import SalesforceLoad
from pipelines.components.salesforce_sync import SalesforceSync
from pipelines.components.warehouse_connection import WarehouseConnection

__all__ = [
    "SalesforceConnection",
    "SalesforceEvents",
    "SalesforceLoad",
    "SalesforceSync",
    "WarehouseConnection",
]
