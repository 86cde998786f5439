"""What a load would do to the org, asked from the org itself."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from assets.dry_run import DryRun, dry_run
from assets.load_spec import LoadSpec
from assets.outbound_run import OutboundRows
from resources.salesforce.resource import SalesforceResource
from resources.warehouse.resource import WarehouseResource
from tests.assets.conftest import Harbour
from tests.assets.loads import load_spec, put_table

FIELDS = {
    "ERP_Order_Id__c": "order_no",
    "Amount__c": "amount",
    "Order_Date__c": "day",
    "Tags__c": "tags",
    "Account__r.ERP_Id__c": "customer",
}
COLUMNS = "order_no VARCHAR, amount DECIMAL(18, 2), day DATE, tags VARCHAR[], customer VARCHAR"


def would_do(harbour: Harbour, spec: LoadSpec) -> DryRun:
    org: SalesforceResource = harbour.resources["org_salesforce"]
    warehouse: WarehouseResource = harbour.resources["warehouse_default"]
    with org.connect() as client:
        return dry_run(client, OutboundRows(spec, warehouse.connect(), client, spec.sql or ""))


@pytest.fixture
def orders(harbour: Harbour) -> Harbour:
    """One order that is as in the warehouse, one that isn't, and one that the org lacks."""
    [account] = harbour.org.create("Account", {"Name": "Fjord", "ERP_Id__c": "ERP-1"})
    there = {"Amount__c": 10.5, "Order_Date__c": "2026-01-02", "Tags__c": "Gift;Export"}
    harbour.org.create(
        "Order__c",
        {"ERP_Order_Id__c": "so-1", "Account__c": account, **there},
        {"ERP_Order_Id__c": "SO-2", "Account__c": account, **there},
    )
    day = date(2026, 1, 2)
    put_table(
        harbour.folder,
        COLUMNS,
        ("SO-1", Decimal("10.50"), day, ["Export", "Gift"], "ERP-1"),
        ("SO-2", Decimal("11.00"), day, ["Export", "Gift"], None),
        ("SO-3", Decimal("1.00"), None, None, "ERP-1"),
    )
    return harbour


def test_creates_updates_and_what_is_the_same_are_told_with_old_and_new_values(orders: Harbour):
    found = would_do(orders, load_spec(FIELDS))

    assert (found.creates, found.updates, found.same_in_org) == (1, 1, 1)
    changed = {one.key: {c.field: (c.old, c.new) for c in one.changes} for one in found.examples}
    assert changed == {
        "SO-2": {"Amount__c": ("10.5", "11"), "Account__r.ERP_Id__c": ("ERP-1", None)},
        "SO-3": {"Amount__c": (None, "1"), "Account__r.ERP_Id__c": (None, "ERP-1")},
    }


def test_one_job_finds_the_same_as_many_queries(orders: Harbour):
    number = 6_000
    put_table(orders.folder, "order_no VARCHAR, amount INT", name="erp.many")
    spec = load_spec(
        {"ERP_Order_Id__c": "order_no", "Amount__c": "amount"},
        sql=f"SELECT 'SO-' || range AS order_no, 11 AS amount FROM range({number})",
    )
    before = len(orders.org.requests_since())

    found = would_do(orders, spec)

    assert (found.creates, found.updates) == (number - 2, 2)
    asked = orders.org.requests_since()[before:]
    jobs = [r for r in asked if r["method"] == "POST" and r["path"].endswith("/jobs/query")]
    assert len(jobs) == 1
    assert found.api_calls < 15


def test_records_are_found_by_id_in_15_or_18_characters(orders: Harbour):
    [one, *_] = orders.org.ids("Order__c")
    put_table(orders.folder, "id VARCHAR, amount INT", (one[:15], 7), ("a00000000000001", 7))
    spec = load_spec({"Id": "id", "Amount__c": "amount"}, operation="update", external_id=None)

    found = would_do(orders, spec)

    assert (found.updates, found.not_in_org) == (1, 1)


def test_deletes_are_counted(orders: Harbour):
    put_table(orders.folder, "id VARCHAR", *[(one,) for one in orders.org.ids("Order__c")])
    spec = load_spec({"Id": "id"}, operation="delete", external_id=None)

    assert would_do(orders, spec).deletes == 2


def test_an_insert_creates_every_row_and_asks_for_none(orders: Harbour):
    spec = load_spec({"Amount__c": "amount"}, operation="insert", external_id=None)

    assert would_do(orders, spec).creates == 3


def test_a_dry_run_leaves_nothing_in_the_warehouse(orders: Harbour):
    would_do(orders, load_spec(FIELDS))

    assert (
        orders.query("SELECT 1 FROM information_schema.tables WHERE table_schema = '_tidegate'")
        == []
    )


def test_numbers_and_days_are_compared_as_values(harbour: Harbour):
    harbour.org.create(
        "Opportunity",
        {
            "Name": "A",
            "StageName": "Prospecting",
            "CloseDate": "2026-01-02",
            "Probability": 10,
        },
    )
    [there] = harbour.org.rows("Opportunity", "Id", "Probability")
    put_table(
        harbour.folder,
        "id VARCHAR, chance DOUBLE, closes TIMESTAMP",
        (there["Id"], float(there["Probability"]), datetime(2026, 1, 2)),
    )
    spec = load_spec(
        {"Id": "id", "Probability": "chance", "CloseDate": "closes"},
        object="Opportunity",
        operation="update",
        external_id=None,
    )

    assert would_do(harbour, spec).same_in_org == 1
