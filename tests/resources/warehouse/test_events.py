"""Changes are appended once, and touched records follow the newest image, in one transaction."""

import itertools
import os
from random import Random

import duckdb
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from resources.warehouse.adapter import ApiCalls, ColumnSpec, ReadInterval
from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from resources.warehouse.errors import LogError, WrongOrgError
from resources.warehouse.event_adapter import (
    CHANGE_COLUMNS,
    AskedRecords,
    DeadEvent,
    LogSpec,
    Position,
)
from tests.resources.warehouse.harbour import (
    ORG,
    image_rows,
    merge,
    never_reread,
    reader,
    rows_of,
    table_spec,
)
from tests.resources.warehouse.image_model import Image, Seen, second
from tests.resources.warehouse.test_newest_image_wins import KEYS, VALUES, Org, any_image

CHANNEL = "/data/AccountChangeEvent"
NUMBERS = itertools.count()
EXAMPLES = int(os.environ.get("TIDEGATE_EXAMPLES", "4"))


def log_spec(name="account_changes", *more):
    columns = {**CHANGE_COLUMNS, "value": pa.string(), **dict(more)}
    return LogSpec("salesforce", name, tuple(ColumnSpec(*column) for column in columns.items()))


def change_rows(spec, changes):
    """Changes as (commit number, sequence number, Id, value)."""
    rows = [
        {
            "id": key,
            "_change_type": "UPDATE",
            "_commit_number": commit,
            "_sequence_number": sequence,
            "_commit_timestamp": second(commit),
            "_changed_fields": ["Value__c"],
            "value": value,
        }
        for commit, sequence, key, value in changes
    ]
    table = pa.Table.from_pylist(rows, schema=spec.arrow_schema())
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches())


def follow(warehouse, changes, images=(), *, spec=None, log=None, asked=None, read=50, **settings):
    """Apply changes; ``asked`` are the Ids that were read, by default those of the images."""
    spec, log = spec or table_spec(), log or log_spec()
    ids = [image.key for image in images] if asked is None else asked
    return warehouse.append_changes_and_merge(
        spec,
        log,
        change_rows(log, changes),
        image_rows(spec, images),
        asked=AskedRecords(ids, ReadInterval(second(read), second(read))),
        **{
            "object_name": "Account",
            "org_id": ORG,
            "run_id": "run-1",
            "reread": never_reread,
            "position": Position(CHANNEL, b"\x00\x01", second(40)),
            **settings,
        },
    )


@pytest.fixture
def warehouse(tmp_path):
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb", lock_timeout_s=5)


def logged(warehouse, name="account_changes"):
    table = f'"{warehouse.path.stem}".salesforce.{name}'
    with duckdb.connect(str(warehouse.path)) as connection:
        return connection.execute(
            f"SELECT _commit_number, _sequence_number, id, value FROM {table} ORDER BY ALL"
        ).fetchall()


def test_changes_images_and_position_arrive_together(warehouse):
    changes = [(2**60 + 1, 1, "a", "x"), (2**60 + 1, 1, "b", "x"), (2**60 + 2, 1, "a", "y")]
    changes = [(c - 2**60, s, k, v) for c, s, k, v in changes]

    appended, merged = follow(
        warehouse,
        changes,
        [Image("a", 2, 50, 50, "y"), Image("b", 1, 50, 50, "x")],
        api_calls=[ApiCalls("changes/salesforce/account", "rest", 1)],
    )

    assert (appended.appended, appended.repeated) == (3, 0)
    assert merged.inserted == 2
    assert logged(warehouse) == sorted(changes)
    assert rows_of(warehouse.path, table_spec()) == {"a": ("y", False), "b": ("x", False)}
    assert warehouse.position(ORG, CHANNEL) == Position(CHANNEL, b"\x00\x01", second(40))
    assert warehouse.api_calls("run-1") == [ApiCalls("changes/salesforce/account", "rest", 1)]


