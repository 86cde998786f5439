"""sObject collections [nango] [amp] [rest guide]."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.emulator.api import error_of

ALL_OR_NONE = {
    "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "message": "Record rolled back because not all records were valid and the request was using "
    "AllOrNone header",
    "fields": [],
}


def account(**fields):
    return {"attributes": {"type": "Account"}, **fields}


def contact(**fields):
    return {"attributes": {"type": "Contact"}, **fields}


def codes(answer):
    assert answer.status_code == 200, answer.text
    return [one["errors"][0]["statusCode"] if one["errors"] else None for one in answer.json()]


def save(api, method, path, *records, **more):
    return api.call(method, f"composite/sobjects{path}", json={"records": list(records), **more})


def test_rows_are_created_in_request_order_and_failures_stand_beside_them(api):
    answer = save(api, "POST", "", account(Name="A"), account(), contact(LastName="C"))

    first, second, third = answer.json()
    assert answer.status_code == 200
    assert first == {"id": first["id"], "success": True, "errors": []}
    assert second == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [Name]",
                "fields": ["Name"],
            }
        ],
    }
    assert (api.org.ids("Account"), api.org.ids("Contact")) == ([first["id"]], [third["id"]])


def test_all_or_none_undoes_the_good_rows_of_every_object(api):
    records = [account(Name="A"), contact(LastName="C"), contact(LastName="D", Nonsense="x")]

    answer = save(api, "POST", "", *records, allOrNone=True)

    assert answer.json()[:2] == [{"success": False, "errors": [ALL_OR_NONE]}] * 2
    assert answer.json()[2]["errors"] == [
        {
            "statusCode": "INVALID_FIELD",
            "message": "No such column 'Nonsense' on sobject of type Contact",
            "fields": [],
        }
    ]
    assert api.org.ids("Account") == api.org.ids("Contact") == []


def test_a_row_created_before_is_not_numbered_by_one_that_was_undone(api):
    save(api, "POST", "", account(Name="A"), account(), allOrNone=True)
    save(api, "POST", "", account(Name="B"), allOrNone=True)

    assert api.records("SELECT Name FROM Account")[0]["Name"] == "B"


def test_updates_need_the_id_of_a_row_that_is_there(api):
    kept, gone = api.org.create("Account", {"Name": "A"}, {"Name": "B"})
    api.org.change("Account", delete=[gone])

    answer = save(
        api,
        "PATCH",
        "",
        account(id=kept, Name="Z"),
        account(Name="no id"),
        account(id=gone, Name="Z"),
        account(id="001Td0000000zzz", Name="Z"),
        account(id="nonsense", Name="Z"),
    )

    assert codes(answer) == [
        None,
        "MISSING_ARGUMENT",
        "ENTITY_IS_DELETED",
        "INVALID_CROSS_REFERENCE_KEY",
        "MALFORMED_ID",
    ]
    assert api.records("SELECT Name FROM Account")[0]["Name"] == "Z"


def test_an_upsert_says_for_each_row_whether_it_was_created(api):
    (old,) = api.org.create("Account", {"Name": "A", "ERP_Id__c": "E-1"})

    answer = save(
        api,
        "PATCH",
        "/Account/ERP_Id__c",
        account(ERP_Id__c="E-2", Name="new"),
        account(ERP_Id__c="e-1", Name="changed"),
        account(Name="no key"),
        account(ERP_Id__c="E-3"),
    )

    created, updated, no_key, refused = answer.json()
    assert created == {"id": created["id"], "success": True, "errors": [], "created": True}
    assert updated == {"id": old, "success": True, "errors": [], "created": False}
    assert codes(answer)[2:] == ["MISSING_ARGUMENT", "REQUIRED_FIELD_MISSING"]
    assert [no_key["created"], refused["created"]] == [False, False]
    assert "id" not in refused
    assert sorted(row["Name"] for row in api.records("SELECT Name FROM Account")) == [
        "changed",
        "new",
    ]


def test_a_key_that_comes_twice_or_that_several_rows_have_is_refused(api):
    api.org.create("Contact", *({"LastName": x, "Email": "a@example.com"} for x in "AB"))

    answer = save(
        api,
        "PATCH",
        "/Contact/Email",
        contact(LastName="C", Email="a@example.com"),
        contact(LastName="D", Email="d@example.com"),
        contact(LastName="E", Email="D@example.com"),
    )

    assert codes(answer) == ["DUPLICATE_EXTERNAL_ID", "DUPLICATE_VALUE", "DUPLICATE_VALUE"]
    assert len(api.org.ids("Contact")) == 2


def test_an_upsert_by_id_creates_rows_without_one(api):
    (old,) = api.org.create("Account", {"Name": "A"})

    answer = save(
        api, "PATCH", "/Account/Id", account(Id=None, Name="new"), account(Id=old, Name="B")
    )

    assert [one["created"] for one in answer.json()] == [True, False]
    assert answer.json()[1]["id"] == old


def test_an_upsert_by_a_field_that_is_no_key_is_not_found(api):
    answer = save(api, "PATCH", "/Account/Name", account(Name="x"))

    assert error_of(answer) == (404, "NOT_FOUND")


def test_rows_are_deleted_by_their_ids_whatever_their_objects(api):
    (one,) = api.org.create("Account", {"Name": "A"})
    (two,) = api.org.create("Contact", {"LastName": "C"})

    answer = api.delete(f"composite/sobjects?ids={one},{two},{one[:15]},zzzTd0000000001,nonsense")

    assert codes(answer) == [
        None,
        None,
        "ENTITY_IS_DELETED",
        "INVALID_CROSS_REFERENCE_KEY",
        "MALFORMED_ID",
    ]
    assert answer.json()[0] == {"id": one, "success": True, "errors": []}
    assert api.org.ids("Account") == api.org.ids("Contact") == []


@pytest.mark.parametrize("wrong", ["zzzTd0000000001", "001Td0000000zzz", "nonsense"])
def test_all_or_none_keeps_rows_that_a_wrong_id_stands_beside(api, wrong):
    (kept,) = api.org.create("Account", {"Name": "A"})

    answer = api.delete(f"composite/sobjects?ids={kept},{wrong}&allOrNone=true")

    assert answer.json()[0] == {"success": False, "errors": [ALL_OR_NONE]}
    assert not answer.json()[1]["success"]
    assert api.org.ids("Account") == [kept]


@pytest.mark.parametrize("posted", [False, True])
def test_rows_are_retrieved_in_order_with_null_for_those_that_are_not_there(api, posted):
    first, gone, last = api.org.create("Account", *({"Name": x} for x in "ABC"))
    api.org.change("Account", delete=[gone])
    ids, fields = [last, gone, first[:15], "001Td0000000zzz", last], ["name", "Owner.Name"]

    if posted:
        answer = api.post("composite/sobjects/Account", {"ids": ids, "fields": fields})
    else:
        asked = {"ids": ",".join(ids), "fields": ",".join(fields)}
        answer = api.get("composite/sobjects/Account", params=asked)

    assert answer.status_code == 200
    assert [row and (row["Name"], row["Id"]) for row in answer.json()] == [
        ("C", last),
        None,
        ("A", first),
        None,
        ("C", last),
    ]
    assert answer.json()[0]["attributes"]["type"] == "Account"
    assert answer.json()[0]["Owner"]["attributes"]["type"] == "User"


def test_two_thousand_rows_are_retrieved_at_once_and_no_more(api):
    ids = api.org.create("Account", *({"Name": str(n)} for n in range(2000)))

    whole = api.post("composite/sobjects/Account", {"ids": ids, "fields": ["Id"]})
    more = api.post("composite/sobjects/Account", {"ids": [*ids, ids[0]], "fields": ["Id"]})

    assert [row["Id"] for row in whole.json()] == ids
    assert error_of(more) == (400, "EXCEEDED_ID_LIMIT")


def test_a_list_has_from_1_to_200_rows(api):
    none = save(api, "POST", "")
    full = save(api, "POST", "", *(account(Name=str(n)) for n in range(200)))
    more = save(api, "POST", "", *(account(Name=str(n)) for n in range(201)))

    assert none.status_code == 400
    assert none.json() == [
        {"message": "At least 1 record is required", "errorCode": "REQUIRED_FIELD_MISSING"}
    ]
    assert codes(full) == [None] * 200
    assert error_of(more) == (400, "EXCEEDED_ID_LIMIT")
    assert len(api.org.ids("Account")) == 200


def test_objects_may_change_ten_times_in_a_list(api):
    turns = [account(Name="A"), contact(LastName="C")] * 5

    ten = save(api, "POST", "", *turns)
    eleven = save(api, "POST", "", *turns, account(Name="A"))

    assert codes(ten) == [None] * 10
    assert error_of(eleven) == (400, "LIMIT_EXCEEDED")


def test_a_whole_call_is_one_api_request_and_one_stamp(api):
    before = api.get("limits").json()["DailyApiRequests"]["Remaining"]
    save(api, "POST", "", *(account(Name=str(n)) for n in range(50)))
    after = api.get("limits").json()["DailyApiRequests"]["Remaining"]

    assert before - after == 2  # the call, and the second look at the limits
    stamps = api.records("SELECT COUNT_DISTINCT(SystemModstamp) n FROM Account")
    assert stamps[0]["n"] == 1


def test_a_lock_meets_rows_of_a_list_one_by_one(api):
    api.org.faults.add({"lock": 1}, object="Account")

    struck = save(api, "POST", "", account(Name="A"), contact(LastName="C"))
    again = save(api, "POST", "", account(Name="A"))

    assert codes(struck) == ["UNABLE_TO_LOCK_ROW", "UNABLE_TO_LOCK_ROW"]
    assert codes(again) == [None]


def test_parents_are_named_by_external_id_also_ones_made_before_them_in_the_list(api):
    answer = save(
        api,
        "POST",
        "",
        account(Name="A", ERP_Id__c="E-1"),
        contact(LastName="C", Account={"ERP_Id__c": "E-1"}),
        contact(LastName="D", Account={"ERP_Id__c": "E-2"}),
        contact(LastName="E", Account={"Name": "A"}),
        contact(LastName="F", Account=None),
    )

    parent = answer.json()[0]["id"]
    assert codes(answer) == [None, None, "INVALID_FIELD", "INVALID_FIELD", None]
    assert answer.json()[2]["errors"][0]["message"] == (
        "Foreign key external ID: E-2 not found for field ERP_Id__c in entity Account"
    )
    rows = api.records("SELECT LastName, AccountId FROM Contact ORDER BY LastName")
    assert [(row["LastName"], row["AccountId"]) for row in rows] == [("C", parent), ("F", None)]


def test_a_polymorphic_parent_says_its_object_before_its_key(api):
    (lead,) = api.org.create("Lead", {"LastName": "L", "Company": "C", "Email": "l@example.com"})
    key = {"Email": "l@example.com"}

    right = api.post(
        "sobjects/Task", {"Subject": "s", "Who": {"attributes": {"type": "Lead"}, **key}}
    )
    late = api.post(
        "sobjects/Task", {"Subject": "s", "Who": {**key, "attributes": {"type": "Lead"}}}
    )

    assert right.status_code == 201
    assert api.get(f"sobjects/Task/{right.json()['id']}").json()["WhoId"] == lead
    assert late.status_code == 400
    assert late.json() == [
        {
            "message": "Nested object for polymorphic foreign key must have an attributes field "
            "before any other fields.",
            "errorCode": "JSON_PARSER_ERROR",
        }
    ]


def test_single_rows_take_parents_by_external_id_too(api):
    (parent,) = api.org.create("Account", {"Name": "A", "ERP_Id__c": "E-1"})

    made = api.patch("sobjects/Order__c/ERP_Order_Id__c/O-1", {"Account__r": {"ERP_Id__c": "E-1"}})
    unknown = api.patch(
        "sobjects/Order__c/ERP_Order_Id__c/O-2", {"Account__r": {"ERP_Id__c": "E-2"}}
    )

    assert made.status_code == 201, made.text
    assert error_of(unknown) == (400, "INVALID_FIELD")
    assert api.records("SELECT Account__c FROM Order__c")[0]["Account__c"] == parent


def test_a_row_that_a_late_commit_holds_is_refused_alone(api):
    held, free = api.org.create("Account", {"Name": "A"}, {"Name": "B"})
    api.org.change("Account", update=[{"Id": held, "Name": "late"}], commit_after_s=600)
    records = [account(id=held, Name="Z"), account(id=free, Name="Z")]

    row_by_row = save(api, "PATCH", "", *records)
    all_or_none = save(api, "PATCH", "", *records, allOrNone=True)
    api.org.advance(600)

    assert codes(row_by_row) == ["UNABLE_TO_LOCK_ROW", None]
    assert codes(all_or_none) == ["UNABLE_TO_LOCK_ROW", "ALL_OR_NONE_OPERATION_ROLLED_BACK"]
    assert {row["Name"] for row in api.org.rows("Account", "Name")} == {"late", "Z"}


def test_many_lists_at_once_each_get_their_outcomes(api):
    def send(number):
        records = [account(ERP_Id__c=f"E-{n}", Name=str(number)) for n in range(20)]
        return save(api, "PATCH", "/Account/ERP_Id__c", *records, allOrNone=bool(number % 2))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(16)))

    assert [codes(answer) for answer in answers] == [[None] * 20] * 16
    assert sum(one["created"] for answer in answers for one in answer.json()) == 20
    # Each list is whole: the rows are those of one and the same, the last.
    assert len({row["Name"] for row in api.org.rows("Account", "Name")}) == 1
