"""What describe tells of an org's rows, over HTTP."""


def record_types(api, name):
    return {
        one["developerName"]: one
        for one in api.get(f"sobjects/{name}/describe").json()["recordTypeInfos"]
    }


def test_record_types_are_the_rows_of_recordtype_and_master(api):
    rows = api.records("SELECT Id, DeveloperName FROM RecordType WHERE SobjectType = 'Account'")

    infos = record_types(api, "Account")

    assert infos.pop("Master")["recordTypeId"] == "012000000000000AAA"
    assert {name: one["recordTypeId"] for name, one in infos.items()} == {
        row["DeveloperName"]: row["Id"] for row in rows
    }
    assert set(record_types(api, "Contact")) == {"Master"}


def test_a_new_record_type_changes_the_describe_and_its_tag(api):
    before = api.get("sobjects/Contact/describe")
    api.org.create(
        "RecordType",
        {"Name": "Press", "DeveloperName": "Press", "SobjectType": "Contact", "IsActive": True},
    )

    after = api.get("sobjects/Contact/describe", headers={"If-None-Match": before.headers["ETag"]})

    assert after.status_code == 200
    assert set(record_types(api, "Contact")) == {"Press", "Master"}
