"""`make dev`: Dagster's UI and daemon with the org emulator beside them, until one of them ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from types import FrameType

from rich.console import Console

from pipelines import environment
from pipelines.emulator_process import Emulator, EmulatorError, end_group, running_emulator
from pipelines.instance import dagster_home

_LOOK_EVERY_S = 0.5


class _Ended(Exception):  # noqa: N818 - somebody asked for it
    """SIGINT or SIGTERM."""


def run_dev(err: Console, *, port: int, emulator_port: int, pubsub_port: int) -> int:
    """Serve until a signal comes or Dagster ends; its exit code."""
    os.environ["EMULATOR_PORT"] = str(emulator_port)
    os.environ["PUBSUB_PORT"] = str(pubsub_port)
    os.environ["DAGSTER_HOME"] = str(dagster_home())
    emulator: AbstractContextManager[Emulator | None] = nullcontext()
    if environment.is_emulator():
        arguments = ["--port", str(emulator_port), "--pubsub-port", str(pubsub_port)]
        arguments += ["--seed", "demo", "--data", str(environment.STATE_FOLDER / "emulator")]
        # The demo leaves its org a day behind, where yesterday isn't over and can't be read.
        arguments += ["--clock", datetime.now(UTC).isoformat(timespec="seconds")]
        emulator = running_emulator(arguments, environment.STATE_FOLDER / "emulator.log")
    try:
        with _signals_raise(), emulator as org:
            if org:
                err.print(f"The emulator is at {org.url}, its log in .tidegate/emulator.log")
            err.print(f"Dagster is at http://127.0.0.1:{port} in some seconds")
            return _serve(port)
    except _Ended:
        return 0
    except EmulatorError as error:
        err.print(str(error), markup=False)
        return 1


def _serve(port: int) -> int:
    command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, cwd=environment.CHECKOUT, start_new_session=True, text=True)
    try:
        while process.poll() is None:
            time.sleep(_LOOK_EVERY_S)
        return process.returncode
    finally:
        end_group(process)


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Both signals end the block, so that children are ended too.

    Handlers of our own also give the children back their defaults: a shell starts what runs in the
    background with SIGINT ignored, and `dagster dev` then can't be stopped.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise _Ended

    kept = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
