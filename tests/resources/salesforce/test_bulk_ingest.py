"""The client loads a running org by Bulk: every row has its outcome, also when things go wrong."""

import io
import time

import pyarrow as pa
import pytest

from resources.salesforce.bulk_job import PollPlan
from resources.salesforce.csv_parts import write_parts
from resources.salesforce.error_codes import is_lock_error
from resources.salesforce.errors import (
    JobStateError,
    LostAnswerError,
    NotFoundError,
    RowCountError,
)
from resources.salesforce.outcomes import ResultFiles, read_outcomes
from resources.salesforce.retry_plan import RetryPolicy
from tests.resources.salesforce.scripted_org import answer, scripted_org

FAST = PollPlan(first_s=0.05, longest_s=0.2, give_up_after_s=60)
KINDS = ("successful", "failed", "unprocessed")


@pytest.fixture
def loader(org, connect):
    """A client that really waits while jobs are at work."""
    return connect(org, sleep=time.sleep)


def frame(**columns):
    """Cells with keys and hashes, as an outbound frame has them."""
    rows = len(next(iter(columns.values())))
    numbers = [f"{n}" for n in range(rows)]
    return pa.record_batch({**columns, "_key": numbers, "_hash": [f"h{n}" for n in numbers]})


def csv_of(batch):
    files = []

    def open_part(number):
        files.append(_Kept())
        return files[-1]

    parts = list(write_parts(iter([batch]), open_part))
    assert len(parts) == 1
    files[0].seek(0)
    return files[0], parts[0].bytes


class _Kept(io.BytesIO):
    def __exit__(self, *_):
        return None


def uploaded(client, batch, operation, external_id=None, object_name="Account"):
    job = client.ingest.create(object_name, operation, external_id)
    file, size = csv_of(batch)
    client.ingest.upload(job.id, file, size)
    return job


def loaded(client, batch, operation="upsert", external_id="ERP_Id__c", key="ERP_Id__c", **more):
    job = uploaded(client, batch, operation, external_id, **more)
    client.ingest.close(job.id)
    return outcomes(client, client.ingest.wait(job.id, poll=FAST), batch, key)


def outcomes(client, job, batch, key):
    files = {}
    for kind in KINDS:
        files[kind] = io.BytesIO()
        client.ingest.download(job.id, kind, files[kind], rows=job.expected_rows(kind))
        files[kind].seek(0)
    found = read_outcomes(
        [batch], ResultFiles(**files), key=key, job_id=job.id, job_error=job.error_message
    )
    return [row for outcome in found for row in outcome.to_pylist()]


def test_an_upsert_creates_and_updates_and_tells_which(org, loader):
    org.create("Account", {"Name": "Old", "ERP_Id__c": "b"})

    rows = loaded(loader, frame(ERP_Id__c=["a", "b"], Name=["New", "Newer"]))

    assert [(row["_key"], row["outcome"], row["created"]) for row in rows] == [
        ("0", "accepted", True),
        ("1", "accepted", False),
    ]
    truth = {row["ERP_Id__c"]: (row["Id"], row["Name"]) for row in org.rows("Account")}
    assert truth == {"a": (rows[0]["sf_id"], "New"), "b": (rows[1]["sf_id"], "Newer")}


def test_rows_that_fail_keep_their_error_and_what_was_sent(loader):
    awkward = ["fine", "x" * 300, '7",\n007']

    rows = loaded(loader, frame(ERP_Id__c=["NA", "007", "NULL"], Name=awkward))

    assert [row["outcome"] for row in rows] == ["accepted", "failed", "accepted"]
    assert (rows[1]["error_code"], rows[1]["error_fields"]) == ("STRING_TOO_LONG", ["Name"])
    assert rows[1]["payload"] == f'{{"ERP_Id__c":"007","Name":"{"x" * 300}"}}'
    assert rows[0]["payload"] is None


def test_empty_cells_leave_alone_and_the_null_marker_clears(org, loader):
    org.create("Account", {"Name": "A", "ERP_Id__c": "a", "Site": "s", "AnnualRevenue": 5})

    loaded(loader, frame(ERP_Id__c=["a"], Site=["#N/A"], AnnualRevenue=[""]))

    (row,) = org.rows("Account", "Name", "Site", "AnnualRevenue")
    assert (row["Name"], row["Site"], row["AnnualRevenue"]) == ("A", None, 5)


