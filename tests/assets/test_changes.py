"""Change events become a log and fresh rows, and what events don't say is read."""

import pytest

from assets.specs import ObjectSpec
from tests.assets.changes import Follower
from tests.assets.conftest import Harbour

ACCOUNT = ObjectSpec("Account", ("Name", "AnnualRevenue", "BillingCity", "Phone"))


@pytest.fixture
def follower(harbour: Harbour):
    harbour.org.control("PUT", "cdc", {"objects": ["Account", "Contact", "Order__c"]})
    return Follower(harbour, ACCOUNT)


def log(harbour: Harbour, *columns: str):
    named = ", ".join(columns)
    return harbour.query(
        f"SELECT {named} FROM salesforce.account_changes ORDER BY _commit_number, _sequence_number"
    )


def test_changes_reach_the_table_and_the_log(harbour: Harbour, follower: Follower):
    first, second = harbour.org.create(
        "Account", {"Name": "Acme", "AnnualRevenue": 1.5}, {"Name": "Bolt", "BillingCity": "Ulm"}
    )
    harbour.org.change("Account", update=[{"Id": first, "Phone": "1", "AnnualRevenue": None}])
    harbour.org.change("Account", delete=[second])

    told = follower.follow()

    assert harbour.rows("account", "id", "name", "annual_revenue", "phone") == [
        (first, "Acme", None, "1")
    ]
    assert log(harbour, "id", "_change_type", "name", "billing_city", "_nulled_fields") == [
        (first, "CREATE", "Acme", None, []),
        (second, "CREATE", "Bolt", "Ulm", []),
        (first, "UPDATE", None, None, ["AnnualRevenue"]),
        (second, "DELETE", None, None, []),
    ]
    assert told["salesforce/events_by_type"] == {"CREATE": 2, "DELETE": 1, "UPDATE": 1}
    assert (told["tidegate/records_asked"], told["tidegate/records_gone"]) == (2, 1)
    assert told["tidegate/reads_of_more"] == 0
