"""The warehouse as Dagster sees it: settings in, client out."""

import math
from pathlib import Path

import dagster as dg
from pydantic import Field

from resources.warehouse.adapter import Warehouse
from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from resources.warehouse.duckdb_file import OnWait
from resources.warehouse.errors import WarehouseUrlError

DUCKDB_PREFIX = "duckdb:///"


class WarehouseResource(dg.ConfigurableResource[None]):
    """Where the tables are. Assets receive it as ``warehouse``."""

    url: str = Field(
        default="duckdb:///.tidegate/warehouse.duckdb",
        description="duckdb:///file, relative to the project, or duckdb:////file from the root.",
    )
    project_root: str = Field(
        default=".", description="The folder that a relative `url` is relative to."
    )
    lock_timeout_s: float = Field(
        default=300, ge=0, description="How long to wait while another process holds the file."
    )
    memory_limit: str = Field(
        default="256MB",
        pattern=r"^\d+(\.\d+)?\s?[KMGT]i?B$",
        description="Memory for a merge; what doesn't fit goes to disk beside the file.",
    )

    def connect(self, on_wait: OnWait | None = None, *, patience_s: float = math.inf) -> Warehouse:
        """The warehouse; nothing is opened before something is asked of it.

        Args:
            on_wait: Told, in a sentence, whom a call waits for.
            patience_s: How long it may wait, if that is less than ``lock_timeout_s``.

        Raises:
            WarehouseUrlError: The URL is of no kind that we know.
        """
        if not self.url.startswith(DUCKDB_PREFIX) or self.url == DUCKDB_PREFIX:
            raise WarehouseUrlError(self.url)
        path = Path(self.project_root).absolute() / self.url.removeprefix(DUCKDB_PREFIX)
        return DuckDBWarehouse(
            path,
            lock_timeout_s=min(self.lock_timeout_s, patience_s),
            memory_limit=self.memory_limit,
            on_wait=on_wait,
        )
