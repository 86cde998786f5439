"""What happens to a table's columns before a merge."""

import pickle

import pyarrow as pa
import pytest

from resources.warehouse import errors
from resources.warehouse.adapter import ColumnSpec, TableSpec
from resources.warehouse.schema_plan import plan_schema, wanted_columns
from tests.resources.warehouse.harbour import table_spec


def test_a_missing_table_is_created():
    assert plan_schema({}, {"id": "VARCHAR"}).create


def test_new_columns_are_added_in_order_and_old_ones_left_alone():
    have = {"id": "VARCHAR", "dropped": "DATE"}

    plan = plan_schema(have, {"id": "VARCHAR", "b": "DATE", "a": "BIGINT"})

    assert plan.add == (("b", "DATE"), ("a", "BIGINT"))
    assert plan.changed == ()
    assert not plan.create


def test_names_that_differ_in_case_are_one_column():
    assert plan_schema({"ID": "VARCHAR"}, {"id": "VARCHAR"}).add == ()


def test_another_type_is_a_change_whether_wider_or_narrower():
    have = {"a": "DECIMAL(18,2)", "b": "BIGINT", "c": "INTEGER"}

    plan = plan_schema(have, {"a": "DOUBLE", "b": "INTEGER", "c": "BIGINT"})

    assert plan.changed == (
        ("a", "DECIMAL(18,2)", "DOUBLE"),
        ("b", "BIGINT", "INTEGER"),
        ("c", "INTEGER", "BIGINT"),
    )


@pytest.mark.parametrize(
    ("have", "want", "after"),
    [
        ("DECIMAL(18,2)", "DECIMAL(38,20)", "DECIMAL(38,20)"),
        ("DECIMAL(38,20)", "DECIMAL(18,2)", "DECIMAL(38,20)"),
        ("DECIMAL(18,2)", "DECIMAL(18,4)", "DECIMAL(20,4)"),
        ("DECIMAL(5,0)", "DECIMAL(3,2)", "DECIMAL(7,2)"),
    ],
)
def test_decimals_get_room_for_all_digits_before_and_behind_the_point(have, want, after):
    plan = plan_schema({"a": have}, {"a": want})

    assert plan.columns == {"a": after}
    assert plan.widen == ((("a", after),) if after != have else ())
    assert plan.changed == ()


def test_decimals_that_no_column_holds_are_a_change():
    plan = plan_schema({"a": "DECIMAL(38,20)"}, {"a": "DECIMAL(20,0)"})

    assert plan.changed == (("a", "DECIMAL(38,20)", "DECIMAL(20,0)"),)


def test_a_type_without_counterpart_is_refused():
    spec = TableSpec("s", "t", (ColumnSpec("id", pa.month_day_nano_interval()),))

    with pytest.raises(TypeError, match="month_day_nano_interval"):
        wanted_columns(spec)


def test_bookkeeping_columns_follow_the_own_ones():
    assert list(wanted_columns(table_spec()))[:3] == ["id", "value", "_modstamp"]


@pytest.mark.parametrize(
    "error",
    [
        errors.WarehouseLockedError("w.duckdb", "process 7 (python)", 300.0),
        errors.WarehouseSpaceError("w.duckdb", "Out of Memory Error: no block left."),
        errors.SchemaChangeError("s.t", (("a", "DATE", "BIGINT"),)),
        errors.WrongOrgError("s.t", "00D1", "00D2"),
        errors.StateFormatError("s.t", 2, 1),
        errors.ImageError("s.t", "3 have no id"),
        errors.RereadError("s.t", 3, "they are in doubt"),
        errors.WarehouseUrlError("postgresql://user:secret@host/db"),
    ],
)
def test_errors_survive_pickling_and_tell_no_secrets(error):
    copy = pickle.loads(pickle.dumps(error))

    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
    assert "secret" not in str(error)
