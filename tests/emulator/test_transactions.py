"""Writes that are one transaction whatever they read and write in between."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import duckdb
import pytest

from emulator.errors import ApiError
from emulator.events.journal import Journal, Selection
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


def create(rows, *given):
    request = Request(SCHEMA.objects["Account"], USER, NOW, create=[{"Name": n} for n in given])
    return rows.change(request)


def names(rows):
    with rows.database.reader() as connection:
        return sorted(row[0] for row in connection.sql('SELECT "Name" FROM "Account"').fetchall())


def test_what_it_wrote_is_seen_within_and_not_before_its_end_outside(rows):
    seen = []

    def work():
        create(rows, "A")
        with ThreadPoolExecutor(1) as pool:
            seen.append(pool.submit(names, rows).result())
        seen.append(names(rows))
        return "done"

    assert rows.transaction(work) == "done"
    assert seen == [[], ["A"]]
    assert names(rows) == ["A"]


def test_one_that_is_rolled_back_keeps_nothing_and_returns_its_result(rows):
    def work():
        create(rows, "A")
        rows.roll_back()
        create(rows, "B")
        return names(rows)

    assert rows.transaction(work) == ["A", "B"]
    assert names(rows) == []
    create(rows, "C")
    assert names(rows) == ["C"]


@pytest.mark.parametrize("error", [ApiError(400, "CODE", "text"), ValueError("x")])
def test_one_that_ends_in_an_error_keeps_nothing(rows, error):
    def work():
        create(rows, "A")
        raise error

    with pytest.raises(type(error)):
        rows.transaction(work)
    assert names(rows) == []


def test_one_inside_another_is_part_of_it(rows):
    def inner():
        create(rows, "inner")

    def outer():
        rows.transaction(inner)
        rows.roll_back()

    rows.transaction(outer)
    assert names(rows) == []


def test_one_that_breaks_the_database_breaks_no_other(rows):
    def broken():
        with rows.database.reader() as connection:
            connection.execute('SELECT 1 FROM "No table of this name"')

    with ThreadPoolExecutor(9) as pool:
        good = [pool.submit(create, rows, str(number)) for number in range(4)]
        bad = pool.submit(rows.transaction, broken)
        good += [pool.submit(create, rows, str(number)) for number in range(4, 8)]

    assert isinstance(bad.exception(), duckdb.Error)
    assert [len(one.result()) for one in good] == [1] * 8
    assert names(rows) == [str(number) for number in range(8)]


def test_its_changes_of_several_objects_are_one_transaction_of_the_journal(rows):
    rows.journal.select(Selection(("Account", "Contact")))
    contact = Request(SCHEMA.objects["Contact"], USER, NOW, create=[{"LastName": "C"}])

    def work():
        create(rows, "A", "B")
        rows.change(contact)

    def undone():
        work()
        rows.roll_back()

    rows.transaction(undone)
    rows.transaction(work)
    create(rows, "D")

    with rows.database.reader() as connection:
        events = connection.execute(
            "SELECT object, dense_rank() OVER (ORDER BY tx) FROM _journal "
            "WHERE kind = 'CREATE' ORDER BY seq"
        ).fetchall()
    assert events == [("Account", 1), ("Account", 1), ("Contact", 1), ("Account", 2)]


def test_there_is_nothing_to_roll_back_outside_of_one(rows):
    with pytest.raises(AssertionError, match="no transaction"):
        rows.roll_back()
