"""The demo's comparison notices whatever isn't as in the org."""

import hashlib
import hmac
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from pipelines.demo_comparison import Selection, column_name, compare, selections

KEY = "key"
MASKED = hmac.new(KEY.encode(), b"a@b.example", hashlib.sha256).hexdigest()
SELECTION = Selection("Order__c", ("*",), ("Sync_Error__c",), ("Email__c",), None)
ORG_ROWS = [
    {
        "Id": "a00000000000001AAA",
        "IsDeleted": False,
        "Amount__c": Decimal("10.50"),
        "Order_Date__c": "2026-09-01",
        "SystemModstamp": "2026-09-01T10:00:00.000+0000",
        "Tags__c": "Gift;Export",
        "Email__c": "a@b.example",
        "Sync_Error__c": "not loaded",
    },
    {
        "Id": "a00000000000002AAA",
        "IsDeleted": True,
        "Amount__c": None,
        "Order_Date__c": None,
        "SystemModstamp": "2026-09-01T11:00:00.000+0000",
        "Tags__c": None,
        "Email__c": None,
        "Sync_Error__c": None,
    },
]


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """A table as it should be after loading ``ORG_ROWS``."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE SCHEMA salesforce")
        connection.execute(
            "CREATE TABLE salesforce.order_c (id VARCHAR, is_deleted BOOLEAN, "
            "amount_c DECIMAL(18,2), order_date_c DATE, system_modstamp TIMESTAMPTZ, "
            "tags_c VARCHAR[], email_c VARCHAR, margin DECIMAL(21,4), _deleted BOOLEAN)"
        )
        connection.execute(
            "INSERT INTO salesforce.order_c VALUES ('a00000000000001AAA', false, 10.50, "
            "'2026-09-01', '2026-09-01T10:00:00Z', ['Gift', 'Export'], ?, 1.89, false), "
            "('a00000000000002AAA', true, NULL, NULL, '2026-09-01T11:00:00Z', NULL, NULL, "
            "NULL, true)",
            [MASKED],
        )
        yield connection


def test_a_table_that_is_as_the_org_has_no_difference(warehouse: duckdb.DuckDBPyConnection):
    comparison = compare(SELECTION, ORG_ROWS, None, warehouse, KEY)

    assert comparison.differences == ()
    assert (comparison.rows, comparison.cells) == (2, 18)


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("UPDATE {t} SET amount_c = 10.51 WHERE amount_c IS NOT NULL", "amount_c"),
        ("UPDATE {t} SET amount_c = 0 WHERE amount_c IS NULL", "amount_c"),
        ("UPDATE {t} SET order_date_c = '2026-09-02' WHERE NOT is_deleted", "order_date_c"),
        (
            "UPDATE {t} SET system_modstamp = '2026-09-01T10:00:00.001Z' WHERE NOT is_deleted",
            "system_modstamp",
        ),
        ("UPDATE {t} SET tags_c = ['Export', 'Gift'] WHERE tags_c IS NOT NULL", "tags_c"),
        ("UPDATE {t} SET email_c = 'a@b.example' WHERE email_c IS NOT NULL", "email_c"),
        ("UPDATE {t} SET margin = 1.8901 WHERE margin IS NOT NULL", "margin"),
        ("UPDATE {t} SET _deleted = false WHERE _deleted", "_deleted"),
        ("UPDATE {t} SET is_deleted = NULL WHERE NOT is_deleted", "is_deleted"),
        ("DELETE FROM {t} WHERE is_deleted", "(row)"),
        ("INSERT INTO {t} (id) VALUES ('a00000000000003AAA')", "(row)"),
    ],
)
def test_one_altered_cell_or_row_is_noticed(
    warehouse: duckdb.DuckDBPyConnection, change: str, column: str
):
    warehouse.execute(change.format(t="salesforce.order_c"))

    [difference] = compare(SELECTION, ORG_ROWS, None, warehouse, KEY).differences

    assert difference.column == column


@pytest.mark.parametrize(
    ("column", "kind"),
    [("system_modstamp", "VARCHAR"), ("amount_c", "VARCHAR"), ("is_deleted", "VARCHAR")],
)
def test_a_column_of_another_type_is_noticed(
    warehouse: duckdb.DuckDBPyConnection, column: str, kind: str
):
    warehouse.execute(f"ALTER TABLE salesforce.order_c ALTER {column} TYPE {kind}")

    differences = compare(SELECTION, ORG_ROWS, None, warehouse, KEY).differences

    assert {difference.column for difference in differences} == {column}


def test_a_missing_column_is_noticed(warehouse: duckdb.DuckDBPyConnection):
    warehouse.execute("ALTER TABLE salesforce.order_c DROP tags_c")

    differences = compare(SELECTION, ORG_ROWS, None, warehouse, KEY).differences

    assert {difference.column for difference in differences} == {"tags_c"}


def test_rows_that_do_not_match_the_condition_must_not_be_there(
    warehouse: duckdb.DuckDBPyConnection,
):
    [difference] = compare(SELECTION, ORG_ROWS, {"a00000000000002AAA"}, warehouse, KEY).differences

    assert (difference.record, difference.in_table) == ("a00000000000001AAA", "a row")


def test_names_are_worked_out_as_the_contract_says():
    names = ["AnnualRevenue", "ERP_Id__c", "Custom_Object__c", "Product2"]

    assert [column_name(name) for name in names] == [
        "annual_revenue",
        "erp_id_c",
        "custom_object_c",
        "product_2",
    ]


def test_selections_are_read_from_the_file_itself(tmp_path: Path):
    file = tmp_path / "defs.yaml"
    file.write_text(
        "type: x\nattributes:\n  objects:\n"
        "    Contact: {fields: [Email, 'Mailing*'], mask: [Email], where: 'Email != null'}\n"
        "    Order__c: {fields: '*', exclude: [Sync_Error__c]}\n"
    )

    contact, order = selections(file)

    assert contact == Selection("Contact", ("Email", "Mailing*"), (), ("Email",), "Email != null")
    assert order.chosen(["Id", "Name", "Sync_Error__c"]) == ["Id", "Name"]
