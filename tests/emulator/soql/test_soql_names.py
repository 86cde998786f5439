"""How names are looked up: spelling, prefixes, parents, and what isn't there."""

import pytest

from emulator.ids import make_id

NO_FIELD = (
    "No such column '{}' on entity '{}'. If you are attempting to use a custom field, be sure to "
    "append the '__c' after the custom field name. Please reference your WSDL or the describe "
    "call for the appropriate names."
)
NO_OBJECT = (
    "sObject type '{}' is not supported. If you are attempting to use a custom object, be sure to "
    "append the '__c' after the entity name. Please reference your WSDL or the describe call for "
    "the appropriate names."
)
NO_PARENT = (
    "Didn't understand relationship '{}' in field path. If you are attempting to use a custom "
    "relationship, be sure to append the '__r' after the custom relationship name. Please "
    "reference your WSDL or the describe call for the appropriate names."
)
NO_CHILDREN = NO_PARENT.replace("field path", "FROM part of query call")

REFUSED = [
    ("SELECT Foo FROM Account", "INVALID_FIELD", 8, NO_FIELD.format("Foo", "Account")),
    ("SELECT Id, foo FROM Account", "INVALID_FIELD", 12, NO_FIELD.format("foo", "Account")),
    ("SELECT Owner.Foo FROM Account", "INVALID_FIELD", 8, NO_FIELD.format("Foo", "User")),
    ("SELECT Who.Email FROM Task", "INVALID_FIELD", 8, NO_FIELD.format("Email", "Name")),
    ("SELECT Id FROM Account WHERE X = 1", "INVALID_FIELD", 30, NO_FIELD.format("X", "Account")),
    ("SELECT Id FROM Account ORDER BY X", "INVALID_FIELD", 33, NO_FIELD.format("X", "Account")),
    ("SELECT count() FROM XYZZY", "INVALID_TYPE", 21, NO_OBJECT.format("XYZZY")),
    ("SELECT Foo.Name FROM Account", "INVALID_FIELD", 8, NO_PARENT.format("Foo")),
    ("SELECT Owner.Foo.Name FROM Account", "INVALID_FIELD", 8, NO_PARENT.format("Foo")),
    ("SELECT Contact.Name FROM Account", "INVALID_FIELD", 8, NO_PARENT.format("Contact")),
    ("SELECT OwnerId.Name FROM Account", "INVALID_FIELD", 8, NO_PARENT.format("OwnerId")),
    ("SELECT Id, (SELECT Id FROM Contact) FROM Account", "INVALID_TYPE", 28,
     NO_CHILDREN.format("Contact")),
    ("SELECT Id FROM Account.Contacts", "MALFORMED_QUERY", 23, "unexpected token: '.'"),
    ("SELECT Id FROM Account a, a.Foo f", "INVALID_FIELD", 27, NO_PARENT.format("Foo")),
    ("SELECT Parent.Parent.Parent.Parent.Parent.Parent.Id FROM Account", "MALFORMED_QUERY", 8,
     "a path may follow at most 5 relationships"),
    ("SELECT Id n FROM Account", "MALFORMED_QUERY", 8,
     "Only aggregate expressions use field aliasing"),
    ("SELECT Id, Name, id FROM Account", "INVALID_FIELD", None, "duplicate field selected: Id"),
    ("SELECT Owner.Name, owner.name FROM Account", "INVALID_FIELD", None,
     "duplicate field selected: Owner.Name"),
    ("SELECT Name, Account.Name FROM Account", "INVALID_FIELD", None,
     "duplicate field selected: Name"),
    ("SELECT Id FROM Order_Event__e", "INVALID_TYPE_FOR_OPERATION", None,
     "entity type Order_Event__e does not support query"),
    ("SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", None,
     "Maximum SOQL offset allowed is 2000"),
    ("SELECT Description FROM Account ORDER BY Description", "MALFORMED_QUERY", 42,
     "field 'Description' can not be sorted in a query call"),
    ("SELECT CALENDAR_YEAR(CreatedDate) FROM Account", "MALFORMED_QUERY", 8,
     "CALENDAR_YEAR() needs a GROUP BY clause"),
    ("SELECT FIELDS(ALL) FROM Account", "MALFORMED_QUERY", None,
     "The SOQL FIELDS function must have a LIMIT of at most 200"),
    ("SELECT FIELDS(CUSTOM) FROM Account LIMIT 201", "MALFORMED_QUERY", None,
     "The SOQL FIELDS function must have a LIMIT of at most 200"),
    ("SELECT FIELDS(STANDARD), Id FROM Account", "INVALID_FIELD", None,
     "duplicate field selected: Id"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "code", "column", "reason"), REFUSED)
