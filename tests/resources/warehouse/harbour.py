"""A DuckDB warehouse for tests, with images written as short tuples."""

import duckdb
import pyarrow as pa

from resources.warehouse.adapter import ColumnSpec, ReadInterval, RereadAnswer, TableSpec
from tests.resources.warehouse.image_model import GONE, second

ORG = "00D000000000001AAA"


def table_spec(name="account", **settings):
    """A table with an Id and one value."""
    columns = (ColumnSpec("id", pa.string()), ColumnSpec("value", pa.string()))
    return TableSpec("salesforce", name, columns, **settings)


def reader(schema, rows):
    """A reader over rows in the schema's order."""
    columns = [pa.array([row[n] for row in rows], field.type) for n, field in enumerate(schema)]
    batch = pa.RecordBatch.from_arrays(columns, schema=schema)
    return pa.RecordBatchReader.from_batches(schema, [batch])


def image_rows(spec, images):
    """Images of the model, but those that say "no longer matches"."""
    return reader(
        spec.image_schema(),
        [
            (i.key, i.value, second(i.s), second(i.lo), second(i.hi), i.deleted)
            for i in images
            if i.value != GONE
        ],
    )


def removal_rows(spec, images):
    """Images of the model that say "no longer matches"."""
    rows = [(i.key, second(i.s), second(i.lo), second(i.hi)) for i in images if i.value == GONE]
    return reader(spec.removal_schema(), rows)


def never_reread(ids, after):
    """For merges in which every image can be told apart."""
    raise AssertionError(f"{len(ids)} records were read again after {after}")


def reread_with(spec, images, lo, hi):
    """A re-read that answers with these images."""

    def reread(ids, after):
        return RereadAnswer(
            image_rows(spec, [i for i in images if i.key in ids]),
            ReadInterval(second(lo), second(hi)),
        )

    return reread


def merge(warehouse, spec, images, *, reread=never_reread, snapshot=None, **settings):
    """Merge images of the model, removals among them."""
    return warehouse.merge_images(
        spec,
        image_rows(spec, images),
        removals=removal_rows(spec, images),
        reread=reread,
        complete_as_of=snapshot and ReadInterval(second(snapshot[0]), second(snapshot[1])),
        **{"object_name": "Account", "org_id": ORG, "run_id": "run-1", **settings},
    )


def rows_of(path, spec, columns='"value", _deleted'):
    """The table as {id: (columns…)}."""
    with duckdb.connect(str(path)) as connection:
        rows = connection.execute(
            f'SELECT id, {columns} FROM "{path.stem}"."{spec.schema}"."{spec.name}"'
        ).fetchall()
    return {row[0]: tuple(row[1:]) for row in rows}
