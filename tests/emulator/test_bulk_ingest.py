"""Ingest jobs: their life, and what answers look like [bulk guide] (recorded ones: [amp])."""

import gzip
import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.emulator.api import VERSION, Api, error_of
from tests.emulator.ingest_api import Ingest

ORDERS = "ERP_Order_Id__c,Amount__c\nA-1,10.5\nA-2,\n"


@pytest.fixture
def ingest(api):
    return Ingest(api)


def order(api, key):
    (row,) = api.records(
        "SELECT Id, ERP_Order_Id__c, Amount__c, Account__c, Status__c, Notes__c, Order_Date__c "
        f"FROM Order__c WHERE ERP_Order_Id__c = '{key}'"
    )
    return row


def test_a_new_job_is_open_and_says_where_its_content_goes(ingest):
    job = ingest.create()

    assert list(job) == [
        "id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state",
        "externalIdFieldName", "concurrencyMode", "contentType", "apiVersion", "contentUrl",
        "lineEnding", "columnDelimiter",
    ]  # fmt: skip
    assert job["state"] == "Open"
    assert job["apiVersion"] == float(VERSION)
    assert job["id"].startswith("750")


def test_the_content_url_has_no_slash_at_its_beginning(ingest):
    job = ingest.create()

    assert job["contentUrl"] == f"services/data/v{VERSION}/jobs/ingest/{job['id']}/batches"


def test_an_upload_is_201_without_a_body(ingest):
    answer = ingest.upload(ingest.create()["id"], ORDERS)

    assert (answer.status_code, answer.content) == (201, b"")


def test_the_answer_to_a_close_has_no_content_url_and_no_format(ingest):
    job = ingest.create()
    ingest.upload(job["id"], ORDERS)

    closed = ingest.close(job["id"]).json()

    assert set(job) - set(closed) == {"contentUrl", "lineEnding", "columnDelimiter"}
    assert closed["state"] == "UploadComplete"


def test_a_finished_job_counts_rows_failed_ones_included(ingest):
    info = ingest.run("ERP_Order_Id__c,Amount__c\nA-1,10\nA-2,ten\n")

    assert info["state"] == "JobComplete"
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (2, 1)
    assert info["jobType"] == "V2Ingest"
    assert "contentUrl" not in info
    assert "errorMessage" not in info


def test_info_has_the_keys_of_recorded_answers_in_their_order(ingest):
    done, wrong = ingest.run(ORDERS), ingest.run("Nope__c\nx\n")

    keys = [
        "id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state",
        "externalIdFieldName", "concurrencyMode", "contentType", "apiVersion", "jobType",
        "lineEnding", "columnDelimiter", "numberRecordsProcessed", "numberRecordsFailed",
        "retries", "totalProcessingTime", "apiActiveProcessingTime", "apexProcessingTime",
    ]  # fmt: skip
    assert list(done) == keys
    assert done["totalProcessingTime"] > 0
    assert list(wrong) == [*keys, "errorMessage"]
    assert wrong["totalProcessingTime"] == wrong["apiActiveProcessingTime"] == 0


def test_rows_are_created_and_then_updated(ingest, api):
    first = ingest.run(ORDERS)
    second = ingest.run("ERP_Order_Id__c,Amount__c\nA-1,11\nA-3,1\n")

    assert {row["sf__Created"] for row in ingest.successful(first["id"])} == {"true"}
    created = {
        row["ERP_Order_Id__c"]: row["sf__Created"] for row in ingest.successful(second["id"])
    }
    assert created == {"A-1": "false", "A-3": "true"}
    assert order(api, "A-1")["Amount__c"] == 11.0
    assert len(api.records("SELECT Id FROM Order__c")) == 3


def test_an_external_id_is_found_in_any_case(ingest, api):
    ingest.run(ORDERS)

    (row,) = ingest.successful(ingest.run("erp_order_id__C,Amount__c\na-1,7\n")["id"])

    assert row["sf__Created"] == "false"
    assert order(api, "A-1")["Amount__c"] == 7.0


