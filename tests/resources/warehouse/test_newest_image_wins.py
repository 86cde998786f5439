"""The table is a function of the set of images seen, whatever their order and batches."""

import itertools

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.warehouse.adapter import ReadInterval, RereadAnswer
from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from tests.resources.warehouse.harbour import image_rows, merge, rows_of, table_spec
from tests.resources.warehouse.image_model import GONE, Image, Seen, Snapshot, second

KEYS = ["a", "b", "c", "d", "e", "f"]
NUMBERS = itertools.count()

intervals = st.tuples(st.integers(0, 20), st.integers(0, 6)).map(lambda t: (t[0], t[0] + t[1]))
seconds = st.sampled_from([None, 0, 1, 1, 1, 2])


@st.composite
def windows(draw, values):
    """A batch: any images, several of one record among them."""
    images = draw(
        st.lists(
            st.builds(
                lambda key, s, interval, value, deleted: Image(
                    key, s, *interval, value, deleted and value != GONE
                ),
                st.sampled_from(KEYS),
                seconds,
                intervals,
                st.sampled_from(values),
                st.booleans(),
            ),
            max_size=12,
        )
    )
    return images, None


@st.composite
def complete_reads(draw, values):
    """A batch: all records there are, one image each, all read within one interval."""
    lo, hi = draw(intervals)
    keys = draw(st.sets(st.sampled_from(KEYS)))
    images = [
        Image(key, draw(seconds), lo, hi, draw(st.sampled_from(values)), draw(st.booleans()))
        for key in sorted(keys)
    ]
    return images, Snapshot(lo, hi, frozenset(keys))


@st.composite
def worlds(draw):
    """A table's settings, and batches in the order in which they are merged."""
    deletes, filtered = draw(st.sampled_from(["flag", "remove"])), draw(st.booleans())
    values = ["x", "y", None]
    removals = [GONE] if filtered else []
    batches = draw(
        st.lists(
            st.one_of(windows(values + removals), windows(values), complete_reads(values)),
            min_size=1,
            max_size=4,
        )
    )
    again = draw(st.lists(st.sampled_from(range(len(batches))), max_size=2))
    order = draw(st.permutations([*range(len(batches)), *again]))
    return deletes, filtered, [batches[n] for n in order], draw(st.randoms())


class Org:
    """Answers re-reads at random, but later than all before, and remembers what it said."""

    def __init__(self, spec, seen, random):
        self.spec, self.seen, self.random, self.now = spec, seen, random, 0

    def reread(self, ids, after):
        self.now = max(self.now, round((after - second(0)).total_seconds())) + 1
        answers = [self._answer(key) for key in ids if self.random.random() < 0.8]
        self.seen.images.update(answers)
        returned = {image.key for image in answers}
        self.seen.missing.update((key, self.now, self.now) for key in ids if key not in returned)
        interval = ReadInterval(second(self.now), second(self.now))
        return RereadAnswer(image_rows(self.spec, answers), interval)

    def _answer(self, key):
        known = [i.s for i in self.seen.images if i.key == key and i.s is not None]
        s = max(known) + self.random.randint(0, 1) if known else None
        value, deleted = self.random.choice(["x", "y"]), self.random.random() < 0.3
        return Image(key, s, self.now, self.now, value, deleted)


def check(world, path):
    deletes, filtered, batches, random = world
    spec = table_spec(f"t{next(NUMBERS)}", deletes=deletes, filtered=filtered)
    seen = Seen()
    org = Org(spec, seen, random)
    warehouse = DuckDBWarehouse(path)
    for images, snapshot in batches:
        seen.images.update(images)
        if snapshot:
            seen.snapshots.add(snapshot)
        interval = snapshot and (snapshot.lo, snapshot.hi)
        result = merge(warehouse, spec, images, reread=org.reread, snapshot=interval)

        rows = rows_of(path, spec, "value, _deleted, _modstamp, _read_from, _read_to")
        assert result.rows_in_table == len(rows)
        assert result.stale_rows == 0
        expected = seen.table(deletes, filtered)
        assert rows.keys() <= expected.keys()
        for key, allowed in expected.items():
            assert rows.get(key) in {
                row and (*row[:2], *(second(n) for n in row[2:])) for row in allowed
            }, key


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """One file for all examples, held open so that each merge needn't load it anew."""
    path = tmp_path_factory.mktemp("images") / "warehouse.duckdb"
    with duckdb.connect(str(path)):
        yield path


relaxed = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=30, deadline=None, suppress_health_check=relaxed)
@given(worlds())
def test_any_images_in_any_order_leave_the_newest_of_each_record(path, world):
    check(world, path)


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=600, deadline=None, suppress_health_check=relaxed)
@given(worlds())
def test_many_images_in_any_order_leave_the_newest_of_each_record(path, world):
    check(world, path)
