"""The project as Dagster loads it, for commands that run outside Dagster's own processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.remote_origin import RemoteJobOrigin

from assets.load_spec import LoadSpec
from assets.specs import ObjectSpec, SyncSpec
from assets.spelling import nearest
from pipelines import environment
from pipelines.code_location import project_location, project_repository, remote_job
from pipelines.components.salesforce_connection import SalesforceConnection
from pipelines.components.salesforce_events import SalesforceEvents
from pipelines.components.salesforce_load import SalesforceLoad
from pipelines.components.salesforce_sync import SalesforceSync
from pipelines.components.warehouse_connection import WarehouseConnection
from pipelines.emulator_process import is_listening
from pipelines.run_tags import ALL_ASSETS_JOB
from pipelines.subscribed import Subscribed, subscribed_to_changes, subscribed_to_event
from resources.salesforce.client import SalesforceClient
from resources.salesforce.resource import SalesforceResource
from resources.warehouse.resource import WarehouseResource


class UsageError(Exception):
    """The command asks for something that isn't there."""


@dataclass(frozen=True)
class Sync:
    """A sync and the objects that a command is about."""

    spec: SyncSpec
    objects: tuple[ObjectSpec, ...]


class Project:
    """Definitions, syncs and connections of the checkout."""

    @cached_property
    def tree(self) -> dg.ComponentTree:
        return dg.ComponentTree.for_project(environment.CHECKOUT)

    @cached_property
    def recon_repository(self) -> ReconstructableRepository:
        return project_repository()

    @cached_property
    def repository(self) -> dg.RepositoryDefinition:
        return self.recon_repository.get_definition()

    @cached_property
    def connections(self) -> dict[str, SalesforceConnection]:
        return {one.name: one for one in self.tree.get_all_components(SalesforceConnection)}

    @cached_property
    def syncs(self) -> dict[str, Sync]:
        found = [
            Sync(one.sync(), tuple(one.specs()))
            for one in self.tree.get_all_components(SalesforceSync)
        ]
        return {sync.spec.name: sync for sync in found}

    @cached_property
    def loads(self) -> dict[str, LoadSpec]:
        found = [one.spec_among(self.tree) for one in self.tree.get_all_components(SalesforceLoad)]
        return {spec.name: spec for spec in found}

    @cached_property
    def subscribed(self) -> list[Subscribed]:
        """Channels of all events that are configured."""
        found = []
        for one in self.tree.get_all_components(SalesforceEvents):
            found += [subscribed_to_changes(spec) for spec in one.change_specs(self.tree)]
            found += [subscribed_to_event(spec) for spec in one.event_specs(self.tree)]
        return found

    def load_named(self, name: str) -> LoadSpec:
        """The load of that name.

        Raises:
            UsageError: There is none.
        """
        if name not in self.loads:
            raise UsageError(_unknown("load", name, list(self.loads)))
        return self.loads[name]

    def require_connection(self, org: str) -> None:
        """Refuse a connection's name that isn't one.

        Raises:
            UsageError: It isn't.
        """
        if org not in self.connections:
            raise UsageError(_unknown("connection", org, list(self.connections)))

    def choose(self, name: str | None, objects: Sequence[str]) -> list[Sync]:
        """The named sync, or all; with ``objects`` only those of them.

        Raises:
            UsageError: No such sync, or no such object in it.
        """
        if name is not None and name not in self.syncs:
            raise UsageError(_unknown("sync", name, list(self.syncs)))
        chosen = [self.syncs[name]] if name else list(self.syncs.values())
        if not objects:
            return chosen
        by_lower = {spec.name.lower(): spec.name for sync in chosen for spec in sync.objects}
        for wanted in objects:
            if wanted.lower() not in by_lower:
                raise UsageError(_unknown("object", wanted, list(by_lower.values())))
        wanted_names = {wanted.lower() for wanted in objects}
        narrowed = [
            Sync(sync.spec, tuple(s for s in sync.objects if s.name.lower() in wanted_names))
            for sync in chosen
        ]
        return [sync for sync in narrowed if sync.objects]

    def require_logins(self, orgs: Iterable[str]) -> None:
        """Refuse to begin what can't log in.

        Raises:
            UsageError: A variable isn't set that a connection needs, or the emulator isn't there.
        """
        for connection in sorted(set(orgs)):
            prefix = self.connections[connection].environment
            url = environment.login_url(prefix)
            if environment.is_emulator(prefix) and not is_listening(url):
                raise UsageError(
                    f"The connection {connection} is the emulator, and nobody listens at {url}. "
                    "Start it with `make dev` or `make emulator`, or set "
                    f"{prefix}_LOGIN_URL to use an org of your own (.env.example)."
                )
            problem = environment.login_problem(connection, prefix)
            if problem:
                raise UsageError(f"{problem}.")

    @contextmanager
    def connect(self, org: str) -> Iterator[SalesforceClient]:
        """A client of a connection, outside any run."""
        with self.org_resource(org).connect() as client:
            yield client

    def org_resource(self, org: str) -> SalesforceResource:
        """A connection, outside any run."""
        # Replaces what comes from environment variables by its values.
        resource: object = self.connections[org].resource().process_config_and_initialize()
        assert isinstance(resource, SalesforceResource)
        return resource

    def warehouse(self, name: str) -> WarehouseResource:
        """A warehouse connection, outside any run."""
        found = self.tree.get_all_components(WarehouseConnection)
        [connection] = [one for one in found if one.name == name]
        resource: object = connection.resource().process_config_and_initialize()
        assert isinstance(resource, WarehouseResource)
        return resource

    def job(self, keys: Sequence[dg.AssetKey]) -> ReconstructableJob:
        """Dagster's job of all assets, narrowed down to these."""
        whole = self.recon_repository.get_reconstructable_job(ALL_ASSETS_JOB)
        return whole.get_subset(asset_selection=frozenset(keys))

    def job_origin(self) -> RemoteJobOrigin:
        """Where the webserver and the daemon find the job, so that they can run it again."""
        return remote_job(project_location(), self.repository.name, ALL_ASSETS_JOB)


def _unknown(kind: str, name: str, known: list[str]) -> str:
    meant = nearest(name, known)
    hint = f" Did you mean {meant}?" if meant else ""
    return f"There is no {kind} {name}; there are {', '.join(known) or 'none'}.{hint}"
