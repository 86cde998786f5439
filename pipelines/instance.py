"""Dagster's instance of this checkout: its home, its settings, the limits of its pools."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from pipelines import environment
from pipelines.dead_runs import end_dead_runs
from pipelines.project import Project


def dagster_home() -> Path:
    """DAGSTER_HOME, or the checkout's own; it exists and holds the checkout's settings."""
    home = Path(os.environ.get("DAGSTER_HOME") or environment.DAGSTER_HOME)
    home.mkdir(parents=True, exist_ok=True)
    settings = environment.CHECKOUT / "dagster.yaml"
    own = home == environment.DAGSTER_HOME
    if own or not (home / "dagster.yaml").exists():
        shutil.copyfile(settings, home / "dagster.yaml")
    return home


@contextmanager
def open_instance() -> Iterator[dg.DagsterInstance]:
    """The instance that `make dev` shows; child processes find it by DAGSTER_HOME.

    What commands that were killed have left unfinished is ended first.
    """
    os.environ["DAGSTER_HOME"] = str(dagster_home())
    with dg.DagsterInstance.get() as instance:
        end_dead_runs(instance)
        yield instance


def store_pool_limits(instance: dg.DagsterInstance, project: Project) -> dict[str, int]:
    """Bound how many objects of an org are read at once.

    A limit that is only a default isn't enforced for pools that were never stored
    (dagster-io/dagster#31936), so each is stored by name.
    """
    limits = {one.pool: one.concurrent_steps for one in project.connections.values()}
    for pool, limit in limits.items():
        instance.event_log_storage.set_concurrency_slots(pool, limit)
    return limits
