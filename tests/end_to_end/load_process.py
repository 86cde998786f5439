"""One run of a load in a process group of its own, forked off a process that has loaded it all."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import dagster as dg

from assets.load import load_asset
from assets.load_spec import LoadSpec
from assets.outbound import outbound_asset
from resources.landing.resource import LandingResource
from resources.salesforce.resource import ClientCredentialsLogin, SalesforceResource
from resources.warehouse.resource import WarehouseResource

# Few, so that small tables make several jobs.
PART_ROWS = 70
LOOK_EVERY_S = 0.003
DEADLINE_S = 120

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.end_to_end.load_process"])


@dataclass(frozen=True)
class LoadPlace:
    """Where a run finds what it needs; all state lies below `folder`."""

    folder: Path
    url: str
    client_id: str
    client_secret: str

    @property
    def log(self) -> Path:
        return self.folder / "runs.log"

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    def resources(self) -> dict[str, Any]:
        login = ClientCredentialsLogin(client_id=self.client_id, client_secret=self.client_secret)
        return {
            "org_salesforce": SalesforceResource(login_url=self.url, auth=login),
            "warehouse_default": WarehouseResource(url=f"duckdb:///{self.warehouse}"),
            "landing": LandingResource(url=str(self.landing)),
        }


def run_load(place: LoadPlace, spec: LoadSpec, stages: tuple[str, ...]) -> None:
    """The target of the process: materialize the stages; exit code 1 if they fail."""
    os.setsid()
    with place.log.open("ab") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    assets = {"outbound": outbound_asset(spec), "load": load_asset(spec, part_rows=PART_ROWS)}
    (place.folder / "dagster").mkdir(exist_ok=True)
    with dg.DagsterInstance.local_temp(str(place.folder / "dagster")) as instance:
        result = dg.materialize(
            list(assets.values()),
            instance=instance,
            resources=place.resources(),
            selection=dg.AssetSelection.assets(*(assets[stage].key for stage in stages)),
            raise_on_error=False,
        )
    sys.stdout.flush()
    os._exit(0 if result.success else 1)


class LoadProcess:
    """A run that may be killed with its process group."""

    def __init__(
        self, place: LoadPlace, spec: LoadSpec, stages: tuple[str, ...] = ("outbound", "load")
    ) -> None:
        self._place = place
        self._process: BaseProcess = _forks.Process(target=run_load, args=(place, spec, stages))
        self._process.start()

    def finish(self) -> bool:
        """Wait for its end; whether it succeeded."""
        self._process.join(DEADLINE_S)
        assert self._process.exitcode is not None, f"no end:\n{self._log()}"
        return self._process.exitcode == 0

    def kill_when(self, reached: Callable[[], bool], after_s: float) -> bool:
        """SIGKILL so long after something is reached; whether it was alive until then."""
        deadline = time.monotonic() + DEADLINE_S
        while self._process.is_alive() and not reached():
            assert time.monotonic() < deadline, f"neither end nor the moment:\n{self._log()}"
            time.sleep(LOOK_EVERY_S)
        kill_at = time.monotonic() + after_s
        while self._process.is_alive() and time.monotonic() < kill_at:
            time.sleep(LOOK_EVERY_S)
        pid = self._process.pid
        assert pid is not None
        if not self._process.is_alive() or os.getpgid(pid) != pid:
            return not self.finish() and False
        os.killpg(pid, signal.SIGKILL)
        self._process.join()
        return self._process.exitcode == -signal.SIGKILL

    def _log(self) -> str:
        return self._place.log.read_text()[-3_000:] if self._place.log.exists() else ""