def test_equal_rows_of_an_insert_each_have_an_outcome(org, loader):
    batch = frame(Name=["Twin", "Twin", "x" * 300, "Twin"])

    rows = loaded(loader, batch, "insert", None, None)

    assert [row["outcome"] for row in rows] == ["accepted", "accepted", "failed", "accepted"]
    assert sorted(row["sf_id"] for row in rows if row["sf_id"]) == org.ids("Account")


def test_rows_are_updated_and_deleted_by_id(org, loader):
    ids = org.create("Account", count=3)

    changed = loaded(loader, frame(Id=ids, Name=["A", "B", "C"]), "update", None, "Id")
    gone = loaded(loader, frame(Id=[*ids[:2], "001000000000999AAA"]), "delete", None, "Id")

    assert [row["outcome"] for row in changed] == ["accepted"] * 3
    assert [row["outcome"] for row in gone] == ["accepted", "accepted", "failed"]
    assert [row["Name"] for row in org.rows("Account", "Name")] == ["C"]


def test_a_job_that_failed_is_no_error_and_its_rows_are_unprocessed(loader):
    batch = frame(ERP_Id__c=["a"], Nonsense__c=["x"])
    job = uploaded(loader, batch, "upsert", "ERP_Id__c")
    loader.ingest.close(job.id)

    ended = loader.ingest.wait(job.id, poll=FAST)

    assert (ended.state, ended.error_message.split(":")[0].strip()) == ("Failed", "InvalidBatch")
    (row,) = outcomes(loader, ended, batch, "ERP_Id__c")
    assert (row["outcome"], row["error_code"]) == ("unprocessed", None)


def test_more_rows_than_a_server_batch_keep_their_outcomes(org, loader):
    keys = [f"k{n}" for n in range(12_000)]
    names = ["x" * 300 if n % 1000 == 7 else f"n{n}" for n in range(12_000)]

    rows = loaded(loader, frame(ERP_Id__c=keys, Name=names))

    assert [row["_key"] for row in rows] == [f"{n}" for n in range(12_000)]
    assert [row["outcome"] == "failed" for row in rows] == [n % 1000 == 7 for n in range(12_000)]


def test_a_lost_answer_to_an_upload_is_doubt_and_the_job_can_be_dropped(org, loader):
    org.faults.answer(504, "a gateway gave up", path="*/batches")
    job = loader.ingest.create("Account", "upsert", "ERP_Id__c")
    file, size = csv_of(frame(ERP_Id__c=["a"], Name=["A"]))

    with pytest.raises(LostAnswerError):
        loader.ingest.upload(job.id, file, size)

    assert loader.ingest.abort(job.id).state == "Aborted"
    assert loader.ingest.abort(job.id).state == "Aborted"
    assert org.ids("Account") == []


def test_an_upload_that_was_refused_is_sent_again_from_its_beginning(org, loader):
    refusal = [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}]
    org.faults.answer(503, refusal, path="*/batches")

    rows = loaded(loader, frame(ERP_Id__c=["a", "b"], Name=["A", "B"]))

    assert [row["outcome"] for row in rows] == ["accepted", "accepted"]


def test_a_lost_answer_to_a_close_closes_once(org, loader):
    job = uploaded(loader, frame(ERP_Id__c=["a"], Name=["A"]), "upsert", "ERP_Id__c")
    org.faults.cut_connection("*/jobs/ingest/*", after_bytes=0, method="PATCH")

    assert loader.ingest.close(job.id).is_closed

    assert loader.ingest.wait(job.id, poll=FAST).rows == 1
    assert loader.ingest.close(job.id).state == "JobComplete"


def test_an_aborted_job_cannot_be_closed(loader):
    job = uploaded(loader, frame(Name=["A"]), "insert")
    loader.ingest.abort(job.id)

    with pytest.raises(JobStateError):
        loader.ingest.close(job.id)


