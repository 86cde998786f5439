"""A copy of the project with syncs of its own, run as its users run it: by processes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from tests.emulator_process import CHECKOUT, Org

PACKAGES = ("pipelines", "assets", "resources")
FILES = ("pyproject.toml", "workspace.yaml", "dagster.yaml")


class Checkout:
    """All state lies below `root`. Processes are started in groups of their own."""

    def __init__(self, root: Path, defs: str | None = None) -> None:
        self.root = root
        ignored = shutil.ignore_patterns("__pycache__")
        for package in PACKAGES:
            shutil.copytree(CHECKOUT / package, root / package, ignore=ignored)
        for name in FILES:
            shutil.copyfile(CHECKOUT / name, root / name)
        # They aren't changed, and find their data where they really are.
        for name in ("tests", "emulator"):
            (root / name).symlink_to(CHECKOUT / name)
        if defs is not None:
            # The demo's events follow objects of its sync, which isn't there then.
            shutil.rmtree(root / "pipelines/defs/crm_events")
            (root / "pipelines/defs/crm/defs.yaml").write_text(dedent(defs))

    @property
    def warehouse(self) -> Path:
        return self.root / ".tidegate/warehouse.duckdb"

    @property
    def landing(self) -> Path:
        return self.root / ".tidegate/landing"

    def replace(self, folder: str, old: str, new: str) -> None:
        """Put a bug in: `old` must stand exactly once in the modules below `folder`."""
        sources = {path: path.read_text() for path in (self.root / folder).rglob("*.py")}
        found = [path for path, source in sources.items() for _ in range(source.count(old))]
        assert len(found) == 1, f"found in {[path.name for path in found]}, not once: {old}"
        found[0].write_text(sources[found[0]].replace(old, new))

    def environment(self, org: Org | None = None, **more: str) -> dict[str, str]:
        """Of this machine's variables only those that every process needs."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        of_org = org.environment() if org else {}
        return {**kept, "DAGSTER_DISABLE_TELEMETRY": "yes", **of_org, **more}

    def start(
        self, *arguments: str, org: Org | None = None, log: Path | None = None, **more: str
    ) -> subprocess.Popen[str]:
        """`python …` in a process group of its own; its output goes to `log`."""
        with (log or Path(os.devnull)).open("a") as output:
            return subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.root,
                env=self.environment(org, **more),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def run(
        self, *arguments: str, org: Org | None = None, timeout_s: float = 300, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """`python …` to its end."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env=self.environment(org, **more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
