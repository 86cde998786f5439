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
    """A second connection, whose variables begin with another prefix."""

    def scaffold(self, request: ScaffoldRequest[Any]) -> None:
        """Write ``defs.yaml``."""
        name = request.target_path.name.lower().replace("-", "_")
        scaffold_component(request, {"name": name, "environment": name.upper()})
