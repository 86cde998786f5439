"""What `dg scaffold defs` writes: an example that runs as it stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from dagster.components.component_scaffolding import scaffold_component
from dagster.components.scaffold.scaffold import Scaffolder, ScaffoldRequest

_DAYS = 30


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
