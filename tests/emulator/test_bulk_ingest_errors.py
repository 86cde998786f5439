"""What is wrong with a row, as `sf__Error` says it; and what fails a job [amp] [bulk guide]."""

import pytest

from tests.emulator.ingest_api import Ingest

ROWS_WRITTEN = "SELECT ERP_Order_Id__c FROM Order__c ORDER BY ERP_Order_Id__c"


@pytest.fixture
def ingest(api):
    return Ingest(api)


def keys(api):
    return [row["ERP_Order_Id__c"] for row in api.records(ROWS_WRITTEN)]


@pytest.mark.parametrize(
    ("column", "value", "error"),
    [
        ("Amount__c", "ten",
         "INVALID_FIELD:Failed to deserialize field at col 1. Due to, 'ten' is not a valid value "
         "for the type xsd:double:Amount__c --"),
        ("Amount__c", "NaN",
         "INVALID_FIELD:Failed to deserialize field at col 1. Due to, 'NaN' is not a valid value "
         "for the type xsd:double:Amount__c --"),
        ("Amount__c", " 1",
         "INVALID_FIELD:Failed to deserialize field at col 1. Due to, ' 1' is not a valid value "
         "for the type xsd:double:Amount__c --"),
        ("Order_Date__c", "2003-04-987654321",
         "INVALID_FIELD:Failed to deserialize field at col 1. Due to, '2003-04-987654321' is not "
         "a valid value for the type xsd:date:Order_Date__c --"),
        ("Order_Date__c", "2026-02-30",
         "INVALID_FIELD:Failed to deserialize field at col 1. Due to, '2026-02-30' is not a valid "
         "value for the type xsd:date:Order_Date__c --"),
        ("Amount__c", "1e30",
         "NUMBER_OUTSIDE_VALID_RANGE:Amount: value outside of valid range on numeric field: 1e30"
         ":Amount__c --"),
        ("Status__c", "Lost",
         "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Status: bad value for restricted picklist "
         "field: Lost:Status__c --"),
        ("Tags__c", "Gift;Heavy",
         "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Tags: bad value for restricted picklist field: "
         "Heavy:Tags__c --"),
        ("Account__c", "abc",
         "MALFORMED_ID:Account: id value of incorrect type: abc:Account__c --"),
        ("Account__c", "003Td0000000001AAA",
         "MALFORMED_ID:Account: id value of incorrect type: 003Td0000000001AAA:Account__c --"),
        ("Account__c", "001Td0000000001",
         "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"),
        ("Name", "ORD-1",
         "INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: Name. Please check the "
         "security settings of this field and verify that it is read/write for your profile or "
         "permission set.:Name --"),
        ("Notes__c", "n" * 4001,
         f"STRING_TOO_LONG:Notes: data value too large: {'n' * 4001} (max length=4000):"
         "Notes__c --"),
        ("Account__r.Id", "001Td0000000009",
         "INVALID_FIELD:Foreign key external ID: 001Td0000000009 not found for field Id in entity "
         "Account:--"),
    ],
)  # fmt: skip
def test_a_row_that_is_wrong_says_why_and_the_others_are_written(ingest, api, column, value, error):
    content = f"ERP_Order_Id__c,{column}\nA-1,\nA-2,{value}\nA-3,\n"

    assert ingest.errors(content) == {"A-2": error}
    assert keys(api) == ["A-1", "A-3"]


@pytest.mark.parametrize(
    ("column", "value", "stored"),
    [
        ("Amount__c", "-0", 0.0),
        ("Amount__c", "1.5E3", 1500.0),
        ("Order_Date__c", "1940-06-07Z", "1940-06-07"),
        ("Tags__c", "Sample;Gift;Gift", "Gift;Sample"),
        ("Notes__c", " NULL ", " NULL "),
        ("Notes__c", "007", "007"),
    ],
)
def test_a_value_is_stored_as_rest_would_store_it(ingest, api, column, value, stored):
    info = ingest.run(f"ERP_Order_Id__c,{column}\nA-1,{value}\n")

    assert info["numberRecordsFailed"] == 0
    assert api.records(f"SELECT {column} FROM Order__c")[0][column] == stored


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("2026-05-01T07:25:37.999Z", "2026-05-01T07:25:37.000+0000"),
        ("2026-05-01T07:25:37+02:00", "2026-05-01T05:25:37.000+0000"),
        ("2026-05-01T07:25:37.000-0130", "2026-05-01T08:55:37.000+0000"),
        ("2026-05-01", None),
        ("2026-05-01T25:00:00Z", None),
    ],
)
def test_datetimes_are_read_with_their_offset(ingest, api, value, stored):
    info = ingest.run(
        f"Subject,ActivityDateTime,DurationInMinutes\nCall,{value},5\n",
        object_name="Event", operation="insert",
    )  # fmt: skip

    found = [row["ActivityDateTime"] for row in api.records("SELECT ActivityDateTime FROM Event")]
    assert found == ([stored] if stored else [])
    assert info["numberRecordsFailed"] == (0 if stored else 1)


