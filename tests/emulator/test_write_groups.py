"""Writes that share a transaction, when one of them breaks it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from emulator.events.journal import Journal
from emulator.faults import Faults
from emulator.schema.load import load_schema
from emulator.store.changes import Request
from emulator.store.database import Database
from emulator.store.rows import Rows

NOW = datetime(2026, 5, 15, 12, tzinfo=UTC)
SCHEMA = load_schema()
USER = "005Td0000000001IAA"


@pytest.fixture
def rows(tmp_path):
    database = Database(None, tmp_path)
    yield Rows(database, SCHEMA, Journal(database, SCHEMA, Faults(), lambda: NOW))
    database.close()


def create(name):
    return Request(SCHEMA.objects["Account"], USER, NOW, create=[{"Name": name}])


def names(rows):
    with rows.database.reader() as connection:
        return [row[0] for row in connection.sql('SELECT "Name" FROM "Account"').fetchall()]


def break_transaction(connection):
    connection.execute('SELECT 1 FROM "No table of this name"')


def in_one_group(rows, *writes):
    """Runs them while the writer is held up, so that it takes all of them together."""
    held_up, free = threading.Event(), threading.Event()

    def hold(connection):
        held_up.set()
        free.wait(10)

    with ThreadPoolExecutor(len(writes) + 1) as pool:
        held = pool.submit(rows.database.write, hold)
        assert held_up.wait(10)
        futures = []
        for write in writes:
            futures.append(pool.submit(write))
            wait_until(lambda: rows.database._queue.qsize() == len(futures))
        free.set()
        held.result()
        return [future.exception() or future.result() for future in futures]


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_write_that_breaks_its_group_breaks_no_other(rows):
    before, broken, after = in_one_group(
        rows,
        lambda: rows.change(create("before")),
        lambda: rows.database.write(break_transaction),
        lambda: rows.change(create("after")),
    )

    assert isinstance(broken, duckdb.Error)
    assert len(before) == len(after) == 1
    assert sorted(names(rows)) == ["after", "before"]


def test_a_late_commit_of_a_broken_group_comes_once(rows):
    due = NOW + timedelta(minutes=5)
    in_one_group(
        rows,
        lambda: rows.change(create("late"), due=due),
        lambda: rows.database.write(break_transaction),
    )

    assert names(rows) == []
    in_one_group(rows, lambda: rows.settle(due), lambda: rows.database.write(break_transaction))
    rows.settle(due)
    assert names(rows) == ["late"]
    assert rows.oldest_open() is None