def test_changes_that_are_delivered_again_are_appended_once(warehouse):
    follow(warehouse, [(1, 1, "a", "x"), (1, 1, "a", "x")])
    again, _ = follow(warehouse, [(1, 1, "a", "x"), (1, 2, "a", "y"), (1, 1, "b", "x")])

    assert (again.appended, again.repeated) == (2, 1)
    assert logged(warehouse) == [(1, 1, "a", "x"), (1, 1, "b", "x"), (1, 2, "a", "y")]


def test_commit_numbers_beyond_what_a_float_holds_are_kept(warehouse):
    log = log_spec()
    rows = change_rows(log, [(1, 1, "a", "x")]).read_all()
    at = rows.schema.get_field_index("_commit_number")
    rows = rows.set_column(at, rows.schema.field(at), pa.array([1745433814682845201]))
    events = pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches())

    warehouse.append_events(
        log, events, event_name="x", org_id=ORG, run_id="r", position=Position("c", b"", None)
    )

    assert logged(warehouse)[0][0] == 1745433814682845201


@pytest.mark.parametrize(
    ("settings", "left"),
    [({}, {"a": ("x", True)}), ({"deletes": "remove"}, {}), ({"filtered": True}, {})],
)
def test_records_that_do_not_come_back_are_flagged_or_removed(warehouse, settings, left):
    spec = table_spec(**settings)
    merge(warehouse, spec, [Image("a", 1, 10, 11, "x"), Image("b", 1, 10, 11, "x")])

    _, merged = follow(warehouse, [(1, 1, "a", None)], spec=spec, asked=["a"])
    late, _ = follow(warehouse, [(1, 1, "a", None)], spec=spec, asked=["a"])

    assert merged.deleted == 1
    assert late.appended == 0
    assert rows_of(warehouse.path, spec) == {**left, "b": ("x", False)}


def test_an_image_from_before_a_record_was_missed_does_not_bring_it_back(warehouse):
    spec = table_spec(deletes="remove")
    follow(warehouse, [(1, 1, "a", "x")], spec=spec, asked=["a"], read=50)

    merge(warehouse, spec, [Image("a", 1, 10, 11, "x")])

    assert rows_of(warehouse.path, spec) == {}


def test_a_position_replaces_the_one_before_and_its_time_never_goes_back(warehouse):
    follow(warehouse, [], position=Position(CHANNEL, b"\x05", second(40)))
    follow(warehouse, [], position=Position(CHANNEL, b"\x04", None))
    follow(warehouse, [], position=Position("/data/Other", b"\x09", second(1)))

    assert warehouse.position(ORG, CHANNEL) == Position(CHANNEL, b"\x04", second(40))
    assert warehouse.position(ORG, "/data/None") is None


def test_events_that_can_not_be_decoded_are_set_aside_once(warehouse):
    dead = [DeadEvent(b"\x01", "e1", "s1", b"\xff\x00", "no such schema")]

    first, _ = follow(warehouse, [], dead=dead)
    again, _ = follow(warehouse, [], dead=dead)

    assert (first.dead, again.dead) == (1, 0)
    assert warehouse.dead_events(ORG, CHANNEL) == 1
    assert warehouse.dead_events(ORG, "/data/Other") == 0
    with warehouse.query("SELECT payload, problem FROM _tidegate.dead_events") as rows:
        assert rows.read_all().to_pylist() == [
            {"payload": b"\xff\x00", "problem": "no such schema"}
        ]


def test_a_new_field_becomes_a_column_of_the_log(warehouse):
    follow(warehouse, [(1, 1, "a", "x")])
    follow(warehouse, [(2, 1, "a", "x")], log=log_spec("account_changes", ("size", pa.int64())))

    assert warehouse.table_columns("salesforce", "account_changes")["size"] == "BIGINT"
    assert len(logged(warehouse)) == 2


