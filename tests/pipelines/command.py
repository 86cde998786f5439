"""`python -m pipelines` as a user runs it: a process of its own, in a state folder of the test."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.emulator_process import CHECKOUT, Org


@dataclass
class Command:
    """Runs commands against one org, with everything they keep below one folder."""

    org: Org
    folder: Path

    def environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SALESFORCE_", "TIDEGATE_", "DAGSTER_"))
        }
        return {
            **kept,
            **self.org.environment(),
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "TIDEGATE_LANDING_URL": str(self.folder / "landing"),
            "TIDEGATE_WAREHOUSE_URL": f"duckdb:///{self.folder / 'warehouse.duckdb'}",
            "TIDEGATE_MASK_KEY": "a key for tests",
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pipelines", *arguments],
            cwd=CHECKOUT,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=300,
        )

    def json(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        done = self.run(*arguments, "--json")
        return done.returncode, json.loads(done.stdout)
