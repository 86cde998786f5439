"""Single rows by REST [nango] [restforce] [amp] [cci] [camel] [rest guide] [bulk guide]."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.emulator.api import Api, error_of


@pytest.fixture
def account_id(api):
    return api.org.create("Account", {"Name": "Harbour", "ERP_Id__c": "E-1"})[0]


def test_a_created_row_answers_with_its_id_and_place(api):
    answer = api.post("sobjects/Account", {"name": "Quay", "annualrevenue": 12})

    body = answer.json()
    assert answer.status_code == 201
    assert body == {"id": body["id"], "success": True, "errors": []}
    assert len(body["id"]) == 18
    assert answer.headers["Location"] == f"/services/data/v66.0/sobjects/Account/{body['id']}"
    assert api.records("SELECT Name, AnnualRevenue FROM Account")[0]["AnnualRevenue"] == 12.0


def test_updates_and_deletes_answer_without_a_body_or_content_type(api, account_id):
    updated = api.patch(f"sobjects/Account/{account_id}", {"Name": "Pier"})
    deleted = api.delete(f"sobjects/Account/{account_id}")

    for answer in (updated, deleted):
        assert (answer.status_code, answer.content) == (204, b"")
        assert "Content-Type" not in answer.headers


def test_a_row_is_read_whole_or_by_fields_with_its_id(api, account_id):
    whole = api.get(f"sobjects/Account/{account_id}").json()
    part = api.get(f"sobjects/Account/{account_id}", params={"fields": "name,Phone"})

    assert whole["Name"] == "Harbour"
    assert "BillingAddress" in whole
    assert part.json() == {
        "attributes": whole["attributes"],
        "Name": "Harbour",
        "Phone": None,
        "Id": account_id,
    }
    assert part.headers["ETag"].endswith('--gzip"')


def test_ids_are_taken_in_15_characters_and_answered_in_18(api, account_id):
    assert api.get(f"sobjects/Account/{account_id[:15]}").json()["Id"] == account_id


def test_audit_fields_follow_the_orgs_clock_in_whole_seconds(api):
    api.org.set_clock("2026-03-01T12:00:00Z")
    record_id = api.post("sobjects/Account", {"Name": "Quay"}).json()["id"]
    api.org.set_clock("2026-03-02T12:00:00Z")
    api.patch(f"sobjects/Account/{record_id}", {"Name": "Pier"})

    row = api.get(f"sobjects/Account/{record_id}").json()

    assert row["CreatedDate"].startswith("2026-03-01T12:00:0")
    assert row["LastModifiedDate"] == row["SystemModstamp"]
    assert row["SystemModstamp"].startswith("2026-03-02T12:00:0")
    assert row["SystemModstamp"].endswith(".000+0000")
    assert row["CreatedById"] == api.login["id"][-18:]


REFUSED_VALUES = [
    ({}, "REQUIRED_FIELD_MISSING", ["Name"]),
    ({"Name": ""}, "REQUIRED_FIELD_MISSING", ["Name"]),
    ({"Name": "x" * 256}, "STRING_TOO_LONG", ["Name"]),
    ({"Name": "x", "AccountNumer": "1"}, "INVALID_FIELD", None),
    (
        {"Name": "x", "CreatedDate": "2026-01-01"},
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        ["CreatedDate"],
    ),
    ({"Name": "x", "ParentId": "003Td0000000001IAA"}, "MALFORMED_ID", ["ParentId"]),
    ({"Name": "x", "ParentId": "no id"}, "MALFORMED_ID", ["ParentId"]),
    ({"Name": "x", "ParentId": "001Td00000000zzAAA"}, "MALFORMED_ID", ["ParentId"]),
    ({"Name": "x", "ParentId": "001Td00000000zz"}, "INVALID_CROSS_REFERENCE_KEY", []),
    ({"Name": "x", "NumberOfEmployees": "many"}, "JSON_PARSER_ERROR", None),
    (
        {"Name": "x", "NumberOfEmployees": 10**12},
        "NUMBER_OUTSIDE_VALID_RANGE",
        ["NumberOfEmployees"],
    ),
    ({"Name": "x", "AnnualRevenue": 10**19}, "NUMBER_OUTSIDE_VALID_RANGE", ["AnnualRevenue"]),
    ({"Name": "x", "Id": "001Td0000000001"}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["Id"]),
    ({"Name": 5}, "JSON_PARSER_ERROR", None),
    ({"Name": {"a": 1}}, "JSON_PARSER_ERROR", None),
]


@pytest.mark.parametrize(("body", "code", "fields"), REFUSED_VALUES)
def test_a_wrong_value_is_refused_and_nothing_is_stored(api, body, code, fields):
    answer = api.post("sobjects/Account", body)

    assert error_of(answer) == (400, code)
    assert answer.json()[0].get("fields") == fields
    assert api.org.ids("Account") == []


def test_a_number_keeps_more_decimals_than_its_scale(api):
    (scale,) = [
        field["scale"]
        for field in api.get("sobjects/Opportunity/describe").json()["fields"]
        if field["name"] == "Amount"
    ]
    deal = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-06-30"}
    made = api.post("sobjects/Opportunity", deal | {"Amount": 237.63125}).json()["id"]

    assert scale == 2
    assert api.get(f"sobjects/Opportunity/{made}").json()["Amount"] == 237.63125
    assert api.org.rows("Opportunity", "Amount") == [{"Amount": 237.63125}]
    assert api.bulk_rows("SELECT Amount FROM Opportunity") == [{"Amount": "237.63125"}]
    assert len(api.records("SELECT Id FROM Opportunity WHERE Amount = 237.63125")) == 1


@pytest.mark.parametrize(("number", "fits"), [(99999999999999.99, True), (10**16, False)])
def test_a_number_has_as_many_whole_digits_as_its_precision_leaves(api, number, fits):
    deal = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-06-30"}

    answer = api.post("sobjects/Opportunity", deal | {"Amount": number})

    assert answer.status_code == (201 if fits else 400)


def test_a_text_that_is_too_long_is_told_by_the_fields_label(api):
    answer = api.post("sobjects/Account", {"Name": "x" * 256})

    message = answer.json()[0]["message"]
    assert message == f"Account Name: data value too large: {'x' * 256} (max length=255)"


def test_a_wrong_email_a_bad_picklist_value_and_a_bad_date_are_refused(api):
    email = api.post("sobjects/Contact", {"LastName": "x", "Email": "nobody"})
    stage = api.post(
        "sobjects/Opportunity", {"Name": "x", "StageName": "Prospecting", "CloseDate": "soon"}
    )
    status = api.post("sobjects/Order__c", {"Sync_Status__c": "Nonsense"})

    assert error_of(email) == (400, "INVALID_EMAIL_ADDRESS")
    assert error_of(stage) == (400, "JSON_PARSER_ERROR")
    assert error_of(status)[0] == 400


def test_a_unique_value_is_taken_once_whatever_its_case(api, account_id):
    answer = api.post("sobjects/Account", {"Name": "x", "ERP_Id__c": "e-1"})

    assert error_of(answer) == (400, "DUPLICATE_VALUE")
    assert answer.json()[0]["message"] == (
        f"duplicate value found: ERP_Id__c duplicates value on record with id: {account_id[:15]}"
    )


def test_a_deleted_row_is_told_apart_from_one_that_never_was(api, account_id):
    api.delete(f"sobjects/Account/{account_id}")

    deleted = api.get(f"sobjects/Account/{account_id}")
    never = api.get("sobjects/Account/001Td0000000zzz")
    no_id = api.get("sobjects/Account/23foo")

    assert deleted.json() == [
        {"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}
    ]
    assert deleted.status_code == 404
    assert error_of(never) == (404, "NOT_FOUND")
    assert no_id.json()[0]["message"] == (
        "Provided external ID field does not exist or is not accessible: 23foo"
    )


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'"text"'])
def test_a_body_that_is_no_json_object_is_refused(api, content):
    answer = api.call(
        "POST", "sobjects/Account", data=content, headers={"Content-Type": "application/json"}
    )

    assert error_of(answer) == (400, "JSON_PARSER_ERROR")


def test_a_body_of_another_kind_is_refused(api):
    answer = api.call(
        "POST", "sobjects/Account", data=b"<a/>", headers={"Content-Type": "text/plain"}
    )

    assert answer.status_code == 415


def test_an_upsert_creates_then_updates(api):
    created = api.patch("sobjects/Account/ERP_Id__c/E%2F7", {"Name": "Quay"})
    updated = api.patch("sobjects/Account/ERP_Id__c/E%2F7", {"Name": "Pier"})

    record_id = created.json()["id"]
    assert (created.status_code, created.json()["created"]) == (201, True)
    assert (updated.status_code, updated.json()) == (
        200,
        {"id": record_id, "success": True, "errors": [], "created": False},
    )
    assert updated.headers["Location"].endswith(record_id)
    assert api.records("SELECT Name, ERP_Id__c FROM Account")[0]["Name"] == "Pier"


def test_before_version_46_an_upsert_that_updates_answers_without_a_body(org):
    api = Api(org, "45.0")
    org.create("Account", {"Name": "Quay", "ERP_Id__c": "E-1"})

    answer = api.patch("sobjects/Account/ERP_Id__c/E-1", {"Name": "Pier"})

    assert (answer.status_code, answer.content) == (204, b"")


def test_an_upsert_by_email_with_several_matches_answers_their_urls(api):
    ids = api.org.create(
        "Contact", *({"LastName": name, "Email": "a@example.com"} for name in ("A", "B"))
    )

    answer = api.patch("sobjects/Contact/Email/a@example.com", {"LastName": "C"})

    assert answer.status_code == 300
    assert answer.json() == [f"/services/data/v66.0/sobjects/Contact/{one}" for one in ids]


def test_an_upsert_may_be_kept_from_creating(api):
    answer = api.patch("sobjects/Account/ERP_Id__c/none?updateOnly=true", {"Name": "x"})

    assert error_of(answer) == (404, "NOT_FOUND")
    assert api.org.ids("Account") == []


def test_an_upsert_by_a_field_that_is_no_key_is_not_found(api):
    answer = api.patch("sobjects/Account/Namez/x", {"Name": "x"})

    assert answer.json()[0]["message"] == (
        "Provided external ID field does not exist or is not accessible: Namez"
    )


def test_a_row_without_an_id_is_posted_to_the_id_and_one_with_an_id_patched(api):
    made = api.post("sobjects/Account/Id", {"Name": "Quay"})
    record_id = made.json()["id"]
    changed = api.patch(f"sobjects/Account/Id/{record_id}", {"Name": "Pier"})
    elsewhere = api.post(f"sobjects/Account/{record_id}", {"Name": "x"})

    assert (made.status_code, changed.json()["created"]) == (201, False)
    assert api.org.rows("Account", "Name") == [{"Name": "Pier"}]
    assert error_of(elsewhere) == (404, "NOT_FOUND")


def test_the_key_of_an_upsert_may_not_stand_in_its_body(api):
    answer = api.patch("sobjects/Account/ERP_Id__c/x", {"Name": "x", "erp_id__c": "x"})

    assert error_of(answer) == (400, "INVALID_FIELD")


def test_deleting_a_row_deletes_its_details(api, account_id):
    (contact_id,) = api.org.create("Contact", {"LastName": "Sailor", "AccountId": account_id})

    api.delete(f"sobjects/Account/{account_id}")
    gone = api.org.ids("Contact")
    api.org.change("Account", undelete=[account_id])

    assert (gone, api.org.ids("Contact")) == ([], [contact_id])


def test_auto_numbers_and_defaults_are_given(api):
    record_ids = [api.post("sobjects/Order__c", {}).json()["id"] for _ in range(2)]

    rows = [api.get(f"sobjects/Order__c/{one}").json() for one in record_ids]

    assert [row["Name"] for row in rows] == ["ORD-000001", "ORD-000002"]
    assert all(row["OwnerId"] == api.login["id"][-18:] for row in rows)


def test_what_a_stage_implies_is_given_and_follows_its_changes(api):
    api.org.set_clock("2026-03-01T12:00:00Z")
    deal = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-06-30"}
    opportunity = api.post("sobjects/Opportunity", deal).json()["id"]
    made = implied_by_stage(api, opportunity)
    api.org.set_clock("2026-03-02T12:00:00Z")

    api.patch(f"sobjects/Opportunity/{opportunity}", {"StageName": "Closed Won"})
    won = implied_by_stage(api, opportunity)
    api.org.set_clock("2026-03-03T12:00:00Z")
    same_stage = {"StageName": "Closed Won", "Description": "signed"}
    api.patch(f"sobjects/Opportunity/{opportunity}", same_stage)
    api.patch(f"sobjects/Opportunity/{opportunity}", {"Probability": 55})

    assert made == [10.0, "Pipeline", None]
    assert won[:2] == [100.0, "Closed"]
    assert won[2].startswith("2026-03-02T12:00:0")
    assert implied_by_stage(api, opportunity) == [55.0, "Closed", won[2]]


def implied_by_stage(api, record_id):
    row = api.get(f"sobjects/Opportunity/{record_id}").json()
    return [row["Probability"], row["ForecastCategoryName"], row["LastStageChangeDate"]]


def test_a_value_that_the_request_gives_is_not_implied(api):
    deal = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-06-30"}
    made = api.post("sobjects/Opportunity", deal | {"Probability": 33}).json()["id"]

    api.patch(f"sobjects/Opportunity/{made}", {"StageName": "Closed Lost", "Probability": 1})

    assert api.get(f"sobjects/Opportunity/{made}").json()["Probability"] == 1.0


@pytest.mark.parametrize(
    ("name", "row", "ended", "field"),
    [
        ("Case", {"Subject": "x"}, "Closed", "ClosedDate"),
        ("Task", {"Subject": "x", "Status": "Not Started"}, "Completed", "CompletedDateTime"),
    ],
)
def test_an_end_has_its_time_until_it_is_taken_back(api, name, row, ended, field):
    api.org.set_clock("2026-03-01T12:00:00Z")
    begun = row.get("Status", "New")
    open_one = api.post(f"sobjects/{name}", row).json()["id"]
    made_ended = api.post(f"sobjects/{name}", row | {"Status": ended}).json()["id"]

    def end_of(record_id):
        return api.get(f"sobjects/{name}/{record_id}").json()[field]

    assert end_of(open_one) is None
    assert end_of(made_ended).startswith("2026-03-01T12:00:0")
    api.patch(f"sobjects/{name}/{open_one}", {"Status": ended})
    assert end_of(open_one).startswith("2026-03-01T12:00:0")
    api.patch(f"sobjects/{name}/{open_one}", {"Status": begun})
    assert end_of(open_one) is None


def test_a_user_gets_a_nickname_and_a_blob_its_length(api):
    profile = api.records("SELECT Id FROM Profile LIMIT 1")[0]["Id"]
    (user,) = api.org.create(
        "User",
        {
            "Username": "grace@tidegate.test", "LastName": "Vane", "Email": "grace@example.com",
            "Alias": "grace", "ProfileId": profile, "TimeZoneSidKey": "Asia/Tokyo",
            "LocaleSidKey": "en_US", "LanguageLocaleKey": "en_US", "EmailEncodingKey": "UTF-8",
        },
    )  # fmt: skip
    (account,) = api.org.create("Account", {"Name": "x"})
    file = {"Name": "a.txt", "ParentId": account, "Body": "aGFyYm91cg=="}
    attachment = api.post("sobjects/Attachment", file).json()["id"]

    assert api.get(f"sobjects/User/{user}").json()["CommunityNickname"] == "grace"
    assert api.get(f"sobjects/Attachment/{attachment}").json()["BodyLength"] == len("harbour")


def test_of_many_callers_at_once_one_gets_a_unique_value(api):
    with ThreadPoolExecutor(12) as pool:
        answers = list(
            pool.map(
                lambda n: api.post("sobjects/Account", {"Name": str(n), "ERP_Id__c": "E-9"}),
                range(24),
            )
        )

    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 23
    assert len(api.org.ids("Account")) == 1


def test_a_blob_is_written_as_base64_and_read_from_its_own_url(api):
    (account,) = api.org.create("Account", {"Name": "x"})
    body = {"Name": "a.txt", "ParentId": account, "Body": "aGFyYm91cg=="}

    made = api.post("sobjects/Attachment", body)
    wrong = api.post("sobjects/Attachment", body | {"Body": "no base64!"})

    (record,) = api.records("SELECT Body FROM Attachment")
    assert record["Body"] == f"/services/data/v66.0/sobjects/Attachment/{made.json()['id']}/Body"
    assert api.get(record["Body"]).content == b"harbour"
    assert error_of(wrong) == (400, "JSON_PARSER_ERROR")
