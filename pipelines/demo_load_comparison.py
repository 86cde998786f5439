"""Compares the ERP's orders with the org, by code of its own.

Nothing of what loads them is used here: the mapping, types and parents are written out anew, and
the org's rows come from the emulator's controls.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from pipelines.demo_comparison import Difference

OrgRow = Mapping[str, Any]
ErpRow = Mapping[str, str]

FIELDS: dict[str, Callable[[ErpRow], Any]] = {
    "Amount__c": lambda row: _number(row["amount"]),
    "Tax_Rate__c": lambda row: _number(row["tax_rate"]),
    "Order_Date__c": lambda row: row["order_date"] or None,
    "Status__c": lambda row: row["status"] or None,
    "Account__c": lambda row: row["customer_no"],
    "Notes__c": lambda row: row["note"],
}


@dataclass(frozen=True)
class LoadComparison:
    """What was compared, and what differs."""

    accepted: int
    not_accepted: int
    cells: int
    differences: tuple[Difference, ...]


def erp_rows(file: Path, corrections: Mapping[str, Mapping[str, str]]) -> list[dict[str, str]]:
    """The orders that are sent, with what was corrected since, by order number."""
    with file.open(newline="", encoding="utf-8") as source:
        rows = [row for row in csv.DictReader(source) if row["is_test"] == "false"]
    return [row | dict(corrections.get(row["order_no"], {})) for row in rows]


def compare_orders(
    erp: Sequence[ErpRow],
    orders: Sequence[OrgRow],
    accounts: Sequence[OrgRow],
    outcomes: Mapping[str, str],
) -> LoadComparison:
    """Each accepted order is in the org as in the ERP, and no other has got there.

    Args:
        erp: What the load reads.
        orders: The org's orders.
        accounts: The org's accounts.
        outcomes: Latest outcome by order number.
    """
    customer_of = {row["Id"]: row["ERP_Id__c"] for row in accounts}
    by_number = {row["ERP_Order_Id__c"]: row for row in orders if row["ERP_Order_Id__c"]}
    differences: list[Difference] = []
    cells = accepted = 0
    for row in erp:
        number = row["order_no"]
        outcome, there = outcomes.get(number), by_number.get(number)
        unlike = list(_unlike(row, there, customer_of)) if there else []
        if outcome == "accepted":
            accepted += 1
            cells += len(FIELDS)
            differences += unlike
            if there is None:
                differences.append(Difference("Order__c", number, "(row)", None, "accepted"))
        elif outcome is None:
            differences.append(Difference("Order__c", number, "(outcome)", there and "a row", None))
        elif there is not None and not unlike:
            differences.append(Difference("Order__c", number, "(row)", "as in the ERP", outcome))
    return LoadComparison(accepted, len(erp) - accepted, cells, tuple(differences))


def latest_outcomes(warehouse_file: Path, load: str) -> dict[str, str]:
    """By key, as the public table tells them."""
    with duckdb.connect(str(warehouse_file), read_only=True) as warehouse:
        return dict(
            warehouse.execute(
                "SELECT key, arg_max(outcome, sent_at) FROM _tidegate.load_outcomes "
                "WHERE load = ? GROUP BY key",
                [load],
            ).fetchall()
        )


def _unlike(
    row: ErpRow, there: OrgRow, customer_of: Mapping[str, str | None]
) -> Iterator[Difference]:
    for field, wanted_of in FIELDS.items():
        wanted, found = wanted_of(row), there[field]
        if field == "Account__c":
            found = customer_of.get(found)
        if field == "Notes__c" and not wanted:
            continue  # The load leaves notes alone where the ERP has none.
        if isinstance(wanted, Decimal):
            found = None if found is None else Decimal(str(found))
        if wanted != found:
            yield Difference("Order__c", row["order_no"], field, found, wanted)


def _number(text: str) -> Decimal | None:
    return Decimal(text) if text else None
