"""A defs folder of a test: YAML files in, definitions or mistakes out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import dagster as dg
import pytest
from dagster.components.core.component_tree import ComponentTreeException
from dagster.components.testing import create_defs_folder_sandbox

from assets.mask_key import MaskKeyResource
from pipelines.components.errors import ConfigurationError
from resources.landing.resource import LandingResource
from tests.assets.conftest import Harbour
from tests.emulator_process import Org

CONNECTIONS = """
    type: pipelines.components.SalesforceConnection
    attributes: {name: salesforce}
    ---
    type: pipelines.components.WarehouseConnection
    attributes: {name: default}
"""

SHARED = {"landing": LandingResource(url="landing"), "mask_key": MaskKeyResource(key="")}


class DefsFolder:
    """Files by folder, one of each a `defs.yaml`."""

    def __init__(self) -> None:
        self._files = {("connections", "defs.yaml"): CONNECTIONS}

    def write(self, folder: str, yaml: str) -> None:
        self.write_file(folder, "defs.yaml", yaml)

    def write_file(self, folder: str, name: str, text: str) -> None:
        self._files[folder, name] = text

    @contextmanager
    def load(self) -> Iterator[dg.Definitions]:
        with create_defs_folder_sandbox() as sandbox:
            for (folder, name), text in self._files.items():
                file = sandbox.defs_folder_path / folder / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(dedent(text).lstrip())
            with sandbox.build_all_defs() as defs:
                yield dg.Definitions.merge(defs, dg.Definitions(resources=SHARED))

    def mistakes(self) -> list[str]:
        """What is wrong with the files, one sentence each, without the path of the sandbox."""
        with pytest.raises(ComponentTreeException) as caught, self.load():
            pass
        cause = caught.value.__cause__
        while not isinstance(cause, ConfigurationError):
            assert cause is not None, caught.value
            cause = cause.__cause__
        return [
            f"{Path(m.file).parent.name}:{m.line} {m.key}: {m.problem}"
            + (f" -> {m.nearest}" if m.nearest else "")
            for m in cause.mistakes
        ]


@pytest.fixture
def defs_folder() -> DefsFolder:
    """With the connections `salesforce` and `default`."""
    return DefsFolder()


@pytest.fixture
def harbour(org: Org, tmp_path: Path) -> Iterator[Harbour]:
    """An empty warehouse and landing store beside a fresh org, and an instance on disk."""
    home = tmp_path / "dagster"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        yield Harbour(org, tmp_path, instance)