@pytest.mark.parametrize(("text", "stored"), [("yes", True), ("0", False), ("FALSE", False)])
def test_checkboxes_take_words_and_digits(ingest, api, text, stored):
    ingest.run(
        f"LastName,Company,IsUnreadByOwner\nNg,A,{text}\n", object_name="Lead", operation="insert"
    )

    assert api.records("SELECT IsUnreadByOwner FROM Lead")[0]["IsUnreadByOwner"] is stored


def test_a_checkbox_is_never_cleared(ingest):
    errors = ingest.errors(
        "LastName,Company,IsUnreadByOwner\nNg,A,#N/A\n", object_name="Lead", operation="insert"
    )

    assert errors["Ng"].startswith("INVALID_FIELD:Failed to deserialize field at col 2.")


def test_missing_fields_are_named_all_at_once(ingest):
    errors = ingest.errors(
        "Description,Company\na,\nb,Acme\n", object_name="Lead", operation="insert"
    )

    assert errors == {
        "a": "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName, Company]:"
        "LastName, Company --",
        "b": "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --",
    }


def test_a_required_field_is_not_cleared_by_an_update(ingest, api):
    made = api.post("sobjects/Account", {"Name": "Acme"}).json()["id"]

    errors = ingest.errors(f"Id,Name\n{made},#N/A\n", object_name="Account", operation="update")

    assert errors == {made: "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"}


def test_a_wrong_address_is_refused(ingest):
    errors = ingest.errors(
        "LastName,Email\nNg,ng at example\n", object_name="Contact", operation="insert"
    )

    assert errors == {
        "Ng": "INVALID_EMAIL_ADDRESS:Email: invalid email address: ng at example:Email --"
    }


def test_an_external_id_that_comes_twice_is_taken_once(ingest, api):
    errors = ingest.errors("Notes__c,ERP_Order_Id__c\none,A-1\ntwo,a-1\nthree,A-2\n")

    assert errors == {
        "two": "DUPLICATE_VALUE:Duplicate external id specified: a-1:ERP_Order_Id__c --"
    }
    assert keys(api) == ["A-1", "A-2"]


def test_an_external_id_is_needed_by_each_row(ingest):
    errors = ingest.errors("Notes__c,ERP_Order_Id__c\none,\ntwo,#N/A\nthree,A-1\n")

    missing = "MISSING_ARGUMENT:ERP_Order_Id__c not specified:ERP_Order_Id__c --"
    assert errors == {"one": missing, "two": missing}
    assert set(ingest.errors("Notes__c\none\n")) == {"one"}


def test_an_external_id_with_several_rows_updates_none(ingest, api):
    ids = [
        api.post("sobjects/Contact", {"LastName": name, "Email": "ng@example.com"}).json()["id"]
        for name in ("Ng", "Ngo")
    ]

    errors = ingest.errors(
        "Email,LastName\nng@example.com,Nguyen\n", object_name="Contact", key="Email"
    )

    assert errors == {
        "ng@example.com": "DUPLICATE_EXTERNAL_ID:More than one record found for external id "
        f"field: [{ids[0]}, {ids[1]}]:--"
    }


def test_a_unique_value_that_another_row_has_is_refused(ingest, api):
    (row,) = ingest.successful(ingest.run("ERP_Order_Id__c\nA-1\n")["id"])
    taken = (
        "DUPLICATE_VALUE:duplicate value found: ERP_Order_Id__c duplicates value on record with "
        "id: "
    )

    errors = ingest.errors(
        "Notes__c,ERP_Order_Id__c\nold,a-1\nnew,B-1\nagain,b-1\n", operation="insert"
    )

    assert errors["old"] == f"{taken}{row['sf__Id'][:15]}:--"
    assert errors["again"].startswith(taken)
    assert keys(api) == ["A-1", "B-1"]


def test_rows_of_a_batch_may_trade_a_unique_value(ingest, api):
    made = ingest.successful(ingest.run("ERP_Order_Id__c\nA-1\nA-2\n")["id"])
    ids = {row["ERP_Order_Id__c"]: row["sf__Id"] for row in made}

    info = ingest.run(
        f"Id,ERP_Order_Id__c\n{ids['A-1']},A-2\n{ids['A-2']},A-1\n", operation="update"
    )

    assert info["numberRecordsFailed"] == 0
    found = api.records("SELECT Id, ERP_Order_Id__c FROM Order__c")
    assert {row["ERP_Order_Id__c"]: row["Id"] for row in found} == {
        "A-2": ids["A-1"],
        "A-1": ids["A-2"],
    }


