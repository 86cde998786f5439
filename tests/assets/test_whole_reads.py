"""Objects without windows are read whole each time."""

from dataclasses import replace

from assets.specs import ObjectSpec
from tests.assets.conftest import Harbour

PRODUCT = ObjectSpec("Product2", ("Name", "Family"))


def test_what_is_gone_from_the_org_is_flagged(harbour: Harbour):
    kept, gone = harbour.org.create("Product2", {"Name": "kept"}, {"Name": "gone"})
    harbour.run(PRODUCT)
    harbour.org.change("Product2", delete=[gone])
    harbour.org.change("Product2", purge=[gone])
    harbour.org.advance(60)

    harbour.run(PRODUCT)

    assert harbour.rows("product_2", "id") == [(kept,)]
    assert harbour.rows("product_2", "name", where="_deleted") == [("gone",)]


def test_a_row_that_stops_matching_goes_by_its_absence(harbour: Harbour):
    spec = replace(PRODUCT, where="Family = 'Boats'")
    [boat] = harbour.org.create("Product2", {"Name": "boat", "Family": "Boats"})
    harbour.run(spec)
    harbour.org.change("Product2", update=[{"Id": boat, "Family": "Nets"}])
    harbour.org.advance(60)

    harbour.run(spec)

    assert harbour.query("SELECT count(*) FROM salesforce.product_2") == [(0,)]


def test_an_object_without_soft_deletes_can_be_read(harbour: Harbour):
    harbour.run(ObjectSpec("User", ("Username", "IsActive")))

    assert ("admin@tidegate.test",) in harbour.rows("user", "username")


def test_all_fields_can_be_asked_for(harbour: Harbour):
    harbour.org.create("Account", {"Name": "A", "BillingCity": "Bergen"})

    harbour.run(ObjectSpec("Account", ("*",), exclude=("Shipping*",)))

    assert harbour.rows("account", "name", "billing_city") == [("A", "Bergen")]
    columns = {
        name
        for (name,) in harbour.query(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'account'"
        )
    }
    assert "billing_address" not in columns
    assert not {name for name in columns if name.startswith("shipping")}