def test_platform_events_are_appended_once_by_their_uuid(warehouse):
    log = LogSpec(
        "salesforce",
        "order_events",
        (ColumnSpec("event_uuid", pa.string()), ColumnSpec("action_c", pa.string())),
        unique=("event_uuid",),
    )

    def append(*rows):
        events = reader(log.arrow_schema(), list(rows))
        return warehouse.append_events(
            log,
            events,
            event_name="Order_Event__e",
            org_id=ORG,
            run_id="r",
            position=Position("/event/Order_Event__e", b"\x01", None),
        )

    assert append(("u1", "CREATED"), ("u1", "CREATED")).appended == 1
    assert append(("u1", "CREATED"), ("u2", "CREATED")).appended == 1
    with pytest.raises(LogError, match="have no event_uuid"):
        append((None, "CREATED"))
    assert warehouse.row_count("salesforce", "order_events") == 2


def test_another_org_is_refused_and_nothing_is_written(warehouse):
    follow(warehouse, [(1, 1, "a", "x")])

    with pytest.raises(WrongOrgError):
        follow(warehouse, [(2, 1, "a", "x")], org_id="00D000000000002AAA")
    assert len(logged(warehouse)) == 1


def test_a_merge_that_fails_leaves_log_and_position_as_they_were(warehouse):
    follow(warehouse, [(1, 1, "a", "x")], [Image("a", 1, 50, 50, "x")])

    with pytest.raises(AssertionError):  # the re-read that must not be
        follow(
            warehouse,
            [(2, 1, "a", "y")],
            [Image("a", 1, 50, 50, "y")],
            position=Position(CHANNEL, b"\x09", second(60)),
        )

    assert logged(warehouse) == [(1, 1, "a", "x")]
    assert warehouse.position(ORG, CHANNEL).replay_id == b"\x00\x01"


def events_batch(random):
    """Changes, the Ids read for them, and the images of those that came back."""
    lo = random.randint(0, 30)
    hi = lo + random.randint(0, 8)
    keys = random.sample(KEYS, random.randint(5, 40))
    changes = [(random.randint(1, 9), random.randint(1, 3), key, "v") for key in keys]
    returned = [key for key in keys if random.random() < 0.7]
    return changes, keys, [any_image(random, key, lo, hi, VALUES) for key in returned], (lo, hi)


def check(path, deletes, filtered, seed):
    """Windows and events in any order, some of them twice, against the model of images."""
    random = Random(seed)
    number = next(NUMBERS)
    spec = table_spec(f"e{number}", deletes=deletes, filtered=filtered)
    log, seen, events = log_spec(f"e{number}_changes"), Seen(), set()
    org, warehouse = Org(spec, seen, random), DuckDBWarehouse(path)
    batches = [events_batch(random) for _ in range(random.randint(2, 5))]
    for batch in random.choices(batches, k=len(batches) + 2):
        changes, asked, images, (lo, hi) = batch
        if random.random() < 0.3:  # the same images, through a window
            seen.images.update(images)
            merge(warehouse, spec, images, reread=org.reread)
        else:
            returned = {image.key for image in images}
            seen.images.update(images)
            seen.missing.update((key, lo, hi) for key in asked if key not in returned)
            events.update(changes)
            warehouse.append_changes_and_merge(
                spec,
                log,
                change_rows(log, changes),
                image_rows(spec, images),
                object_name="Account",
                org_id=ORG,
                run_id="r",
                reread=org.reread,
                position=Position(CHANNEL, b"\x01", None),
                asked=AskedRecords(asked, ReadInterval(second(lo), second(hi))),
            )
            assert logged(warehouse, log.name) == sorted(events)
        rows = rows_of(path, spec, "value, _deleted, _modstamp, _read_from, _read_to")
        for key, allowed in seen.table(deletes, filtered).items():
            assert rows.get(key) in {
                row and (*row[:2], *(second(n) for n in row[2:])) for row in allowed
            }, seen.history(key)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """One file for all examples, held open so that each merge needn't load it anew."""
    path = tmp_path_factory.mktemp("events") / "warehouse.duckdb"
    with duckdb.connect(str(path)):
        yield path


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(
    deletes=st.sampled_from(["flag", "remove"]),
    filtered=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_windows_and_events_in_any_order_leave_the_newest_of_each(path, deletes, filtered, seed):
    check(path, deletes, filtered, seed)