def test_ids_that_are_none_unknown_deleted_or_repeated_are_refused(ingest, api):
    made = [api.post("sobjects/Order__c", {}).json()["id"] for _ in range(2)]
    api.delete(f"sobjects/Order__c/{made[1]}")
    rows = ["abc", "001Td0000000001AAA", "a00Td0000zzzzzz", made[1], made[0], made[0][:15], ""]
    content = "Notes__c,Id\n" + "".join(f"n{n},{one}\n" for n, one in enumerate(rows))

    errors = ingest.errors(content, operation="update")

    assert errors == {
        "n0": "MALFORMED_ID:Order ID: id value of incorrect type: abc:Id --",
        "n1": "MALFORMED_ID:Order ID: id value of incorrect type: 001Td0000000001AAA:Id --",
        "n2": "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--",
        "n3": "ENTITY_IS_DELETED:entity is deleted:--",
        "n5": f"DUPLICATE_VALUE:Duplicate id specified: {made[0]}:Id --",
        "n6": "MISSING_ARGUMENT:Id not specified in an update call:--",
    }


def test_failed_updates_tell_their_id(ingest, api):
    made = api.post("sobjects/Order__c", {}).json()["id"]

    info = ingest.run(f"Id,Amount__c\n{made},x\n", operation="update")

    assert [row["sf__Id"] for row in ingest.failed(info["id"])] == [made]


def test_an_insert_brings_no_ids(ingest):
    errors = ingest.errors("Notes__c,Id\na,\nb,a00Td0000000001AAA\n", operation="insert")

    assert errors == {
        "b": "INVALID_FIELD_FOR_INSERT_UPDATE:cannot specify Id in an insert call:Id --"
    }


def test_a_deleted_parent_is_refused(ingest, api):
    parent = api.post("sobjects/Account", {"Name": "Acme"}).json()["id"]
    api.delete(f"sobjects/Account/{parent}")

    errors = ingest.errors(f"ERP_Order_Id__c,Account__c\nA-1,{parent}\n")

    assert errors == {"A-1": "ENTITY_IS_DELETED:entity is deleted:--"}


def test_a_parent_is_found_by_what_identifies_it(ingest, api):
    lead = api.post("sobjects/Lead", {"LastName": "Ng", "Company": "A", "Email": "ng@a.example"})
    contact = api.post("sobjects/Contact", {"LastName": "Ono", "Email": "ono@a.example"})

    info = ingest.run(
        "Subject,Lead:Who.Email\nCall,NG@a.example\nMail,ono@a.example\nWait,\n",
        object_name="Task", operation="insert",
    )  # fmt: skip

    found = {row["Subject"]: row["WhoId"] for row in api.records("SELECT Subject, WhoId FROM Task")}
    assert found == {"Call": lead.json()["id"], "Wait": None}
    assert contact.ok
    (failed,) = ingest.failed(info["id"])
    assert failed["sf__Error"] == (
        "INVALID_FIELD:Foreign key external ID: ono@a.example not found for field Email in "
        "entity Lead:--"
    )


def test_a_parent_by_its_key_is_cleared_and_left_alone(ingest, api):
    boss = api.post("sobjects/Contact", {"LastName": "Ono", "Email": "ono@a.example"}).json()["id"]
    made = [
        api.post("sobjects/Contact", {"LastName": "Ng", "ReportsToId": boss}).json()["id"]
        for _ in range(2)
    ]

    ingest.run(
        f"Id,ReportsTo.Email\n{made[0]},#N/A\n{made[1]},\n",
        object_name="Contact", operation="update",
    )  # fmt: skip

    found = api.records("SELECT Id, ReportsToId FROM Contact WHERE LastName = 'Ng'")
    assert {row["Id"]: row["ReportsToId"] for row in found} == {made[0]: None, made[1]: boss}


def test_a_parent_that_several_rows_could_be_is_refused(ingest, api):
    ids = [
        api.post("sobjects/Contact", {"LastName": n, "Email": "x@a.example"}).json()["id"]
        for n in ("Ng", "Ono")
    ]

    errors = ingest.errors(
        "LastName,ReportsTo.Email\nLi,x@a.example\n", object_name="Contact", operation="insert"
    )

    assert errors == {
        "Li": "INVALID_FIELD:More than one record found for external id field: "
        f"[{', '.join(sorted(ids))}]:--"
    }