def test_results_hold_the_id_of_each_row(ingest, api):
    info = ingest.run(ORDERS)

    for row in ingest.successful(info["id"]):
        assert row["sf__Id"] == order(api, row["ERP_Order_Id__c"])["Id"]


def test_results_come_in_another_order_than_uploaded(ingest):
    keys = [f"A-{n}" for n in range(50)]
    info = ingest.run("ERP_Order_Id__c\n" + "".join(f"{key}\n" for key in keys))

    found = [row["ERP_Order_Id__c"] for row in ingest.successful(info["id"])]

    assert sorted(found) == sorted(keys)
    assert found != keys


def test_a_result_file_quotes_only_its_own_names_in_the_header(ingest):
    header = 'ERP_Order_Id__c,"Amount__c",NOTES__c'
    info = ingest.run(f"{header}\nA-1,x,\n")

    failed = ingest.result(info["id"], "failedResults").splitlines()

    assert failed[0] == f'"sf__Id","sf__Error",{header}'
    assert failed[1] == (
        '"","INVALID_FIELD:Failed to deserialize field at col 1. Due to, \'x\' is not a valid '
        'value for the type xsd:double:Amount__c --","A-1","x",""'
    )
    assert ingest.result(info["id"], "successfulResults").splitlines()[0] == (
        f'"sf__Id","sf__Created",{header}'
    )
    assert ingest.result(info["id"], "unprocessedrecords").splitlines() == [header]


@pytest.mark.parametrize(
    "path", ["unprocessedRecords", "unprocessedrecords/", "UNPROCESSEDRECORDS"]
)
def test_result_paths_are_found_in_any_case_and_with_a_slash(ingest, path):
    info = ingest.run(ORDERS)

    assert ingest.result(info["id"], path) == "ERP_Order_Id__c,Amount__c\n"


@pytest.mark.parametrize(
    ("name", "separator"),
    [("BACKQUOTE", "`"), ("CARET", "^"), ("COMMA", ","), ("PIPE", "|"), ("SEMICOLON", ";"),
     ("TAB", "\t")],
)  # fmt: skip
@pytest.mark.parametrize(("ending", "newline"), [("LF", "\n"), ("CRLF", "\r\n")])
def test_every_delimiter_and_line_ending_is_read_and_written(
    ingest, api, name, separator, ending, newline
):
    cells = ['"A-1"', '"he said ""a,b;c|d"""']
    content = newline.join([separator.join(["ERP_Order_Id__c", "Notes__c"]), separator.join(cells)])

    info = ingest.run(content + newline, columnDelimiter=name, lineEnding=ending)

    assert order(api, "A-1")["Notes__c"] == 'he said "a,b;c|d"'
    text = ingest.api.get(f"jobs/ingest/{info['id']}/successfulResults").content.decode()
    assert text.endswith(separator.join(cells) + newline)
    assert text.count(newline) == 2


def test_newlines_in_quotes_belong_to_the_value(ingest, api):
    ingest.run('ERP_Order_Id__c,Notes__c\n"A-1","one\ntwo\r\nthree"\n')

    assert order(api, "A-1")["Notes__c"] == "one\ntwo\r\nthree"


def test_a_last_line_needs_no_end(ingest):
    assert ingest.run("ERP_Order_Id__c\nA-1")["numberRecordsProcessed"] == 1


def test_a_file_without_rows_is_complete(ingest):
    info = ingest.run("ERP_Order_Id__c,Amount__c\n")

    assert (info["state"], info["numberRecordsProcessed"]) == ("JobComplete", 0)


def test_lines_that_end_otherwise_than_announced_fail_the_job(ingest):
    info = ingest.run("ERP_Order_Id__c\r\nA-1\r\n")

    assert info["state"] == "Failed"
    assert info["errorMessage"] == (
        "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF"
    )
    assert info["numberRecordsProcessed"] == 0


