"""What a random load is about: an object, an operation, and what the org must hold afterwards.

The values that the org must hold are made here from the rows of the source, by code that shares
nothing with the assets.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from assets.load_spec import LoadedField, LoadSpec

Row = dict[str, Any]

OBJECT, KEY = "Order__c", "ERP_Order_Id__c"
PARENT = "Account__r.ERP_Id__c"
PARENTS = [f"ACC-{n}" for n in range(4)]
NO_PARENT = "ACC-404"
NOTES = ["Åsa & Söhne", 'a "quoted" note', "two\nlines", "NULL", "007", "港湾", "a,b;c"]
# The last one isn't among the picklist's values: the org refuses the row.
STATUSES = ["Draft", "Submitted", "Shipped", "Lost at sea"]
DEFAULTS = {"Status__c": "Draft"}
READ = ["Id", "IsDeleted", KEY, "Account__c", "Amount__c", "Notes__c", "Status__c"]


def amount(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value)).normalize()


@dataclass(frozen=True)
class LoadScene:
    """A load, and the source's columns by the field that they fill.

    Args:
        rows: New rows of the source, out of what is in the org and what was there before.
    """

    spec: LoadSpec
    rows: Callable[[Random, list[Row], list[Row]], list[Row]]

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def columns(self) -> dict[str, str]:
        return {one.column: one.name for one in self.spec.fields}

    def after(self, before: Row | None, row: Row, accounts: Mapping[str, str]) -> Row:
        """What the org holds of a record once it has accepted a row."""
        held = dict(before or DEFAULTS)
        for one in self.spec.fields:
            value = row[one.column]
            if value is None and one.nulls == "leave":
                continue
            if one.name == PARENT:
                held["Account__c"] = accounts[value] if value else None
            else:
                held[one.name] = value
        return comparable(held)


def comparable(row: Mapping[str, Any]) -> Row:
    """The fields that loads write, one value for what is the same."""
    return {
        **{name: row.get(name) for name in (KEY, "Account__c", "Notes__c", "Status__c")},
        "Amount__c": amount(row.get("Amount__c")),
    }


def _values(random: Random) -> Row:
    return {
        "amount": random.choice([None, Decimal(random.randrange(10_000)) / 100]),
        "note": random.choice([None, *NOTES]),
        "status": random.choices([None, *STATUSES], [2, 4, 4, 4, 1])[0],
        "customer": random.choices([None, *PARENTS, NO_PARENT], [3, 3, 3, 3, 3, 1])[0],
    }


def _upserted(random: Random, _: list[Row], before: list[Row]) -> list[Row]:
    """Most rows of before, some of them changed, and new ones; some are in the org already."""
    kept = [row for row in before if random.random() < 0.9]
    changed = [{**row, **_values(random)} if random.random() < 0.3 else row for row in kept]
    known = {row["order_no"] for row in changed}
    numbers = random.sample(range(2_000), k=random.choice([0, 5, 60, 450]))
    fresh = [f"SO-{n}" for n in numbers if f"SO-{n}" not in known]
    return changed + [{"order_no": one, **_values(random)} for one in fresh]


def _updated(random: Random, org: list[Row], _: list[Row]) -> list[Row]:
    """Some records of the org, deleted ones among them."""
    chosen = random.sample(org, k=min(len(org), random.choice([1, 40, 300])))
    return [{"id": row["Id"], **_values(random)} for row in chosen]


def _inserted(random: Random, _: list[Row], before: list[Row]) -> list[Row]:
    """Rows without a key, some of them alike."""
    fresh = [_values(random) for _ in range(random.choice([1, 30, 250]))]
    return before + fresh + random.sample(fresh, k=len(fresh) // 5)


def _removed(random: Random, org: list[Row], before: list[Row]) -> list[Row]:
    """More records of the org each time, deleted ones among them."""
    chosen = random.sample(org, k=min(len(org), random.choice([1, 20, 120])))
    known = {row["id"] for row in before}
    return before + [{"id": row["Id"]} for row in chosen if row["Id"] not in known]


def _spec(operation: str, fields: Mapping[str, str], nulls: str = "clear", **more: Any) -> LoadSpec:
    mapped = (LoadedField(name, column, nulls) for name, column in fields.items())
    return LoadSpec(
        name=f"{operation}_{nulls}",
        org="salesforce",
        object=OBJECT,
        operation=operation,
        fields=tuple(mapped),
        sql="SELECT * FROM erp.orders",
        fail_above=1.0,
        **more,
    )


VALUES = {
    "Amount__c": "amount",
    "Notes__c": "note",
    "Status__c": "status",
    PARENT: "customer",
}
UPSERT = {KEY: "order_no", **VALUES}
# Without small loads all rows go by bulk jobs.
SCENES = [
    LoadScene(_spec("upsert", UPSERT, external_id=KEY), _upserted),
    LoadScene(_spec("insert", VALUES), _inserted),
    LoadScene(_spec("upsert", UPSERT, "leave", external_id=KEY, small_load_rows=0), _upserted),
    LoadScene(_spec("update", {"Id": "id", **VALUES}, small_load_rows=0), _updated),
    LoadScene(_spec("delete", {"Id": "id"}), _removed),
    LoadScene(_spec("update", {"Id": "id", **VALUES}, "leave"), _updated),
    LoadScene(_spec("hard_delete", {"Id": "id"}), _removed),
]