@pytest.mark.parametrize(
    ("header", "object_name", "message"),
    [
        ("ERP_Order_Id__c,Nope__c,Nix__c", "Order__c",
         "InvalidBatch : Field name not found : Nope__c"),
        ("\ufeffERP_Order_Id__c", "Order__c",
         "InvalidBatch : Field name not found : \ufeffERP_Order_Id__c"),
        ("LastName,BillingAddress", "Account",
         "InvalidBatch : Field name not found : LastName"),
        ("ERP_Order_Id__c,Nope__r.Id", "Order__c",
         "InvalidBatch : Unable to find relationship: Nope__r"),
        ("Name,Account:Parent.Id", "Account",
         "InvalidBatch : type is not needed for non polymorphic foreign key references: Parent"),
        ("Subject,Who.Email", "Task",
         "InvalidBatch : type is needed for polymorphic foreign key references: Who"),
        ("ERP_Order_Id__c,Account__r.Phone", "Order__c",
         "InvalidBatch : Field name provided, Phone is not an External ID or indexed field for "
         "Account"),
        ("Name,name", "Account", "InvalidBatch : Duplicate field name found : name"),
    ],
)  # fmt: skip
def test_a_header_that_is_wrong_fails_the_job_and_processes_nothing(
    ingest, api, header, object_name, message
):
    columns = header.count(",") + 1
    content = f"{header}\n{','.join(['x'] * columns)}\n"

    info = ingest.run(content, object_name=object_name, operation="insert")

    assert (info["state"], info["errorMessage"]) == ("Failed", message)
    assert info["numberRecordsProcessed"] == info["numberRecordsFailed"] == 0
    assert len(ingest.unprocessed(info["id"])) == 1
    assert ingest.successful(info["id"]) == ingest.failed(info["id"]) == []


def test_a_row_with_another_number_of_cells_fails_the_job_before_it_begins(ingest, api):
    content = "ERP_Order_Id__c,Notes__c\nA-1,a\nA-2\n"

    info = ingest.run(content)

    assert info["state"] == "Failed"
    assert info["errorMessage"].startswith("InvalidBatch : Failed to parse CSV: ")
    assert keys(api) == []
    assert ingest.result(info["id"], "unprocessedrecords") == content


def test_a_deletion_takes_ids_only(ingest):
    info = ingest.run("Id,Notes__c\na00Td0000000001AAA,x\n", operation="delete")

    assert info["errorMessage"] == "InvalidBatch : Delete batch must only contain ids"


def test_details_go_with_their_deleted_master(ingest, api):
    opportunity = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-01-01"}
    master = api.post("sobjects/Opportunity", opportunity).json()["id"]
    contact = api.post("sobjects/Contact", {"LastName": "Ng"}).json()["id"]
    api.post("sobjects/OpportunityContactRole", {"OpportunityId": master, "ContactId": contact})

    ingest.run(f"Id\n{master}\n", object_name="Opportunity", operation="delete")

    assert api.records("SELECT Id FROM OpportunityContactRole") == []


def test_what_follows_a_stage_is_set_by_an_upload_too(ingest, api):
    ingest.run(
        "Name,StageName,CloseDate\nDeal,Prospecting,2026-01-01\n",
        object_name="Opportunity", operation="insert",
    )  # fmt: skip
    (row,) = api.records("SELECT Id, Probability, IsClosed FROM Opportunity")
    assert (row["Probability"], row["IsClosed"]) == (10.0, False)

    ingest.run(
        f"Id,StageName\n{row['Id']},Closed Won\n", object_name="Opportunity", operation="update"
    )

    (row,) = api.records("SELECT Probability, IsClosed FROM Opportunity")
    assert (row["Probability"], row["IsClosed"]) == (100.0, True)


@pytest.mark.parametrize(
    ("object_name", "row", "column"),
    [
        ("Account", ("Name", "Acme"), "Owner.Username"),
        ("Account", ("Name", "Acme"), "Owner.Email"),
        ("Case", ("Subject", "Late"), "User:Owner.Username"),
    ],
)
def test_an_owner_is_found_by_user_name_and_address(ingest, api, object_name, row, column):
    (user,) = api.records("SELECT Id, Username, Email FROM User WHERE Username LIKE 'admin%'")
    value = user[column.rpartition(".")[2]]

    info = ingest.run(
        f"{row[0]},{column}\n{row[1]},{value}\n", object_name=object_name, operation="insert"
    )

    assert (info["state"], info["numberRecordsFailed"]) == ("JobComplete", 0), info
    assert api.records(f"SELECT OwnerId FROM {object_name}")[0]["OwnerId"] == user["Id"]
