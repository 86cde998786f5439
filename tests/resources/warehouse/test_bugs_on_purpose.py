"""The test of the merge rule can fail: bugs put into a copy of the merge are caught by it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
RULE_TEST = "tests/resources/warehouse/test_newest_image_wins.py"
BUGS = {
    "an older stamp that was read later wins": (
        "merge_plan.py",
        "WHEN new_s > old_s THEN 'win' WHEN new_s < old_s THEN 'lose' ",
        "",
    ),
    "of overlapping reads the one that began later wins": (
        "merge_plan.py",
        "WHEN new_lo > old_hi THEN 'win'",
        "WHEN new_lo >= old_lo THEN 'win'",
    ),
    "a read that confirms a row doesn't lengthen its interval": (
        "merge_plan.py",
        "ELSE greatest(new_hi, old_hi) END AS hi",
        "ELSE old_hi END AS hi",
    ),
    "removed rows leave no tombstones": (
        "apply_plan.py",
        "WHERE NOT has_row OR absent_from IS NOT NULL",
        "WHERE absent_from IS NOT NULL",
    ),
}


def run_rule_test(folder, mark):
    """The test in a copy of the project; its exit code, and what it said."""
    command = [sys.executable, "-m", "pytest", "-qxm", mark, "-p", "no:cacheprovider", RULE_TEST]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
    return run.returncode, run.stdout


@pytest.fixture
def copy(tmp_path):
    ignore = shutil.ignore_patterns("__pycache__", "conftest.py")
    shutil.copytree(PROJECT / "resources", tmp_path / "resources", ignore=ignore)
    shutil.copytree(PROJECT / "tests/resources", tmp_path / "tests/resources", ignore=ignore)
    (tmp_path / "tests/__init__.py").touch()
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_without_a_bug_the_copy_passes(copy):
    code, output = run_rule_test(copy, "not slow")

    assert code == 0, output


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_in_the_merge_is_caught(copy, bug):
    name, right, wrong = BUGS[bug]
    module = copy / "resources/warehouse" / name
    source = module.read_text()
    assert right in source
    module.write_text(source.replace(right, wrong))

    code, output = run_rule_test(copy, "slow")

    assert code == 1, output
    assert "AssertionError" in output
