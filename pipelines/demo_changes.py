"""What happens in the demo's org: during the day that is then synced, and after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.emulator_process import Emulator


@dataclass(frozen=True)
class Mark:
    """What a changed record's table has in one column once the change is there."""

    object: str
    record: str
    column: str
    value: str | bool


def make_changes(org: Emulator) -> str:
    """Insert, edit, delete and undelete some records; what was done, as one line."""
    account, contact, order = (_some(org, name) for name in ("Account", "Contact", "Order__c"))
    opportunity = _some(org, "Opportunity")
    created = _change(
        org,
        "Account",
        create=[
            {"Name": 'Fjord & Söhne, "Import"', "Industry": "Shipping", "AnnualRevenue": 1_250_000},
            {"Name": "株式会社みなと", "Industry": "Retail", "BillingCity": "横浜"},
            {"Name": "Two\nlines", "ERP_Id__c": "DEMO-0003"},
        ],
        update=[{"Id": id_, "Industry": "Banking"} for id_ in account[:12]],
    )
    _change(
        org,
        "Contact",
        create=[{"LastName": "Ødegård", "Email": "demo@example.com", "AccountId": created[0]}],
        # One stops matching the sync's `where`, one is deleted.
        update=[{"Id": contact[0], "Email": None}, {"Id": contact[1], "FirstName": "Zoë"}],
        delete=[contact[2]],
    )
    _change(org, "Order__c", update=[{"Id": i, "Amount__c": 99.95} for i in order[:25]])
    _change(org, "Order__c", delete=order[25:28])
    _change(org, "Order__c", undelete=order[25:26])
    _change(
        org,
        "Opportunity",
        update=[{"Id": i, "StageName": "Closed Won"} for i in opportunity[:8]],
        delete=opportunity[8:10],
    )
    _change(
        org, "Product2", update=[{"Id": i, "IsActive": False} for i in _some(org, "Product2")[:3]]
    )
    return "4 records created, 50 changed, 6 deleted, 1 undeleted"


def change_followed_objects(org: Emulator) -> list[Mark]:
    """Rename an account, add a contact, delete an order: each as somebody does in the org."""
    account, order = _some(org, "Account")[0], _some(org, "Order__c")[0]
    _change(org, "Account", update=[{"Id": account, "Name": "Renamed & Co. KG"}])
    person = {"LastName": "Lindqvist", "Email": "new@example.com", "AccountId": account}
    [contact] = _change(org, "Contact", create=[person])
    _change(org, "Order__c", delete=[order])
    return [
        Mark("Account", account, "name", "Renamed & Co. KG"),
        Mark("Contact", contact, "last_name", "Lindqvist"),
        Mark("Order__c", order, "_deleted", True),
    ]


def _some(org: Emulator, object_name: str) -> list[str]:
    rows = [row for row in org.rows(object_name) if not row.get("IsDeleted")]
    if object_name == "Contact":
        rows = [row for row in rows if row["Email"]]
    return [row["Id"] for row in rows]


def _change(org: Emulator, object_name: str, **changes: Any) -> list[str]:
    answer = org.control("POST", f"records/{object_name}", changes)
    return list(answer["ids"])
