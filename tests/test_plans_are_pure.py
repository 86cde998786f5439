"""`*_plan.py` decides and does nothing else; import-linter has no wildcard for part of a name."""

import ast
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PLANS = sorted(
    plan
    for folder in ("assets", "pipelines", "resources")
    for plan in (CHECKOUT / folder).rglob("*_plan.py")
)
DOING = {"dagster", "duckdb", "fsspec", "os", "pathlib", "requests", "sqlalchemy", "subprocess"}


def imported(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def test_there_are_plans():
    assert len(PLANS) >= 3


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: str(plan.relative_to(CHECKOUT)))
def test_a_plan_imports_nothing_that_does_things(plan):
    assert DOING.isdisjoint(imported(plan.read_text(encoding="utf-8")))
