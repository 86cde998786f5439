"""What a history is about: an object, the fields that change, and what a table must hold.

The values that a table must hold are made here from what the org's control shows, by code that
shares nothing with the assets.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

from assets.specs import ObjectSpec

Row = Mapping[str, Any]


def text(value: Any) -> str | None:
    return value or None


def decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def whole(value: Any) -> int | None:
    return None if value is None else int(value)


def day(value: Any) -> date | None:
    return value and date.fromisoformat(value)


def words(value: Any) -> list[str] | None:
    return value and value.split(";")


def moment(value: str) -> datetime:
    return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(UTC)


@dataclass(frozen=True)
class Scene:
    """One object as a sync reads it.

    Args:
        columns: Salesforce's field to the table's column and what makes its value.
        choose: New values for some fields; a new record gets `required` besides.
        matches: Whether a row of the org fulfils the sync's `where`.
    """

    name: str
    spec: ObjectSpec
    table: str
    columns: Mapping[str, tuple[str, Callable[[Any], Any]]]
    choose: Callable[[Random], dict[str, Any]]
    matches: Callable[[Row], bool] = lambda row: True

    @property
    def asked(self) -> list[str]:
        """What the org's control must show."""
        return ["Id", "IsDeleted", "SystemModstamp", *self.columns]

    def expected(self, rows: list[Row]) -> dict[str, tuple[Any, ...]]:
        """The table by Id: the columns, whether deleted, when changed last."""
        return {
            row["Id"]: (
                *(make(row[field]) for field, (_, make) in self.columns.items()),
                row["IsDeleted"],
                moment(row["SystemModstamp"]),
            )
            for row in rows
            if self.matches(row) and not (row["IsDeleted"] and self.spec.deletes == "remove")
        }

    def select(self, schema: str) -> str:
        """The same out of the table."""
        named = ", ".join(column for column, _ in self.columns.values())
        return f"SELECT id, {named}, _deleted, _modstamp FROM {schema}.{self.table}"


NAMES = [
    "Åsa, Öberg & Söhne",
    'The "Old" Mill',
    "line one\nline two",
    "港湾",
    "NULL",
    "007",
    "O'Neil",
]
INDUSTRIES = ["Banking", "Retail", "Energy", None]
STATES = ["Draft", "Cancelled", None]
TAGS = ["Priority", "Fragile;Gift", None]


def _account(random: Random) -> dict[str, Any]:
    values = {
        "Name": f"{random.choice(NAMES)} {random.randrange(1000)}",
        "Industry": random.choice(INDUSTRIES),
        "AnnualRevenue": random.choice([None, 0, 1250000, 73]),
        "NumberOfEmployees": random.choice([None, 0, 12, 2_000_000]),
        "Description": random.choice([None, "a,b\r\nc", '"', " "]),
    }
    kept = random.sample(sorted(values), k=random.randint(1, len(values)))
    return {"Name": values["Name"], **{name: values[name] for name in kept}}


def _order(random: Random) -> dict[str, Any]:
    values = {
        "Amount__c": random.choice([None, 0.01, 1234.5, 99999999.99]),
        "Status__c": random.choice(STATES),
        "Tags__c": random.choice(TAGS),
        "Order_Date__c": random.choice([None, "2024-02-29", "1999-12-31"]),
        "Notes__c": random.choice([None, "x" * 300, 'say "hi"\n', "é"]),
    }
    return {name: values[name] for name in random.sample(sorted(values), k=random.randint(1, 5))}


_ACCOUNT_COLUMNS = {
    "Name": ("name", text),
    "Industry": ("industry", text),
    "AnnualRevenue": ("annual_revenue", decimal),
    "NumberOfEmployees": ("number_of_employees", whole),
    "Description": ("description", text),
}
_ORDER_COLUMNS = {
    "Amount__c": ("amount_c", decimal),
    "Status__c": ("status_c", text),
    "Tags__c": ("tags_c", words),
    "Order_Date__c": ("order_date_c", day),
    "Notes__c": ("notes_c", text),
}

ACCOUNTS = Scene(
    "accounts, deleted ones flagged",
    ObjectSpec("Account", tuple(_ACCOUNT_COLUMNS)),
    "account",
    _ACCOUNT_COLUMNS,
    _account,
)
ACCOUNTS_REMOVED = replace(
    ACCOUNTS,
    name="accounts, deleted ones removed",
    spec=replace(ACCOUNTS.spec, deletes="remove"),
)
BANKS = replace(
    ACCOUNTS,
    name="banks among accounts",
    spec=replace(ACCOUNTS.spec, where="Industry = 'Banking'"),
    matches=lambda row: row["Industry"] == "Banking",
)
ORDERS = Scene(
    "orders, neither cancelled nor deleted ones",
    ObjectSpec(
        "Order__c", tuple(_ORDER_COLUMNS), where="Status__c != 'Cancelled'", deletes="remove"
    ),
    "order_c",
    _ORDER_COLUMNS,
    _order,
    lambda row: row["Status__c"] != "Cancelled",
)
SCENES = (ACCOUNTS, ACCOUNTS_REMOVED, BANKS, ORDERS)