def test_an_empty_cell_leaves_the_value_and_the_mark_clears_it(ingest, api):
    ingest.run("ERP_Order_Id__c,Amount__c,Notes__c,Order_Date__c\nA-1,10,kept,2026-01-02\n")

    ingest.run("ERP_Order_Id__c,Amount__c,Notes__c,Order_Date__c\nA-1,#N/A,,#N/A\n")

    row = order(api, "A-1")
    assert (row["Amount__c"], row["Notes__c"], row["Order_Date__c"]) == (None, "kept", None)


def test_an_empty_cell_of_a_new_row_takes_the_default_and_the_mark_does_not(ingest, api):
    ingest.run("ERP_Order_Id__c,Status__c\nA-1,\nA-2,#N/A\n")

    assert order(api, "A-1")["Status__c"] == "Draft"
    assert order(api, "A-2")["Status__c"] is None


def test_an_empty_id_column_beside_an_external_id_is_accepted(ingest):
    info = ingest.run("Id,ERP_Order_Id__c\n,A-1\n")

    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (1, 0)


def test_a_multipart_job_brings_its_content_and_starts(ingest, api):
    job = {"object": "Order__c", "operation": "insert", "contentType": "CSV"}
    parts = {
        "job": (None, json.dumps(job), "application/json"),
        "content": ("content", "ERP_Order_Id__c,Notes__c\nA-1,a\nA-2,\n", "text/csv"),
    }

    created = api.http.post(f"{api.org.url}{api.base}/jobs/ingest", files=parts, timeout=30)

    assert created.status_code == 200
    assert created.json()["state"] == "UploadComplete"
    assert ingest.wait(created.json()["id"])["numberRecordsProcessed"] == 2
    assert order(api, "A-1")["Notes__c"] == "a"


def test_a_gzipped_upload_is_unpacked(ingest, api):
    job = ingest.create()["id"]
    headers = {"Content-Type": "text/csv", "Content-Encoding": "gzip"}
    body = gzip.compress(ORDERS.encode())

    answer = api.call("PUT", f"jobs/ingest/{job}/batches", data=body, headers=headers)

    assert answer.status_code == 201
    ingest.close(job)
    assert ingest.wait(job)["numberRecordsProcessed"] == 2


def test_an_upload_that_breaks_off_is_no_upload(ingest, api):
    job = ingest.create()["id"]
    url = urlsplit(api.org.url)
    head = (
        f"PUT {api.base}/jobs/ingest/{job}/batches HTTP/1.1\r\nHost: org\r\n"
        f"Authorization: {api.http.headers['Authorization']}\r\n"
        "Content-Type: text/csv\r\nContent-Length: 1000\r\n\r\n"
    )
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(head.encode() + ORDERS.encode())

    assert ingest.upload(job, ORDERS).status_code == 201
    ingest.close(job)
    assert ingest.wait(job)["numberRecordsProcessed"] == 2


def test_rows_are_inserted_updated_and_deleted(ingest, api):
    inserted = ingest.run("ERP_Order_Id__c,Amount__c\nA-1,1\nA-2,2\nA-3,3\n", operation="insert")
    ids = {row["ERP_Order_Id__c"]: row["sf__Id"] for row in ingest.successful(inserted["id"])}

    updated = ingest.run(f"Id,Amount__c\n{ids['A-1']},9\n", operation="update")
    deleted = ingest.run(f"Id\n{ids['A-2'][:15]}\n", operation="delete")
    gone = ingest.run(f"Id\n{ids['A-3']}\n", operation="hardDelete")

    for info in (updated, deleted, gone):
        assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (1, 0)
    assert {row["sf__Created"] for row in ingest.successful(deleted["id"])} == {"false"}
    assert order(api, "A-1")["Amount__c"] == 9.0
    answer = api.get("queryAll", params={"q": "SELECT ERP_Order_Id__c, IsDeleted FROM Order__c"})
    found = {row["ERP_Order_Id__c"]: row["IsDeleted"] for row in answer.json()["records"]}
    assert found == {"A-1": False, "A-2": True}


