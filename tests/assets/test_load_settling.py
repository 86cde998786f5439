"""What a broken-off run sent, and of which the org won't tell any more what became."""

from datetime import UTC, datetime
from typing import Any

import pytest

from assets.load_bulk import BulkSending
from assets.load_parts import LoadParts, terms_of
from assets.load_spec import LoadSpec
from assets.newest_manifests import newest_manifests
from assets.outbound_frames import read_outbound
from resources.landing.upload_ledger import UploadLedger
from resources.landing.upload_plan import part_step
from tests.assets.conftest import Harbour, metadata
from tests.assets.loads import load_spec
from tests.assets.test_load import BULK, failure_of, notes, put_orders, run_load

UPSERT = load_spec(**BULK)
INSERT = load_spec({"Notes__c": "note"}, operation="insert", external_id=None)
LOST = "TIDEGATE_RESULT_LOST"


def break_off(harbour: Harbour, spec: LoadSpec) -> None:
    """A run whose one job ends well, and which then can't fetch the results."""
    harbour.org.faults.answer(500, [], path="*/failedResults*", method="GET")
    assert not run_load(harbour, spec).success


def delete_the_job(harbour: Harbour) -> None:
    with harbour.resources["org_salesforce"].connect() as client:
        [job] = client.ingest.list_jobs()
        client.ingest.delete(job.id)


def refuse_the_job(harbour: Harbour) -> None:
    body = [{"errorCode": "API_ERROR", "message": "created with another API version"}]
    harbour.org.faults.answer(409, body, path="*/jobs/ingest/*", method="GET")


def outcomes(harbour: Harbour) -> list[tuple[Any, ...]]:
    """In the order of the attempts: two runs within a second may know the org's clock too badly."""
    return harbour.query(
        "SELECT key, outcome, created, error_code FROM _tidegate.load_outcomes "
        "ORDER BY _attempt, key"
    )


def kept_messages(harbour: Harbour) -> list[str]:
    rows = harbour.query(
        "SELECT DISTINCT error_message FROM _tidegate.load_outcomes WHERE outcome = 'unprocessed'"
    )
    return [message for (message,) in rows]


@pytest.mark.parametrize("trouble", [delete_the_job, refuse_the_job])
def test_rows_whose_job_is_gone_are_unprocessed_and_what_is_left_is_sent(harbour: Harbour, trouble):
    put_orders(harbour, ("SO-1", "a"), ("SO-2", "b"))
    break_off(harbour, UPSERT)
    trouble(harbour)

    result = run_load(harbour, UPSERT)

    assert metadata(result, UPSERT.load_key)["tidegate/accepted"] == 2
    assert outcomes(harbour) == [
        ("SO-1", "unprocessed", None, LOST),
        ("SO-2", "unprocessed", None, LOST),
        ("SO-1", "accepted", False, None),
        ("SO-2", "accepted", False, None),
    ]
    [message] = kept_messages(harbour)
    assert "the job 750" in message
    assert "The next run computes it anew" in message


def test_a_load_alone_whose_job_is_gone_ends_red_with_its_rows_unprocessed(harbour: Harbour):
    put_orders(harbour, ("SO-1", "a"))
    break_off(harbour, UPSERT)
    delete_the_job(harbour)

    text, said = failure_of(run_load(harbour, UPSERT, stages=("load",)))

    assert f"1 of 1 rows weren't accepted (1 {LOST})" in text
    assert said["tidegate/unprocessed"] == 1


def test_a_load_alone_whose_job_is_refused_waits_for_the_old_api_version(harbour: Harbour):
    put_orders(harbour, ("SO-1", "a"))
    break_off(harbour, UPSERT)
    refuse_the_job(harbour)

    text, _ = failure_of(run_load(harbour, UPSERT, stages=("load",)))
    result = run_load(harbour, UPSERT, stages=("load",))

    assert "with the API version it was created with" in text
    assert metadata(result, UPSERT.load_key)["tidegate/accepted"] == 1


def test_a_job_that_went_while_it_was_being_closed_holds_nothing_up(harbour: Harbour):
    put_orders(harbour, ("SO-1", "a"))
    body = [{"errorCode": "UNKNOWN_EXCEPTION", "message": "An unexpected error occurred"}]
    harbour.org.faults.answer(500, body, path="*/jobs/ingest/*", method="PATCH")
    assert not run_load(harbour, UPSERT).success
    gone = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
    harbour.org.faults.answer(404, gone, path="*/jobs/ingest/*", method="GET")

    result = run_load(harbour, UPSERT)

    assert result.success
    assert notes(harbour) == {"SO-1": "a"}


def test_inserts_that_may_have_happened_stop_one_run_before_they_are_sent_again(harbour: Harbour):
    put_orders(harbour, ("SO-1", "a"), ("SO-2", "b"))
    break_off(harbour, INSERT)
    delete_the_job(harbour)

    text, _ = failure_of(run_load(harbour, INSERT))

    assert "whether the org inserted 2 of its rows can't be known" in text
    assert len(harbour.org.rows("Order__c")) == 2
    [message] = kept_messages(harbour)
    assert "Look in the org whether it is there" in message
    put_orders(harbour, ("SO-2", "b"))
    assert run_load(harbour, INSERT).success
    found = [row["Notes__c"] for row in harbour.org.rows("Order__c", "Notes__c")]
    assert sorted(found) == ["a", "b", "b"]


