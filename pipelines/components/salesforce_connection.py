"""A Salesforce org, declared by name in YAML; its secrets come from the environment."""

import dagster as dg
from dagster.components.scaffold.scaffold import scaffold_with
from pydantic import Field

from pipelines import environment
from pipelines.components.configuration import NamedComponent, require_unique_name
from pipelines.components.errors import ConfigurationError
from pipelines.components.scaffolding import ConnectionScaffolder
from pipelines.components.setting_types import ApiVersion, EnvironmentName, ResourceName
from resources.salesforce.resource import SalesforceResource


@scaffold_with(ConnectionScaffolder)
class SalesforceConnection(NamedComponent):
    """One Salesforce org. Syncs refer to it by its name."""

    name: ResourceName = Field(
        default="salesforce", description="Stands in every key, table and file of this org."
    )
    environment: EnvironmentName = Field(
        default="SALESFORCE",
        description="Prefix of the variables that say where the org is and how to log in; with "
        "`SANDBOX` they are SANDBOX_LOGIN_URL, SANDBOX_FLOW and so on.",
    )
    api_version: ApiVersion = Field(
        default="66.0",
        description="Version of Salesforce's API; the variable that ends in _API_VERSION wins.",
    )
    reserve: int = Field(
        default=0,
        ge=0,
        description="Daily API requests that runs leave to the org's other users; a run stops, as "
        "deferred, before the call that would go below.",
    )
    concurrent_steps: int = Field(
        default=4,
        ge=1,
        description="How many objects of this org are read at once; `python -m pipelines setup` "
        "puts it in force.",
    )

    @property
    def resource_key(self) -> str:
        """The name of the connection among Dagster's resources."""
        return f"org_{self.name}"

    @property
    def pool(self) -> str:
        """The pool with the limit ``concurrent_steps``; `python -m pipelines setup` sets it."""
        return f"salesforce_{self.name}"

    def resource(self) -> SalesforceResource:
        """The org as assets and schedules get it; nothing is asked of the org yet."""
        try:
            auth = environment.auth_as_set(self.name, self.environment)
        except environment.EnvironmentValueError as error:
            raise ConfigurationError([self.mistake(["environment"], str(error))]) from None
        return SalesforceResource(
            name=self.name,
            login_url=environment.login_url(self.environment),
            auth=auth,
            login_problem=environment.login_problem(self.name, self.environment),
            api_version=environment.api_version(self.environment) or self.api_version,
            pubsub=environment.pubsub(self.environment),
            reserve=self.reserve,
        )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The resource alone; syncs build the assets.

        Raises:
            ConfigurationError: An earlier one has the same name.
        """
        require_unique_name(self, context.component_tree.get_all_components(SalesforceConnection))
        return dg.Definitions(resources={self.resource_key: self.resource()})