def test_an_upsert_by_id_updates_rows_with_one_and_creates_the_others(ingest, api):
    (first,) = ingest.successful(ingest.run("ERP_Order_Id__c\nA-1\n")["id"])

    info = ingest.run(f"Id,ERP_Order_Id__c,Amount__c\n{first['sf__Id']},,5\n,A-2,6\n", key="Id")

    created = {row["Amount__c"]: row["sf__Created"] for row in ingest.successful(info["id"])}
    assert created == {"5": "false", "6": "true"}
    assert order(api, "A-1")["Amount__c"] == 5.0


def test_an_id_lookup_field_is_a_key(ingest, api):
    api.post("sobjects/Contact", {"LastName": "Ng", "Email": "ng@example.com"})

    info = ingest.run("Email,LastName\nNG@example.com,Nguyen\n", object_name="Contact", key="Email")

    assert ingest.successful(info["id"])[0]["sf__Created"] == "false"
    assert api.records("SELECT LastName FROM Contact")[0]["LastName"] == "Nguyen"


def test_an_assignment_rule_is_accepted_from_v49_on(ingest, org):
    rule = "01QTd0000000001AAA"

    assert ingest.create("Lead", "insert", assignmentRuleId=rule)["assignmentRuleId"] == rule
    old = Api(org, "48.0").post(
        "jobs/ingest", {"object": "Lead", "operation": "insert", "assignmentRuleId": rule}
    )
    assert error_of(old) == (400, "JSON_PARSER_ERROR")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"object": "Nope__c", "operation": "insert"}, "INVALIDENTITY"),
        ({"object": "Order__c", "operation": "query"}, "INVALIDJOB"),
        ({"object": "Order__c", "operation": "upsert"}, "INVALIDJOB"),
        ({"object": "Order__c", "operation": "upsert", "externalIdFieldName": "Notes__c"},
         "INVALIDJOB"),
        ({"object": "Order__c", "operation": "insert", "columnDelimiter": "COLON"}, "INVALIDJOB"),
        ({"object": "Order__c", "operation": "insert", "lineEnding": "CR"}, "INVALIDJOB"),
        ({"object": "Order__c", "operation": "insert", "contentType": "JSON"}, "INVALIDJOB"),
        ({"object": "AccountHistory", "operation": "insert"}, "INVALIDENTITY"),
        ({"object": "Order__c", "operation": "insert", "nope": 1}, "JSON_PARSER_ERROR"),
    ],
)  # fmt: skip
def test_a_job_that_makes_no_sense_is_refused(api, body, code):
    assert error_of(api.post("jobs/ingest", body)) == (400, code)


def test_a_second_upload_is_refused(ingest):
    job = ingest.create()["id"]
    ingest.upload(job, ORDERS)

    answer = ingest.upload(job, ORDERS)

    assert error_of(answer) == (400, "INVALIDJOBSTATE")
    assert "multiple contents" in answer.json()[0]["message"]


def test_nothing_is_uploaded_to_a_closed_job(ingest):
    job = ingest.start(ORDERS)

    assert error_of(ingest.upload(job, ORDERS)) == (400, "INVALIDJOBSTATE")


def test_a_job_is_closed_once_and_only_with_content(ingest):
    empty, full = ingest.create()["id"], ingest.start(ORDERS)

    assert error_of(ingest.close(empty)) == (400, "INVALIDJOBSTATE")
    assert error_of(ingest.close(full)) == (400, "INVALIDJOBSTATE")


def test_only_csv_is_uploaded(ingest, api):
    job = ingest.create()["id"]

    answer = api.call(
        "PUT", f"jobs/ingest/{job}/batches", data=b"{}", headers={"Content-Type": "text/xml"}
    )

    assert answer.status_code == 415


def test_an_aborted_job_leaves_all_that_was_uploaded_unprocessed(ingest, api):
    job = ingest.create()["id"]
    ingest.upload(job, ORDERS)

    aborted = ingest.abort(job).json()

    assert aborted["state"] == "Aborted"
    assert ingest.result(job, "unprocessedrecords") == ORDERS
    assert ingest.successful(job) == ingest.failed(job) == []
    assert api.records("SELECT Id FROM Order__c") == []


