"""Where Dagster's processes find the project's definitions, so that they can work on a run."""

from __future__ import annotations

from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.origin import JobPythonOrigin
from dagster._core.remote_origin import (
    CodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.workspace.load_target import WorkspaceFileTarget

from pipelines import environment


def project_repository() -> ReconstructableRepository:
    """The checkout's definitions, to be loaded by whichever process needs them."""
    return ReconstructableRepository.for_module(
        "pipelines.definitions", "defs", working_directory=str(environment.CHECKOUT)
    )


def project_location() -> CodeLocationOrigin:
    """The code location as the webserver and the daemon of the checkout know it."""
    target = WorkspaceFileTarget([str(environment.CHECKOUT / "workspace.yaml")])
    [location] = target.create_origins()
    return location


def remote_job(location: CodeLocationOrigin, repository_name: str, job: str) -> RemoteJobOrigin:
    """Where webserver and daemon find a job."""
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, repository_name), job)


def job_code(job: str) -> JobPythonOrigin:
    """Where the process of a run finds a job."""
    return project_repository().get_reconstructable_job(job).get_python_origin()
