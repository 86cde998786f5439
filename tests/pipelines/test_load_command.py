"""`python -m pipelines load` as a user runs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.defs.erp.tables import write_table
from pipelines.load_command import replay_of
from pipelines.project import UsageError
from tests.emulator_process import Org, running_org
from tests.pipelines.command import Command

LOAD = "erp_orders"


@pytest.fixture(scope="module")
def demo_org() -> Iterator[Org]:
    with running_org("--seed", "demo") as org:
        yield org


@pytest.fixture
def command(demo_org: Org, tmp_path: Path) -> Command:
    """With the ERP's table in the warehouse, and the org as freshly started."""
    demo_org.reset("demo")
    (tmp_path / "dagster").mkdir()
    write_table(tmp_path / "warehouse.duckdb")
    return Command(demo_org, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_load_tells_what_became_of_each_row_and_the_next_one_sends_the_rest(command: Command):
    code, said = command.json("load", LOAD)

    assert (code, said["status"]) == (0, "done")
    numbers = said["numbers"]
    assert (numbers["accepted"], numbers["failed"], numbers["unprocessed"]) == (36, 4, 0)
    assert said["error_codes"] == {
        "INVALID_FIELD": 2,
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": 1,
        "TIDEGATE_TOO_MANY_DIGITS": 1,
    }

    # What failed is all that is left, and all of it fails again.
    code, said = command.json("load", LOAD)
    assert (code, said["status"]) == (1, "failed")
    assert said["numbers"]["unchanged"] == 36
    assert "4 of 4 rows weren't accepted" in said["error"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_load_over_budget_ends_with_three_and_the_next_one_sends_all_rows(command: Command):
    command.org.faults.add({"limits": {"DailyApiRequests": 50}}, times=500)

    code, said = command.json("load", LOAD)

    assert (code, said["status"]) == (3, "deferred")
    assert "accepted" not in said["numbers"]
    command.org.faults.clear()
    command.org.advance(25 * 3_600)  # calls count for 24 hours
    code, said = command.json("load", LOAD)
    assert (code, said["status"]) == (0, "done"), said["error"]
    assert said["numbers"]["accepted"] == 36


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_dry_run_tells_what_a_load_would_do_and_writes_nothing(command: Command):
    before = command.org.rows("Order__c")

    code, said = command.json("load", LOAD, "--dry-run")

    assert code == 0
    counted = [said[name] for name in ("creates", "updates", "refused", "unchanged")]
    assert counted == [15, 24, 1, 0]
    assert len(said["examples"]) == 20
    sent = [r["method"] for r in command.org.requests_since() if "/services/data/" in r["path"]]
    assert set(sent) == {"GET"}
    assert command.org.rows("Order__c") == before
    assert not (command.folder / "landing" / "outbound").exists()


def test_a_load_that_is_not_there_is_named_with_the_nearest(command: Command):
    done = command.run("load", "erp_order")

    assert done.returncode == 2
    assert (
        "There is no load erp_order; there are erp_orders. Did you mean erp_orders?" in done.stderr
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"replay": "faild"}, "Did you mean failed"),
        ({"as_sent": True}, "add --replay"),
        ({"replay": "all", "dry_run": True}, "leave out --replay"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], said: str):
    asked = {"replay": None, "as_sent": False, "dry_run": False, **options}

    with pytest.raises(UsageError, match=said):
        replay_of(**asked)
