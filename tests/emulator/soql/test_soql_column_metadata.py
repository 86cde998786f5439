"""What ``columns=true`` answers: columns, parents and subqueries as the vendor's CLI reads them."""


def _columns(metadata):
    return [(one["columnName"], one["aggregate"]) for one in metadata["columnMetadata"]]


def test_a_field_is_described_by_its_kind(soql):
    metadata = soql.compile(
        "SELECT id, Name, AnnualRevenue, IsDeleted, ERP_Id__c, CreatedDate FROM Account"
    ).column_metadata()

    assert {key: metadata[key] for key in ("entityName", "groupBy", "idSelected", "keyPrefix")} == {
        "entityName": "Account",
        "groupBy": False,
        "idSelected": True,
        "keyPrefix": "001",
    }
    identity, name, revenue, deleted, erp, created = metadata["columnMetadata"]
    assert identity["apexType"] == "Id"
    assert (name["textType"], name["updatable"], name["custom"]) == (True, True, False)
    assert (revenue["numberType"], revenue["apexType"]) == (True, "Double")
    assert (deleted["booleanType"], deleted["updatable"]) == (True, False)
    assert erp["custom"] is True
    assert (created["apexType"], created["insertable"]) == ("Datetime", False)


def test_parents_and_subqueries_hold_their_columns(soql):
    metadata = soql.compile(
        "SELECT Name, Owner.Name, (SELECT LastName, Owner.Name FROM Contacts), Owner.Alias "
        "FROM Account"
    ).column_metadata()

    assert metadata["idSelected"] is False
    assert _columns(metadata) == [("Name", False), ("Owner", False), ("Contacts", True)]
    _, owner, contacts = metadata["columnMetadata"]
    assert [one["columnName"] for one in owner["joinColumns"]] == ["Name", "Alias"]
    assert [one["columnName"] for one in contacts["joinColumns"]] == ["LastName", "Owner"]
    assert contacts["joinColumns"][1]["joinColumns"][0]["columnName"] == "Name"


def test_functions_are_aggregate_columns_under_their_alias(soql):
    metadata = soql.compile(
        "SELECT Industry, COUNT(Id), MAX(Name) last FROM Account GROUP BY Industry"
    ).column_metadata()

    assert metadata["groupBy"] is True
    assert _columns(metadata) == [("Industry", False), ("expr0", True), ("last", True)]
    assert [one["displayName"] for one in metadata["columnMetadata"]] == [
        "Industry",
        "count",
        "max",
    ]


def test_count_has_no_columns(soql):
    metadata = soql.compile("SELECT COUNT() FROM Account").column_metadata()

    assert metadata["columnMetadata"] == []
