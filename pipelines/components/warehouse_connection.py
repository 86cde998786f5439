"""A warehouse, declared by name in YAML; its URL comes from the environment."""

import dagster as dg
from dagster.components.scaffold.scaffold import scaffold_with
from pydantic import Field

from pipelines import environment
from pipelines.components.configuration import NamedComponent, require_unique_name
from pipelines.components.scaffolding import WarehouseScaffolder
from pipelines.components.setting_types import EnvironmentName, ResourceName
from resources.warehouse.resource import WarehouseResource


@scaffold_with(WarehouseScaffolder)
class WarehouseConnection(NamedComponent):
    """One warehouse. Syncs refer to it by its name."""

    name: ResourceName = Field(default="default", description="What syncs call it.")
    environment: EnvironmentName = Field(
        default="TIDEGATE_WAREHOUSE_URL",
        description="Variable that holds its URL, such as duckdb:////data/warehouse.duckdb; unset, "
        "it is .tidegate/warehouse.duckdb of the checkout.",
    )
    lock_timeout_s: float = Field(
        default=300,
        ge=0,
        description="Seconds that a merge waits while another process holds a DuckDB file.",
    )
    memory_limit: str = Field(
        default="256MB",
        pattern=r"^\d+(\.\d+)?\s?[KMGT]i?B$",
        description="Memory for a merge; what doesn't fit goes to disk beside the file.",
    )

    @property
    def resource_key(self) -> str:
        """The name of the warehouse among Dagster's resources."""
        return f"warehouse_{self.name}"

    @property
    def kind(self) -> str:
        """The warehouse's product, for the icon on its tables."""
        return environment.warehouse_kind(self.environment)

    def resource(self) -> WarehouseResource:
        """The warehouse as assets get it; nothing is opened yet."""
        return WarehouseResource(
            url=environment.warehouse_url(self.environment),
            project_root=str(environment.CHECKOUT),
            lock_timeout_s=self.lock_timeout_s,
            memory_limit=self.memory_limit,
        )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The resource alone; syncs build the assets.

        Raises:
            ConfigurationError: An earlier one has the same name.
        """
        require_unique_name(self, context.component_tree.get_all_components(WarehouseConnection))
        return dg.Definitions(resources={self.resource_key: self.resource()})
