"""A run is taken for dead when its process is, and at no time before."""

import gc
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy.exc

from pipelines.dead_runs import LEASES, end_dead_runs, leased_run
from pipelines.executor import steps_executor

IN_PROCESS = {"execution": {"config": {"steps_at_once": 1}}}


class Seen(logging.Handler):
    """For each event of a run, in order: its type, and whether the run was leased then."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[str, bool]] = []
        self.root = Path()

    def emit(self, record: logging.LogRecord) -> None:
        event = record.dagster_meta["dagster_event"]  # type: ignore[attr-defined]
        if event is not None:
            lease = self.root / LEASES / record.dagster_meta["run_id"]  # type: ignore[attr-defined]
            self.events.append((event.event_type_value, lease.exists()))


SEEN = Seen()


@dg.logger
def seen_logger(_context: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.Logger("seen", logging.DEBUG)
    logger.addHandler(SEEN)
    return logger


@dg.op
def work() -> None:
    pass


@dg.job(executor_def=steps_executor, logger_defs={"seen": seen_logger})
def working() -> None:
    work()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        SEEN.root, SEEN.events = Path(instance.root_directory), []
        yield instance


def run_job(instance: dg.DagsterInstance) -> dg.JobExecutionResult:
    config = IN_PROCESS | {"loggers": {"seen": {}}}
    return dg.execute_job(dg.reconstructable(working), instance, run_config=config)


def leases(instance: dg.DagsterInstance) -> list[str]:
    return [path.name for path in (Path(instance.root_directory) / LEASES).iterdir()]


def test_a_run_is_leased_until_dagster_has_written_its_end(instance: dg.DagsterInstance):
    with run_job(instance) as result:
        assert result.success
    del result
    gc.collect()

    leased = dict(SEEN.events)
    assert leased[dg.DagsterEventType.STEP_START.value]
    assert leased[dg.DagsterEventType.PIPELINE_SUCCESS.value]
    assert leases(instance) == []


def test_a_run_that_is_leased_is_not_ended(instance: dg.DagsterInstance):
    with leased_run(instance) as run_id:
        instance.create_run_for_job(working, run_id=run_id, status=dg.DagsterRunStatus.STARTED)

        assert end_dead_runs(instance) == []
        assert leases(instance) == [run_id]


def test_a_run_whose_process_is_gone_is_ended_once(instance: dg.DagsterInstance):
    run = instance.create_run_for_job(working, status=dg.DagsterRunStatus.STARTED)
    (Path(instance.root_directory) / LEASES / run.run_id).mkdir(parents=True)

    assert end_dead_runs(instance) == [run.run_id]
    assert end_dead_runs(instance) == []

    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.FAILURE
    assert leases(instance) == []


@pytest.mark.slow
def test_a_run_that_could_not_be_ended_is_ended_the_next_time(instance: dg.DagsterInstance):
    run = instance.create_run_for_job(working, status=dg.DagsterRunStatus.STARTED)
    root = Path(instance.root_directory)
    (root / LEASES / run.run_id).mkdir(parents=True)
    held = sqlite3.connect(root / "history" / "runs.db", isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlalchemy.exc.OperationalError):
        end_dead_runs(instance)
    held.execute("ROLLBACK")
    held.close()

    assert end_dead_runs(instance) == [run.run_id]
