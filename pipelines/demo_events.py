"""The demo's last act: changes in the org that the warehouse learns of by events.

They arrive as in `make dev`: Dagster's daemon evaluates the sensor, and launches what it asks for.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb
from rich.console import Console
from rich.table import Table

from pipelines import report
from pipelines.demo_changes import Mark, change_followed_objects
from pipelines.demo_comparison import column_name
from pipelines.demo_daemon import running_daemon
from pipelines.demo_sensor import SENSOR, FollowedObject, SensorDeeds, switched_on
from pipelines.emulator_process import Emulator

DEADLINE_S = 120.0
_LOOK_EACH_S = 0.3
_LOG_LINES = 20
NUMBERS = {
    "events": "events",
    "records_asked": "read",
    "inserted": "inserted",
    "updated": "updated",
    "deleted": "deleted",
    "api_calls": "calls",
}


class NotDeliveredError(Exception):
    """What was changed in the org isn't in the warehouse; the text says why."""


def follow_changes(
    out: Console, err: Console, org: Emulator, folder: Path, instance: dg.DagsterInstance
) -> int:
    """Change the org and wait until the tables show it; the exit code."""
    marks = change_followed_objects(org)
    begun_s, deeds = time.monotonic(), SensorDeeds(instance, datetime.now(UTC))
    err.print(
        "Changing the org once more: an account renamed, a contact created, an order deleted."
    )
    err.print(f"Dagster's daemon starts, and its sensor {SENSOR} looks for events.")
    try:
        with switched_on(instance), running_daemon(folder / "demo-daemon.log") as daemon:
            arrival = _Arrival(marks, folder, deeds, daemon)
            seen_s = arrival.wait() - begun_s
            arrival.wait_for_runs()
    except NotDeliveredError as error:
        err.print(str(error), markup=False)
        return report.FAILED
    finally:
        deeds.cancel_unfinished()
    followed = deeds.followed()
    out.print(_table(followed))
    events = sum(one.numbers.get("events", 0) for one in followed)
    out.print(
        f"The changes were in the warehouse {seen_s:.0f} s later, the daemon's start included, "
        f"by {events:,} events: all since the org began."
    )
    return report.DONE


class _Arrival:
    """Waits for changes to be seen, or for a reason why they never will be."""

    def __init__(
        self,
        marks: Sequence[Mark],
        folder: Path,
        deeds: SensorDeeds,
        daemon: subprocess.Popen[str],
    ) -> None:
        self._marks, self._deeds, self._daemon = marks, deeds, daemon
        self._warehouse, self._log = folder / "warehouse.duckdb", folder / "demo-daemon.log"
        self._deadline_s = time.monotonic() + DEADLINE_S

    def wait(self) -> float:
        """When all are seen, by the monotonic clock.

        Raises:
            NotDeliveredError: They will not be, or aren't by the deadline.
        """
        while True:
            # Asked before the tables are, so that what arrives meanwhile counts.
            problem = self._problem()
            missing = _missing(self._warehouse, self._marks)
            if not missing:
                return time.monotonic()
            if problem:
                names = ", ".join(mark.object for mark in missing)
                raise NotDeliveredError(f"The warehouse misses the change of {names}. {problem}")
            time.sleep(_LOOK_EACH_S)

    def wait_for_runs(self) -> None:
        """Until no run is on its way.

        Raises:
            NotDeliveredError: One failed, or isn't over by the deadline.
        """
        while self._deeds.is_working:
            problem = self._problem()
            if problem:
                raise NotDeliveredError(problem)
            time.sleep(_LOOK_EACH_S)

    def _problem(self) -> str | None:
        if self._daemon.poll() is not None:
            lines = self._log.read_text().splitlines()[-_LOG_LINES:]
            return "\n".join(["Dagster's daemon has ended:", *lines])
        problem = self._deeds.problem()
        if problem is None and time.monotonic() > self._deadline_s:
            return f"{SENSOR} had {DEADLINE_S:.0f} s, {self._deeds.last_words()}"
        return problem


def _missing(warehouse: Path, marks: Sequence[Mark]) -> list[Mark]:
    """Marks that aren't seen; all of them while somebody writes."""
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            return [mark for mark in marks if not _is_seen(connection, mark)]
    except duckdb.Error:
        return list(marks)


def _is_seen(connection: duckdb.DuckDBPyConnection, mark: Mark) -> bool:
    table = column_name(mark.object)
    query = f'SELECT 1 FROM salesforce."{table}" WHERE id = ? AND "{mark.column}" = ?'
    try:
        return connection.execute(query, [mark.record, mark.value]).fetchone() is not None
    except duckdb.CatalogException:  # the table isn't there yet
        return False


def _table(followed: Sequence[FollowedObject]) -> Table:
    table = report.plain_table("Changes that the sensor brought")
    table.add_column("object", overflow="fold")
    for heading in NUMBERS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    for one in followed:
        numbers = [f"{one.numbers.get(name, 0):,}" for name in NUMBERS]
        table.add_row(one.object, *numbers, f"{one.seconds:.1f}")
    return table
