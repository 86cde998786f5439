"""Ingest jobs that end half-way, and rows that other batches lock."""

import time

import pytest

from tests.emulator.ingest_api import Ingest

ROWS = 20


@pytest.fixture
def ingest(api):
    return Ingest(api)


def upload_of(rows=ROWS, parent=""):
    lines = [f"A-{n:03d},{parent}\n" for n in range(rows)]
    return "ERP_Order_Id__c,Account__c\n" + "".join(lines)


def account(api):
    return api.post("sobjects/Account", {"Name": "Acme"}).json()["id"]


def keys(rows):
    return {row["ERP_Order_Id__c"] for row in rows}


def written(api):
    return keys(api.records("SELECT ERP_Order_Id__c FROM Order__c"))


@pytest.mark.parametrize(("fate", "state"), [("fail", "Failed"), ("abort", "Aborted")])
def test_a_job_that_ends_half_way_has_each_row_in_one_file(ingest, org, api, fate, state):
    org.faults.add({"job": fate}, object="Order__c")

    info = ingest.run(upload_of())

    assert info["state"] == state
    assert info["numberRecordsProcessed"] == ROWS // 2
    done, left = keys(ingest.successful(info["id"])), keys(ingest.unprocessed(info["id"]))
    assert done == written(api)
    assert (len(done), len(left), done & left) == (ROWS // 2, ROWS // 2, set())
    assert ("errorMessage" in info) == (fate == "fail")


@pytest.mark.parametrize(("share", "done"), [(0, 0), (0.25, 5), (1, ROWS)])
def test_a_fault_says_how_much_is_done_when_a_job_ends(ingest, org, api, share, done):
    org.control("PUT", "bulk", {"batch_rows": 3})
    org.faults.add({"job": "fail", "done_share": share}, path="*/jobs/ingest")

    info = ingest.run(upload_of())

    assert (info["state"], info["numberRecordsProcessed"]) == ("Failed", done)
    assert len(ingest.unprocessed(info["id"])) == ROWS - done
    assert len(written(api)) == done


def test_a_stalled_job_shows_what_is_done_and_goes_on_without_the_fault(ingest, org):
    org.faults.add({"job": "stall"}, object="Order__c")
    job = ingest.start(upload_of())
    deadline = time.monotonic() + 20
    while (info := ingest.info(job))["numberRecordsProcessed"] < ROWS // 2:
        assert time.monotonic() < deadline, info

    assert (info["state"], info["totalProcessingTime"]) == ("InProgress", 0)

    org.faults.clear()
    assert ingest.wait(job)["numberRecordsProcessed"] == ROWS


def test_a_stalled_job_that_is_aborted_leaves_the_rest_unprocessed(ingest, org, api):
    org.faults.add({"job": "stall"}, object="Order__c")
    job = ingest.start(upload_of())
    deadline = time.monotonic() + 20
    while ingest.info(job)["numberRecordsProcessed"] < ROWS // 2:
        assert time.monotonic() < deadline

    assert ingest.abort(job).status_code == 200

    assert keys(ingest.successful(job)) == written(api)
    assert len(ingest.unprocessed(job)) == ROWS // 2


def test_other_jobs_are_not_held_up_by_a_stalled_one(ingest, org):
    org.faults.add({"job": "stall"}, object="Order__c", times=3)
    stalled = [ingest.start(upload_of()) for _ in range(3)]

    assert ingest.run("Name\nAcme\n", object_name="Account", operation="insert")["state"] == (
        "JobComplete"
    )
    for job in stalled:
        assert ingest.info(job)["state"] in ("UploadComplete", "InProgress")


def test_batches_side_by_side_collide_on_a_parent_that_they_share(ingest, org, api):
    parent = account(api)
    org.control("PUT", "bulk", {"batch_rows": 5})
    org.faults.add({"lock": 1}, object="Order__c")

    info = ingest.run(upload_of(parent=parent))

    assert info["state"] == "JobComplete"
    locked = {row["sf__Error"] for row in ingest.failed(info["id"])}
    assert locked == {
        "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: "
        f"{parent}:--"
    }
    # The first batch gets the parent, the three beside it don't.
    assert written(api) == {f"A-{n:03d}" for n in range(5)}


def test_rows_sorted_by_parent_collide_where_batches_meet_only(ingest, org, api):
    parents = [account(api) for _ in range(4)]
    org.control("PUT", "bulk", {"batch_rows": 5})
    org.faults.add({"lock": 1}, object="Order__c")
    sorted_rows = [f"A-{n:03d},{parents[n // 5]}\n" for n in range(ROWS)]

    info = ingest.run("ERP_Order_Id__c,Account__c\n" + "".join(sorted_rows))

    assert info["numberRecordsFailed"] == 0


def test_a_single_batch_meets_no_lock(ingest, org, api):
    org.faults.add({"lock": 1}, object="Order__c")

    assert ingest.run(upload_of(parent=account(api)))["numberRecordsFailed"] == 0


def test_batches_one_after_the_other_share_a_parent_in_peace(ingest, org, api):
    """Four run at a time: the fifth comes after them."""
    parent = account(api)
    org.control("PUT", "bulk", {"batch_rows": 1})
    org.faults.add({"lock": 1}, object="Order__c")
    rows = "".join(f"A-{n},{parent if n in (0, 4) else ''}\n" for n in range(5))

    info = ingest.run(f"ERP_Order_Id__c,Account__c\n{rows}")

    assert info["numberRecordsFailed"] == 0


def test_an_update_is_locked_by_the_parent_that_its_row_has(ingest, org, api):
    parent = account(api)
    ingest.run(upload_of(parent=parent))
    org.control("PUT", "bulk", {"batch_rows": 10})
    org.faults.add({"lock": 1}, object="Order__c")

    info = ingest.run("ERP_Order_Id__c\n" + "".join(f"A-{n:03d}\n" for n in range(ROWS)))

    assert info["numberRecordsFailed"] == 10


def test_two_jobs_at_a_time_collide_on_a_parent_that_they_share(ingest, org, api):
    parent = account(api)
    org.faults.add({"job": "stall"}, object="Order__c")
    org.faults.add({"lock": 1}, object="Order__c", times=2)
    first = ingest.start(upload_of(parent=parent))
    deadline = time.monotonic() + 20
    while ingest.info(first)["numberRecordsProcessed"] < ROWS // 2:
        assert time.monotonic() < deadline

    second = ingest.run(f"ERP_Order_Id__c,Account__c\nB-1,{parent}\nB-2,\n")

    assert [row["ERP_Order_Id__c"] for row in ingest.failed(second["id"])] == ["B-1"]
    org.faults.clear()
    assert ingest.wait(first)["state"] == "JobComplete"


def test_a_row_that_a_late_commit_holds_is_locked(ingest, org, api):
    (made,) = ingest.successful(ingest.run("ERP_Order_Id__c\nA-1\n")["id"])
    row_id = made["sf__Id"]
    org.change("Order__c", update=[{"Id": row_id, "Notes__c": "late"}], commit_after_s=3600)

    errors = ingest.errors("ERP_Order_Id__c,Amount__c\nA-1,5\nA-2,6\n")

    assert errors == {
        "A-1": "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: "
        f"{row_id}:--"
    }


def test_an_upload_that_ends_in_an_error_of_the_server_leaves_the_job_open(ingest, org):
    org.faults.answer(
        503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}], path="*/batches"
    )
    job = ingest.create()["id"]

    assert ingest.upload(job, upload_of()).status_code == 503
    assert ingest.upload(job, upload_of()).status_code == 201
    assert ingest.info(job)["state"] == "Open"


def test_a_fault_of_another_object_leaves_the_job_alone(ingest, org):
    org.faults.add({"job": "fail"}, object="Account")

    assert ingest.run(upload_of())["state"] == "JobComplete"
