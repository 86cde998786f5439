"""The table is a function of the set of images seen, whatever their order and batches."""

import itertools
from random import Random

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from resources.warehouse.adapter import ReadInterval, RereadAnswer
from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from tests.resources.warehouse.harbour import image_rows, merge, rows_of, table_spec
from tests.resources.warehouse.image_model import GONE, Image, Seen, Snapshot, second

# Many records per example, because a merge costs the same for one as for a hundred.
KEYS = [f"{n:03d}" for n in range(60)]
NUMBERS = itertools.count()

# Mostly one second and one value: else greater seconds and re-reads settle everything at once.
SECONDS = [None, 0, 1, 1, 1, 1, 1, 1, 2]
VALUES = ["x", "x", "x", "x", "x", "y", None]


def any_image(random, key, lo, hi, values):
    """Some image of a record, read within [lo, hi]."""
    value = random.choice(values)
    deleted = value != GONE and random.random() < 0.25
    return Image(key, random.choice(SECONDS), lo, hi, value, deleted)


def any_interval(random):
    """Short and long reads within the same half minute."""
    lo = random.randint(0, 30)
    return lo, lo + random.randint(0, 8)


def window(random, values):
    """A batch: any images, several of one record among them."""
    keys = random.choices(KEYS, k=random.randint(30, 90))
    return [any_image(random, key, *any_interval(random), values) for key in keys], None


def complete_read(random, filtered):
    """A batch: all records there are, one image each, all read within one interval."""
    lo, hi = any_interval(random)
    keys = random.sample(KEYS, random.randint(20, 50))
    images = [any_image(random, key, lo, hi, VALUES) for key in keys]
    if filtered:
        images += [any_image(random, key, lo, hi, [GONE]) for key in random.sample(KEYS, 5)]
    return images, Snapshot(lo, hi, frozenset(keys))


def any_batches(random, filtered):
    """Batches in the order in which they are merged, some of them twice."""
    values = VALUES + [GONE] * 3 if filtered else VALUES
    batches = [
        complete_read(random, filtered) if random.random() < 0.4 else window(random, values)
        for _ in range(random.randint(2, 6))
    ]
    batches += random.choices(batches, k=random.randint(0, 2))
    random.shuffle(batches)
    return batches


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


def check(path, deletes, filtered, seed):
    """Merge batch after batch, and compare the table with the model after each."""
    random = Random(seed)
    spec = table_spec(f"t{next(NUMBERS)}", deletes=deletes, filtered=filtered)
    seen = Seen()
    org = Org(spec, seen, random)
    warehouse = DuckDBWarehouse(path)
    for images, snapshot in any_batches(random, filtered):
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
            }, seen.history(key)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """One file for all examples, held open so that each merge needn't load it anew."""
    path = tmp_path_factory.mktemp("images") / "warehouse.duckdb"
    with duckdb.connect(str(path)):
        yield path


worlds = given(
    deletes=st.sampled_from(["flag", "remove"]),
    filtered=st.booleans(),
    seed=st.integers(0, 2**32),
)
# A seed can't be made simpler, only smaller: shrinking would only take time.
phases = [Phase.explicit, Phase.reuse, Phase.generate]


@settings(max_examples=4, deadline=None, phases=phases)
@worlds
def test_any_images_in_any_order_leave_the_newest_of_each_record(path, deletes, filtered, seed):
    check(path, deletes, filtered, seed)


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=100, deadline=None, phases=phases)
@worlds
def test_many_images_in_any_order_leave_the_newest_of_each_record(path, deletes, filtered, seed):
    check(path, deletes, filtered, seed)
