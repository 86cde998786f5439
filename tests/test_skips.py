"""The skip list does its work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(("ci", "exit_code"), [("true", 1), ("", 0)])
def test_a_skip_that_is_not_on_the_list_fails_the_run_in_ci_only(tmp_path, ci, exit_code):
    (tmp_path / "test_one.py").write_text(
        "import pytest\n\ndef test_a(): pytest.skip('no reason')\n\ndef test_b(): pass\n"
    )

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.skips", "-q", "-c", "/dev/null", tmp_path],
        cwd=CHECKOUT,
        env={**os.environ, "CI": ci, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert run.returncode == exit_code, run.stdout
