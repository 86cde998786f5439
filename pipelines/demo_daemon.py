"""Dagster's daemon as the demo needs it: sensors, and the runs that they ask for.

`dagster-daemon run` would also catch up on schedules that somebody has switched on in this
DAGSTER_HOME, with an org that is gone a minute later.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon.controller import daemon_controller_from_instance
from dagster._daemon.daemon import DagsterDaemon, SensorDaemon
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._utils.interrupts import setup_interrupt_handlers

from pipelines.emulator_process import end_group
from pipelines.environment import CHECKOUT


def main() -> None:
    """Work until SIGTERM comes."""
    setup_interrupt_handlers()
    workspace = WorkspaceFileTarget([str(CHECKOUT / "workspace.yaml")])
    try:
        with (
            dg.DagsterInstance.get() as instance,
            daemon_controller_from_instance(
                instance, workspace, gen_daemons=_daemons, code_server_log_level="warning"
            ) as controller,
        ):
            controller.check_daemon_loop()
    except KeyboardInterrupt:
        return


def _daemons(instance: dg.DagsterInstance) -> Sequence[DagsterDaemon[Any]]:
    queue = instance.run_coordinator
    assert isinstance(queue, QueuedRunCoordinator), "dagster.yaml says so"
    return [
        SensorDaemon(settings=instance.get_sensor_settings()),
        QueuedRunCoordinatorDaemon(interval_seconds=queue.dequeue_interval_seconds),
    ]


@contextmanager
def running_daemon(log: Path) -> Iterator[subprocess.Popen[str]]:
    """The daemon over this process's DAGSTER_HOME, in its own process group, ended at the end."""
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.demo_daemon"],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end_group(process)


if __name__ == "__main__":
    main()