def refuse_calls(harbour: Harbour, status: int, code: str, times: int) -> None:
    body = [{"errorCode": code, "message": "Notes__c isn't there"}]
    harbour.org.faults.answer(status, body, times, path="*/composite/sobjects/*", method="PATCH")


@pytest.mark.parametrize(
    ("status", "code"), [(400, "INVALID_FIELD"), (500, "UNKNOWN_EXCEPTION"), (404, "NOT_FOUND")]
)
def test_a_call_that_is_refused_when_repeated_holds_up_no_later_run(
    harbour: Harbour, status: int, code: str
):
    put_orders(harbour, ("SO-1", "a"))
    refuse_calls(harbour, status, code, times=2)
    assert not run_load(harbour, load_spec()).success

    result = run_load(harbour, load_spec())

    assert metadata(result, load_spec().load_key)["tidegate/accepted"] == 1
    assert outcomes(harbour) == [
        ("SO-1", "unprocessed", None, LOST),
        ("SO-1", "accepted", True, None),
    ]
    [message] = kept_messages(harbour)
    assert code in message


def test_a_field_that_went_since_a_call_was_lost_holds_up_no_mended_load(harbour: Harbour):
    harbour.org.control("POST", "fields/Order__c", {"Gone__c": {"type": "string", "length": 20}})
    put_orders(harbour, ("SO-1", "a"))
    before = load_spec({"ERP_Order_Id__c": "order_no", "Gone__c": "note"})
    refuse_calls(harbour, 500, "UNKNOWN_EXCEPTION", times=1)
    assert not run_load(harbour, before).success
    harbour.org.reset()

    result = run_load(harbour, load_spec())

    assert result.success
    assert notes(harbour) == {"SO-1": "a"}
    [message] = kept_messages(harbour)
    assert "shows no field Gone__c" in message


def test_a_call_that_the_org_has_no_allowance_for_is_left_to_a_later_run(harbour: Harbour):
    put_orders(harbour, ("SO-1", "a"))
    refuse_calls(harbour, 500, "UNKNOWN_EXCEPTION", times=1)
    assert not run_load(harbour, load_spec()).success
    refuse_calls(harbour, 403, "LIMIT_EXCEEDED", times=1)

    text, _ = failure_of(run_load(harbour, load_spec()))
    result = run_load(harbour, load_spec())

    assert "LIMIT_EXCEEDED" in text
    assert result.success
    assert outcomes(harbour) == [("SO-1", "accepted", True, None)]


def part_sent_and_part_dropped(harbour: Harbour, spec: LoadSpec) -> None:
    """A run dies when one part is closed and one is not; the next, when that one is dropped."""
    [manifest_id] = newest_manifests(harbour.instance, spec.outbound_key, [], "")
    store = harbour.resources["landing"].open()
    manifest = read_outbound(store, manifest_id)
    ledger = UploadLedger(store)
    begun = ledger.begin_or_continue(
        manifest.org_id,
        spec.name,
        manifest_id,
        root_run_id="A",
        run_id="A",
        computed_since=datetime.now(UTC),
    )
    with begun as upload, harbour.resources["org_salesforce"].connect() as client:
        parts = LoadParts(upload, terms_of(manifest.details), manifest, part_rows=1)
        sending = BulkSending(client, spec, parts, lambda: None, print, settle=False)
        [sent, left] = parts.cut_uploads(0, 0, 0)
        while not upload.state.parts[sent].closed:
            step = part_step(upload.state.parts[sent])
            assert step is not None
            sending.take(step)
    later = ledger.next_unfinished(manifest.org_id, spec.name, run_id="B")
    assert later is not None
    with later as upload:
        upload.drop_part(left, "nothing of it was sent")


@pytest.mark.parametrize("spec", [UPSERT, INSERT], ids=["upsert", "insert"])
def test_a_load_alone_ends_the_settling_that_was_broken_off(harbour: Harbour, spec: LoadSpec):
    put_orders(harbour, ("SO-1", "a"), ("SO-2", "b"))
    run_load(harbour, spec, stages=("outbound",))
    part_sent_and_part_dropped(harbour, spec)

    text, _ = failure_of(run_load(harbour, spec, stages=("load",)))

    assert "broken off, and later settled" in text
    assert [outcome for _, outcome, _, _ in outcomes(harbour)] == ["accepted"]
    result = run_load(harbour, spec)
    assert metadata(result, spec.load_key)["tidegate/accepted"] == 1
    found = [row["Notes__c"] for row in harbour.org.rows("Order__c", "Notes__c")]
    assert sorted(found) == ["a", "b"]


def test_a_load_alone_that_ends_a_settling_tells_of_inserts_in_doubt(harbour: Harbour):
    put_orders(harbour, ("SO-1", "a"), ("SO-2", "b"))
    run_load(harbour, INSERT, stages=("outbound",))
    part_sent_and_part_dropped(harbour, INSERT)
    gone = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
    harbour.org.faults.answer(404, gone, path="*/jobs/ingest/*", method="GET")

    text, _ = failure_of(run_load(harbour, INSERT, stages=("load",)))

    assert "whether the org inserted 1 of its rows can't be known" in text
