"""Loads of an object that a sync brings into the same warehouse: echoes, and changes over there."""

from typing import Any

import pytest

from assets.load_image import load_image
from assets.load_spec import InboundTable, LoadSpec
from assets.load_target import load_target
from assets.specs import ObjectSpec
from resources.salesforce.resource import SalesforceResource
from resources.warehouse.load_adapter import ImageColumn, ParentTable
from tests.assets.conftest import Harbour
from tests.assets.loads import load_spec, put_table, run_outbound

ORDERS = ObjectSpec("Order__c", fields=("ERP_Order_Id__c", "Amount__c", "Account__c"))
ACCOUNTS = ObjectSpec("Account", fields=("Name", "ERP_Id__c"))
INBOUND = (InboundTable("Order__c", "salesforce"), InboundTable("Account", "salesforce"))
FIELDS = {
    "ERP_Order_Id__c": "order_no",
    "Amount__c": "amount",
    "Account__r.ERP_Id__c": "customer_no",
}
BACK = """
    SELECT o.erp_order_id_c AS order_no, o.amount_c AS amount, a.erp_id_c AS customer_no
    FROM salesforce.order_c o LEFT JOIN salesforce.account a ON a.id = o.account_c
"""
COLUMNS = "order_no VARCHAR, amount DECIMAL(18, 2), customer_no VARCHAR"


def spec(**more: Any) -> LoadSpec:
    return load_spec(FIELDS, inbound=INBOUND, **more)


@pytest.fixture
def synced(harbour: Harbour) -> Harbour:
    [account] = harbour.org.create("Account", {"Name": "Fjord", "ERP_Id__c": "ERP-1"})
    harbour.org.create(
        "Order__c",
        {"ERP_Order_Id__c": "SO-1", "Amount__c": 10.5, "Account__c": account},
        {"ERP_Order_Id__c": "SO-2", "Amount__c": 20, "Account__c": None},
    )
    harbour.run(ACCOUNTS)
    harbour.run(ORDERS)
    return harbour


def test_rows_that_came_from_salesforce_unchanged_are_not_sent_back(synced: Harbour):
    left = run_outbound(synced, spec(sql=BACK))

    assert left.rows == []
    assert left.metadata["tidegate/in_sync"] == 2


def test_a_row_that_was_changed_on_its_way_is_sent(synced: Harbour):
    put_table(synced.folder, COLUMNS, ("SO-1", 10.5, "ERP-1"), ("SO-2", 20, "ERP-1"))

    left = run_outbound(synced, spec())

    assert left.keys == ["SO-2"]
    assert left.metadata["tidegate/in_sync"] == 1


@pytest.mark.parametrize(("drift", "sent"), [("report", []), ("overwrite", ["SO-1"])])
def test_what_someone_changed_over_there_is_reported_or_overwritten(
    synced: Harbour, drift: str, sent: list[str]
):
    put_table(synced.folder, COLUMNS, ("SO-1", 10.5, "ERP-1"))
    run_outbound(synced, spec(drift=drift))  # finds it in sync, and remembers that
    synced.org.advance(60)
    [one] = [r for r in synced.org.rows("Order__c") if r["ERP_Order_Id__c"] == "SO-1"]
    synced.org.change("Order__c", update=[{"Id": one["Id"], "Amount__c": 99}])
    synced.run(ORDERS)

    left = run_outbound(synced, spec(drift=drift))

    assert left.keys == sent
    assert left.metadata["tidegate/drifted"] == 1
    [example] = left.metadata["tidegate/drift"]
    assert (example["key"], example["field"], example["sent"]) == ("SO-1", "Amount__c", "10.5")


def test_columns_that_a_sync_masks_or_leaves_out_are_not_compared(synced: Harbour):
    masked = (InboundTable("Order__c", "salesforce", masked=("Amount*",)), INBOUND[1])
    org: SalesforceResource = synced.resources["org_salesforce"]
    warehouse = synced.resources["warehouse_default"].connect()
    one = load_spec({**FIELDS, "Notes__c": "note"}, inbound=masked)
    with org.connect() as client:
        columns = load_target(client, one).columns

    image = load_image(one, columns, warehouse.table_columns)

    assert image is not None
    assert (image.table, image.key) == ("order_c", "erp_order_id_c")
    parent = ParentTable("salesforce", "account", "erp_id_c")
    assert image.columns == (
        ImageColumn("ERP_Order_Id__c", "erp_order_id_c"),
        ImageColumn("Account__r.ERP_Id__c", "account_c", parent),
    )


def test_an_object_that_no_sync_brings_has_no_image(harbour: Harbour):
    org: SalesforceResource = harbour.resources["org_salesforce"]
    warehouse = harbour.resources["warehouse_default"].connect()
    with org.connect() as client:
        columns = load_target(client, load_spec(FIELDS)).columns

    assert load_image(load_spec(FIELDS), columns, warehouse.table_columns) is None
    assert load_image(spec(), columns, warehouse.table_columns) is None