def test_a_result_file_that_breaks_off_is_fetched_again(org, loader):
    org.faults.cut_connection("*/successfulResults*", after_bytes=30)

    rows = loaded(loader, frame(ERP_Id__c=["a", "b"], Name=["A", "B"]))

    assert [row["outcome"] for row in rows] == ["accepted", "accepted"]


def test_a_result_file_with_fewer_rows_than_counted_is_not_used(org, connect):
    loader = connect(org, retry=RetryPolicy(attempts=1))
    batch = frame(ERP_Id__c=["a"], Name=["A"])
    job = uploaded(loader, batch, "upsert", "ERP_Id__c")
    loader.ingest.close(job.id)
    job = loader.ingest.wait(job.id, poll=FAST)
    file = io.BytesIO(b"kept")
    file.seek(4)

    with pytest.raises(RowCountError):
        loader.ingest.download(job.id, "successful", file, rows=2)

    assert file.getvalue() == b"kept"


def test_counters_include_failed_rows(loader):
    batch = frame(ERP_Id__c=["a", "b"], Name=["A", "x" * 300])
    job = uploaded(loader, batch, "upsert", "ERP_Id__c")
    loader.ingest.close(job.id)

    job = loader.ingest.wait(job.id, poll=FAST)

    assert (job.state, job.rows, job.rows_failed) == ("JobComplete", 2, 1)
    assert job.expected_rows("successful") == 1


def test_jobs_are_listed_without_those_of_queries_and_deleted(org, loader):
    loader.bulk.submit("SELECT Id FROM Account")
    job = uploaded(loader, frame(Name=["A"]), "insert")

    listed = loader.ingest.list_jobs(created_since=job.created_date)
    loader.ingest.abort(job.id)
    loader.ingest.delete(job.id)

    assert [(found.id, found.operation) for found in listed] == [(job.id, "insert")]
    with pytest.raises(NotFoundError):
        loader.ingest.info(job.id)


def test_lock_errors_are_told_apart_from_final_ones():
    assert is_lock_error("UNABLE_TO_LOCK_ROW")
    assert not is_lock_error("STRING_TOO_LONG")
    assert not is_lock_error(None)


def test_text_and_numbers_arrive_as_they_were(org, loader):
    texts = ["NA", "NULL", "nan", "007", 'say "hi", twice', "two\nlines", "日本語", "back\\slash"]
    batch = frame(
        ERP_Id__c=[f"k{n}" for n in range(len(texts))],
        Name=texts,
        AnnualRevenue=["123456789012345"] * len(texts),
    )

    rows = loaded(loader, batch)

    assert {row["outcome"] for row in rows} == {"accepted"}
    truth = {row["ERP_Id__c"]: row for row in org.rows("Account")}
    assert [truth[f"k{n}"]["Name"] for n in range(len(texts))] == texts
    assert {row["AnnualRevenue"] for row in truth.values()} == {123456789012345}


def test_parents_are_found_by_their_external_id(org, loader):
    org.create("Account", {"Name": "Parent", "ERP_Id__c": "p"})
    batch = frame(ERP_Id__c=["a", "b"], Name=["A", "B"], **{"Parent.ERP_Id__c": ["p", "nobody"]})

    found, lost = loaded(loader, batch)

    assert (found["outcome"], lost["outcome"]) == ("accepted", "failed")
    assert lost["error_code"] == "INVALID_FIELD"


def test_an_upload_sends_the_file_from_where_it_stands_with_its_length(connect):
    file = io.BytesIO(b"before" + b"x" * 3_000_000 + b"after")
    file.seek(6)
    with scripted_org(
        answer([{"errorCode": "SERVER_UNAVAILABLE", "message": ""}], 503), answer(b"", 201)
    ) as org:
        connect(org.url).ingest.upload("750", file, 3_000_000)

    assert [seen.body == b"x" * 3_000_000 for seen in org.requests] == [True, True]
    headers = org.requests[1].headers
    assert headers["content-length"] == "3000000"
    assert "transfer-encoding" not in headers
    assert headers["content-type"] == "text/csv; charset=UTF-8"
    assert headers["sforce-call-options"] == "client=tidegate"
