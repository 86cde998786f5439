"""TYPEOF: other fields for each object that a polymorphic parent may be of."""

import pytest

from emulator.ids import make_id

TASKS = (
    "SELECT Subject, TYPEOF What WHEN Account THEN Name, Owner.Name, AnnualRevenue "
    "WHEN Opportunity THEN Amount END FROM Task ORDER BY Subject"
)


def test_the_branch_of_the_parents_object_is_selected(soql):
    call, mail = soql.records(TASKS)

    account = make_id("001", 1)
    url = "/services/data/v66.0/sobjects"
    assert call["What"] == {
        "attributes": {"type": "Account", "url": f"{url}/Account/{account}"},
        "Name": "Acme",
        "Owner": {
            "attributes": {"type": "User", "url": f"{url}/User/{make_id('005', 1)}"},
            "Name": "Ada Vane",
        },
        "AnnualRevenue": 300.0,
    }
    assert list(call) == ["attributes", "Subject", "What"]
    assert mail["What"] is None


def test_else_takes_parents_of_other_objects_by_their_names(soql):
    soql_text = "SELECT TYPEOF Owner WHEN User THEN Username ELSE Name, Type END FROM Case"

    by_queue, by_user = sorted(soql.values(soql_text), key=lambda owner: len(owner))[::-1]

    assert by_queue["attributes"]["type"] == by_queue["Type"] == "Group"
    assert by_queue["Name"] == "Night shift"
    assert by_user["attributes"]["type"] == "User"
    assert by_user["Username"] is None


def test_a_parent_without_a_branch_is_null(soql):
    assert soql.values("SELECT TYPEOF What WHEN Opportunity THEN Amount END FROM Task") == [
        None,
        None,
    ]


def test_several_references_have_one_each_and_pages_read_them_alike(soql):
    soql_text = (
        "SELECT TYPEOF Who WHEN Contact THEN Email WHEN Lead THEN Company END, "
        "TYPEOF What WHEN Account THEN Name END FROM Task ORDER BY Subject"
    )

    call, mail = soql.records(soql_text)

    assert (call["Who"]["Email"], call["What"]["Name"]) == ("ann@bee.test", "Acme")
    assert (mail["Who"], mail["What"]) == (None, None)
    assert soql.by_ids(soql_text) == [call, mail]


def test_it_stands_in_subqueries_and_beside_other_parents(soql):
    (account,) = soql.records(
        "SELECT Name, (SELECT Owner.Name, TYPEOF Who WHEN Contact THEN LastName END FROM Tasks) "
        "FROM Account WHERE Name = 'Acme'"
    )

    (task,) = account["Tasks"]["records"]
    assert (task["Owner"]["Name"], task["Who"]["LastName"]) == ("Ada Vane", "Bee")


def test_it_is_a_column_without_columns_of_its_own_in_metadata(soql):
    columns = soql.compile(TASKS).column_metadata()["columnMetadata"]

    assert [column["columnName"] for column in columns] == ["Subject", "What"]


REFUSED = [
    (
        "SELECT TYPEOF Account WHEN Account THEN Name END FROM Contact",
        "MALFORMED_QUERY",
        "Cannot use TYPEOF on field Account, which is not polymorphic",
    ),
    (
        "SELECT TYPEOF Who WHEN Account THEN Name END FROM Task",
        "MALFORMED_QUERY",
        "Who can't be of type Account",
    ),
    (
        "SELECT TYPEOF What WHEN Account THEN Name END, TYPEOF What WHEN Account THEN Id END "
        "FROM Task",
        "INVALID_FIELD",
        "duplicate field selected: What",
    ),
    (
        "SELECT What.Name, TYPEOF What WHEN Account THEN Name END FROM Task",
        "INVALID_FIELD",
        "duplicate field selected: What",
    ),
    (
        "SELECT COUNT(Id), TYPEOF What WHEN Account THEN Name END FROM Task",
        "MALFORMED_QUERY",
        "subqueries, FIELDS() and TYPEOF are not allowed in an aggregate query",
    ),
]


@pytest.mark.parametrize(("statement", "code", "reason"), REFUSED)
def test_it_is_refused_where_it_has_no_sense(soql, statement, code, reason):
    refusal = soql.refusal(statement)

    assert (refusal.code, refusal.reason) == (code, reason)


def test_an_unknown_name_in_a_branch_is_named(soql):
    assert soql.refusal("SELECT TYPEOF What WHEN Account THEN Nonsense END FROM Task").code == (
        "INVALID_FIELD"
    )
    assert soql.refusal("SELECT TYPEOF Nothing WHEN Account THEN Id END FROM Task").code == (
        "INVALID_FIELD"
    )
    assert soql.refusal("SELECT TYPEOF What WHEN Nothing THEN Id END FROM Task").code == (
        "INVALID_TYPE"
    )


def test_bulk_and_old_versions_refuse_it(soql):
    assert soql.refusal(TASKS, bulk=True).reason == "TYPEOF not supported in Bulk Query"
    assert soql.with_context(api_version=45.0).refusal(TASKS).code == "MALFORMED_QUERY"
    assert len(soql.with_context(api_version=46.0).records(TASKS)) == 2
