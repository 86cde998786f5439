"""Dagster's instance of this checkout: its home, its settings, the limits of its pools."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.instance.ref import InstanceRef

from pipelines import environment
from pipelines.dead_runs import end_dead_runs
from pipelines.project import Project

NO_COMPUTE_LOGS = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
}


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
def open_instance(*, keep_output: bool = True) -> Iterator[dg.DagsterInstance]:
    """The instance that `make dev` shows; child processes find it by DAGSTER_HOME.

    What commands that were killed have left unfinished is ended first.

    Args:
        keep_output: Let runs of this process keep what they print. Dagster redirects the whole
            process's stdout and stderr for that, with what other threads print meanwhile.
    """
    home = dagster_home()
    os.environ["DAGSTER_HOME"] = str(home)
    overrides = {} if keep_output else {"compute_logs": NO_COMPUTE_LOGS}
    settings = InstanceRef.from_dir(str(home), overrides=overrides)
    with dg.DagsterInstance.from_ref(settings) as instance:
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