def test_a_name_that_is_not_there_is_refused_as_salesforce_does(
    soql, statement, code, column, reason
):
    refusal = soql.refusal(statement)

    assert (refusal.code, refusal.column, refusal.reason) == (code, column, reason)


SPELLINGS = [
    ("select id, NAME, annualrevenue from ACCOUNT limit 1", ["Id", "Name", "AnnualRevenue"]),
    ("select account.id, a.name from Account a limit 1", ["Id", "Name"]),
    ("select ACCOUNT__R.name, amount__C from order__C limit 1", ["Account__r", "Amount__c"]),
    ("select account.owner.name from contact limit 1", ["Account"]),
]


@pytest.mark.parametrize(("statement", "keys"), SPELLINGS)
def test_answers_spell_names_as_the_schema_does(soql, statement, keys):
    (record,) = soql.records(statement)

    assert list(record) == ["attributes", *keys]


def test_an_alias_in_the_from_clause_names_a_parent(soql):
    names = soql.values("SELECT a.Name FROM Contact c, c.Account a WHERE a.Owner.Name = 'Bolt'")

    assert names == [
        {
            "attributes": soql.records("SELECT Id FROM Account WHERE Name = 'beta'")[0][
                "attributes"
            ],
            "Name": "beta",
        }
    ]


def test_a_path_may_climb_five_parents(bare_org):
    ids = [make_id("001", number) for number in range(6)]
    for number, child in enumerate(ids):
        parent = ids[number + 1] if number < 5 else None
        bare_org.insert("Account", Id=child, Name=f"level {number}", ParentId=parent)

    path = "Parent.Parent.Parent.Parent.Parent.Name"
    (found,) = bare_org.records(f"SELECT {path} FROM Account WHERE {path} = 'level 5'")

    for _ in range(5):
        found = found["Parent"]
    assert found["Name"] == "level 5"


def test_one_parent_is_joined_once_however_often_it_is_named(soql):
    compiled = soql.compile(
        "SELECT Account.Name, account.Phone FROM Contact WHERE ACCOUNT.Name != 'x' "
        "ORDER BY Contact.Account.Name"
    )

    assert compiled.sql.count("LEFT JOIN") == 1


def test_more_than_55_parents_are_refused(soql):
    hops = ["Owner", "CreatedBy", "LastModifiedBy", "Parent"]
    paths = [f"{a}.{b}.Id" for a in hops for b in ["CreatedBy", "LastModifiedBy"]]
    deep = [f"Parent.{a}.{b}.{c}.Id" for a in hops for b in hops[1:3] for c in hops[1:3]]
    deeper = [f"Parent.Parent.{a}.{b}.{c}.Id" for a in hops for b in hops[1:3] for c in hops[1:3]]

    refusal = soql.refusal(f"SELECT {', '.join(paths + deep + deeper)} FROM Account")

    assert refusal.reason == "a query may use at most 55 parent relationships"


def test_fields_all_standard_and_custom_spell_out_the_describe(soql):
    account = soql.schema.objects["Account"]
    custom = [f.name for f in account.fields.values() if f.custom]
    standard = [f.name for f in account.fields.values() if not f.custom]

    def keys(selection):
        return list(soql.records(f"SELECT {selection} FROM Account LIMIT 1")[0])[1:]

    assert keys("FIELDS(CUSTOM)") == custom
    assert keys("FIELDS(STANDARD)") == standard
    assert keys("Owner.Name, FIELDS(ALL)") == ["Owner", *account.fields]


def test_fields_all_may_name_at_most_200_ids_instead_of_a_limit(soql):
    few = ", ".join(f"'{make_id('001', number)}'" for number in range(200))

    assert len(soql.records(f"SELECT FIELDS(ALL) FROM Account WHERE Id IN ({few})")) == 4
    assert soql.records(f"SELECT FIELDS(ALL) FROM Account WHERE Id = '{make_id('001', 1)}'")
    many = f"{few}, '{make_id('001', 200)}'"
    assert soql.refusal(f"SELECT FIELDS(ALL) FROM Account WHERE Id IN ({many})").reason.endswith(
        "LIMIT of at most 200"
    )


def test_every_field_of_every_object_can_be_selected(soql):
    for sobject in soql.schema.objects.values():
        if sobject.has_rows and sobject.flags["queryable"]:
            soql.records(f"SELECT FIELDS(ALL) FROM {sobject.name} LIMIT 1")


def test_every_parent_of_every_object_can_be_followed(soql):
    for sobject in soql.schema.objects.values():
        if not sobject.has_rows or not sobject.flags["queryable"]:
            continue
        paths = [
            f"{field.relationship_name}.Id"
            for field in sobject.fields.values()
            if field.relationship_name
            and any(target in soql.schema.objects for target in field.reference_to)
        ]
        soql.records(f"SELECT {', '.join(['Id', *paths])} FROM {sobject.name}")
