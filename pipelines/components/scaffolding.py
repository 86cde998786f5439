"""What `dg scaffold defs` writes: an example that runs as it stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from dagster.components.component_scaffolding import scaffold_component
from dagster.components.scaffold.scaffold import Scaffolder, ScaffoldRequest

_DAYS = 30
_QUERY = """\
-- One row per record; its columns are what `fields` of defs.yaml maps.
SELECT 'ERP-00000001' AS customer_no, 'Fjord & Sons' AS name
"""


class SyncScaffolder(Scaffolder[Any]):
    """A sync of two objects that the demo leaves out, from a month ago on."""

    def scaffold(self, request: ScaffoldRequest[Any]) -> None:
        """Write ``defs.yaml``."""
        start = (datetime.now(UTC) - timedelta(days=_DAYS)).date().isoformat()
        windows = {"every": "day", "start": start}
        scaffold_component(
            request,
            {
                "org": "salesforce",
                "warehouse": "default",
                "schedule": "0 2 * * *",
                "objects": {
                    "Lead": {
                        "fields": ["FirstName", "LastName", "Company", "Status", "Email"],
                        "where": "IsConverted = false",
                        "partitions": dict(windows),
                    },
                    "Campaign": {
                        "fields": "*",
                        "exclude": ["Description"],
                        "partitions": dict(windows),
                    },
                },
            },
        )


class LoadScaffolder(Scaffolder[Any]):
    """A load of accounts by their external id, from a query that runs as it stands."""

    def scaffold(self, request: ScaffoldRequest[Any]) -> None:
        """Write ``defs.yaml`` and ``query.sql``."""
        scaffold_component(
            request,
            {
                "org": "salesforce",
                "source": {"warehouse": "default", "sql": "query.sql"},
                "object": "Account",
                "operation": "upsert",
                "external_id": "ERP_Id__c",
                "fields": {"ERP_Id__c": "customer_no", "Name": "name"},
                "nulls": "leave",
                "fail_above": 0.01,
            },
        )
        (request.target_path / "query.sql").write_text(_QUERY, encoding="utf-8")


class EventsScaffolder(Scaffolder[Any]):
    """A table of a platform event that the emulator has; changes need objects of a sync."""

    def scaffold(self, request: ScaffoldRequest[Any]) -> None:
        """Write ``defs.yaml``."""
        scaffold_component(
            request,
            {
                "org": "salesforce",
                "warehouse": "default",
                "every_s": 15,
                "platform_events": {"Order_Event__e": {"table": f"{_name(request)}_orders"}},
            },
        )


class ConnectionScaffolder(Scaffolder[Any]):
    """A further org, called as its folder, with variables that begin with its name."""

    def scaffold(self, request: ScaffoldRequest[Any]) -> None:
        """Write ``defs.yaml``."""
        name = _name(request)
        scaffold_component(request, {"name": name, "environment": name.upper()})


class WarehouseScaffolder(Scaffolder[Any]):
    """A further warehouse, called as its folder, with a variable for its URL."""

    def scaffold(self, request: ScaffoldRequest[Any]) -> None:
        """Write ``defs.yaml``."""
        name = _name(request)
        scaffold_component(request, {"name": name, "environment": f"{name.upper()}_URL"})


def _name(request: ScaffoldRequest[Any]) -> str:
    return request.target_path.name.lower().replace("-", "_")