def test_a_finished_job_is_not_aborted(ingest):
    info = ingest.run(ORDERS)

    answer = ingest.abort(info["id"])

    assert error_of(answer) == (400, "INVALIDJOBSTATE")
    assert answer.json()[0]["message"] == "Aborting already Completed Job not allowed"


def test_a_deleted_job_is_gone_and_an_open_one_is_not_deleted(ingest, api):
    done, open_job = ingest.run(ORDERS)["id"], ingest.create()["id"]

    assert api.delete(f"jobs/ingest/{done}").status_code == 204
    assert api.get(f"jobs/ingest/{done}").status_code == 404
    assert error_of(api.delete(f"jobs/ingest/{open_job}")) == (400, "API_ERROR")


def test_results_wait_for_the_end_of_the_job(ingest, api):
    job = ingest.create()["id"]

    answer = api.get(f"jobs/ingest/{job}/successfulResults")

    assert error_of(answer) == (400, "INVALIDJOBSTATE")


def test_query_and_ingest_jobs_are_in_one_list_unless_a_type_is_asked_for(ingest, api):
    made = ingest.run(ORDERS)["id"]
    asked = api.finished_job("SELECT Id FROM Order__c")["id"]

    def listed(path):
        answer = api.get(path).json()
        assert answer["done"] is True
        return {job["id"]: job["jobType"] for job in answer["records"]}

    both = {made: "V2Ingest", asked: "V2Query"}
    assert listed("jobs/ingest") == listed("jobs/query") == both
    assert listed("jobs/ingest?jobType=V2Ingest") == {made: "V2Ingest"}
    assert listed("jobs/query?jobType=V2Query") == {asked: "V2Query"}


def test_a_job_of_the_other_kind_is_not_found(ingest, api):
    made = ingest.run(ORDERS)["id"]
    asked = api.finished_job("SELECT Id FROM Order__c")["id"]

    assert api.get(f"jobs/query/{made}").status_code == 404
    assert api.get(f"jobs/ingest/{asked}").status_code == 404


def test_each_batch_is_counted_and_without_allowance_the_job_fails(ingest, org, api):
    org.control("PUT", "bulk", {"batch_rows": 2})
    content = "ERP_Order_Id__c\n" + "".join(f"A-{n}\n" for n in range(5))

    ingest.run(content)
    assert api.get("limits").json()["DailyBulkApiBatches"]["Remaining"] == 15000 - 3
    org.faults.add({"limits": {"DailyBulkApiBatches": 2}}, times=1)
    info = ingest.run(content, operation="insert")

    assert info["state"] == "Failed"
    assert info["errorMessage"].startswith("ExceededQuota")


def test_a_reset_forgets_jobs_and_what_they_wrote(ingest, org, api):
    job = ingest.start("ERP_Order_Id__c\n" + "".join(f"A-{n}\n" for n in range(5000)))

    org.reset()

    fresh = Api(org)
    assert fresh.get(f"jobs/ingest/{job}").status_code == 404
    assert fresh.records("SELECT Id FROM Order__c") == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_upload_of_many_rows_runs_at_the_speed_of_the_database(ingest, org):
    """Set-based: 200,000 rows take seconds, a check row by row would take minutes."""
    rows = 200_000
    lines = "".join(f"A-{n},{n}.5,Draft,2026-01-02,some notes\n" for n in range(rows))
    content = f"ERP_Order_Id__c,Amount__c,Status__c,Order_Date__c,Notes__c\n{lines}"

    created = ingest.wait(ingest.start(content), seconds=300)
    updated = ingest.wait(ingest.start(content), seconds=300)

    assert (created["numberRecordsProcessed"], created["numberRecordsFailed"]) == (rows, 0)
    assert (updated["numberRecordsProcessed"], updated["numberRecordsFailed"]) == (rows, 0)
    assert rows / created["totalProcessingTime"] * 1000 > 10_000
    results = ingest.result(created["id"], "successfulResults")
    assert results.count("\n") == rows + 1
    assert len(org.ids("Order__c")) == rows
