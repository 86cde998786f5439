"""jsforce, as published on npm, works against the emulator."""

import shutil

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
]


def test_jsforce_logs_in_describes_pages_and_runs_a_bulk_query(org, run_script):
    names = [f"Harbour {n:03}, 'quoted' \"twice\"\nsecond line é 港" for n in range(450)]
    org.create("Account", *({"Name": name} for name in names))

    seen = run_script(
        "query_with_jsforce.mjs",
        org.url,
        org.client_id,
        org.client_secret,
        org.username,
        org.password,
    )

    assert seen["organizationId"] == org.org_id
    assert seen["username"] == org.username
    assert {"Name", "AnnualRevenue", "ERP_Id__c"} <= set(seen["accountFields"])
    assert seen["pages"] == 3
    assert seen["paged"] == names
    assert seen["bulk"] == names


def test_jsforce_logs_in_by_browser_and_writes_lists_of_rows(org, run_script):
    seen = run_script("write_lists_with_jsforce.mjs", org.url, org.client_id)

    def codes(name):
        return [one["errors"][0]["statusCode"] if one["errors"] else None for one in seen[name]]

    assert (seen["state"], seen["refreshToken"]) == ("here", "string")
    assert codes("created") == [None, "STRING_TOO_LONG", None]
    assert [one["created"] for one in seen["upserted"]] == [False, True]
    assert codes("updated") == [None, "INVALID_CROSS_REFERENCE_KEY"]
    assert codes("rolledBack") == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "REQUIRED_FIELD_MISSING",
    ]
    assert seen["many"] == 450
    assert seen["retrieved"] == [["Quay 2", "1"], ["Pier", None]]
    assert seen["composite"] == [201, 200]
    assert seen["parent"] == seen["upserted"][1]["id"]
    assert seen["destroyed"] == [True, True]
    assert len(org.ids("Account")) == 451


def test_jsforce_upserts_by_bulk_and_reads_what_failed(org, run_script):
    (known,) = org.create("Order__c", {"ERP_Order_Id__c": "E-1", "Amount__c": 1})

    seen = run_script(
        "upsert_with_jsforce.mjs",
        org.url,
        org.client_id,
        org.client_secret,
        org.username,
        org.password,
    )

    created = {row["ERP_Order_Id__c"]: row["sf__Created"] for row in seen["successful"]}
    assert created == {"E-1": "false", "E-2": "true"}
    assert known in {row["sf__Id"] for row in seen["successful"]}
    assert [row["ERP_Order_Id__c"] for row in seen["failed"]] == ["E-3"]
    assert seen["failed"][0]["sf__Error"].startswith("INVALID_FIELD:Failed to deserialize")
    assert seen["unprocessed"] == []
    assert (seen["info"]["numberRecordsProcessed"], seen["info"]["numberRecordsFailed"]) == (3, 1)
    assert seen["semicolons"] == "JobComplete"
    assert seen["aborted"] == "Aborted"
    assert len(org.ids("Order__c")) == 3
