"""The objects of a history that is followed by events: a formula, a compound name, an address."""

from dataclasses import replace
from random import Random
from typing import Any

from assets.specs import ObjectSpec
from tests.end_to_end.scenes import (
    ACCOUNTS,
    ACCOUNTS_REMOVED,
    BANKS,
    ORDERS,
    Scene,
    decimal,
    text,
)

_ORDER_COLUMNS = {
    **ORDERS.columns,
    "Tax_Rate__c": ("tax_rate_c", decimal),
    # No event holds it: only a read of the record tells its value.
    "Amount_With_Tax__c": ("amount_with_tax_c", decimal),
}
_CONTACT_COLUMNS = {
    "FirstName": ("first_name", text),
    "LastName": ("last_name", text),
    "Name": ("name", text),
    "MailingStreet": ("mailing_street", text),
    "MailingCity": ("mailing_city", text),
}


def _order(random: Random) -> dict[str, Any]:
    return {**ORDERS.choose(random), "Tax_Rate__c": random.choice([None, 7, 19, 0.5])}


def _contact(random: Random) -> dict[str, Any]:
    values = {
        "FirstName": random.choice(["Åsa", "Jörg", None]),
        "MailingStreet": random.choice(["Kai 1\nHalle 2", None]),
        "MailingCity": random.choice(["Ulm", "Århus", None]),
    }
    kept = random.sample(sorted(values), k=random.randint(1, len(values)))
    return {"LastName": f"Holm {random.randrange(1000)}", **{name: values[name] for name in kept}}


ORDERS_WITH_TAX = replace(
    ORDERS,
    name="orders with a formula",
    spec=replace(ORDERS.spec, fields=tuple(_ORDER_COLUMNS)),
    columns=_ORDER_COLUMNS,
    choose=_order,
)
CONTACTS = Scene(
    "contacts",
    ObjectSpec("Contact", tuple(_CONTACT_COLUMNS), history=True),
    "contact",
    _CONTACT_COLUMNS,
    _contact,
)


def event_scenes(seed: int) -> tuple[Scene, Scene, Scene]:
    """Three objects that are followed at once."""
    accounts = (ACCOUNTS, ACCOUNTS_REMOVED, BANKS)
    chosen = accounts[seed % len(accounts)]
    with_history = replace(chosen, spec=replace(chosen.spec, history=True))
    return with_history, ORDERS_WITH_TAX, CONTACTS
