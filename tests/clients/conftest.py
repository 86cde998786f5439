"""A folder with the public npm clients installed beside our scripts, and how to run one."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def npm_folder(tmp_path_factory):
    """`npm install` of package.json, once per test process."""
    folder = tmp_path_factory.mktemp("npm")
    for file in (*FOLDER.glob("*.mjs"), FOLDER / "package.json", FOLDER / ".npmrc"):
        shutil.copy(file, folder)
    subprocess.run(["npm", "install", "--silent"], cwd=folder, check=True, timeout=100)
    return folder


@pytest.fixture
def run_script(npm_folder):
    """Runs a script with its arguments; gives the JSON that it prints."""

    def run(script, *arguments):
        result = subprocess.run(
            ["node", script, *arguments],
            cwd=npm_folder,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert result.returncode == 0, result.stderr[-3000:]
        return json.loads(result.stdout)

    return run
