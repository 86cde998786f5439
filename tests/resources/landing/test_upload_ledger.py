"""Uploads that are killed, meet each other, and are asked for again."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.landing.errors import LedgerOrderError, LoadBusyError
from resources.landing.janitor import sweep
from resources.landing.local_store import LocalStore
from resources.landing.object_store import ObjectStore
from resources.landing.upload_entry import LandedFile, PartRecord
from resources.landing.upload_ledger import UploadLedger
from resources.landing.upload_plan import CutParts, DropJob, Finished, UploadPart
from tests.resources.landing.crashing_upload import LOCKED_AT_FIRST, ROWS, START, Books, Org, steps

ORG = "00D000000000001AAA"
EXAMPLES = int(os.environ.get("TIDEGATE_EXAMPLES", "25"))


@pytest.fixture(params=["local", "object"])
def store(request, tmp_path):
    return LocalStore(tmp_path) if request.param == "local" else ObjectStore(tmp_path.as_uri())


@pytest.fixture
def ledger(store):
    return UploadLedger(store, now=lambda: START)


def begin(ledger, outbound_id="outbound/1", run_id="r", computed_since=None):
    return ledger.begin_or_continue(
        ORG,
        "orders",
        outbound_id,
        root_run_id="r",
        run_id=run_id,
        computed_since=computed_since or datetime.now(UTC),
    )


def finish(org, books, upload, **settings):
    with upload:
        for _ in steps(org, books, upload, Random(1), **settings):
            pass
    return upload


def run_until_killed(store, org, books, dice, *, api, settle, kill_after):
    """One process: True if it came to the end."""
    ledger = UploadLedger(store)
    upload = ledger.next_unfinished(ORG, "orders", run_id="r") if settle else begin(ledger)
    if upload is None:
        return True
    with upload:  # as the operating system frees the leases
        for count, _ in enumerate(steps(org, books, upload, dice, api=api, settle=settle)):
            if count == kill_after:
                return False
    return True


def run_with_kills(store, dice, kills, **settings):
    org, books = Org(), Books()
    for kill_after in [*kills, None]:
        ended = run_until_killed(store, org, books, dice, kill_after=kill_after, **settings)
    assert ended
    return org, books


@settings(max_examples=EXAMPLES, deadline=None)
@given(kills=st.lists(st.integers(0, 60), max_size=8), dice=st.randoms(use_true_random=False))
def test_kills_between_any_two_steps_never_send_a_closed_part_twice(kills, dice):
    with TemporaryDirectory() as folder:
        store = LocalStore(Path(folder))
        org, books = run_with_kills(store, dice, kills, api="bulk", settle=False)

        assert begin(UploadLedger(store)).next_steps() == (Finished("done"),)
        assert set(books.rows) == set(ROWS)
        assert set(books.rows.values()) == {"accepted"}
        for row, outcomes in org.worked.items():
            assert outcomes == (["locked", "accepted"] if row in LOCKED_AT_FIRST else ["accepted"])


@settings(max_examples=EXAMPLES, deadline=None)
@given(kills=st.lists(st.integers(0, 30), max_size=6), dice=st.randoms(use_true_random=False))
def test_kills_between_chunks_record_every_row_once(kills, dice):
    with TemporaryDirectory() as folder:
        store = LocalStore(Path(folder))
        org, books = run_with_kills(store, dice, kills, api="rest", settle=False)

        assert set(books.rows) == set(ROWS)
        assert all(books.rows[row] == org.worked[row][-1] for row in ROWS)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    kills=st.lists(st.integers(0, 60), min_size=1, max_size=8),
    dice=st.randoms(use_true_random=False),
    api=st.sampled_from(["bulk", "bulk", "rest"]),
)
def test_settling_records_all_that_was_sent_and_sends_nothing_more(kills, dice, api):
    with TemporaryDirectory() as folder:
        store, org, books = LocalStore(Path(folder)), Org(), Books()
        first, *others = kills
        run_until_killed(store, org, books, dice, api=api, settle=False, kill_after=first)
        worked = {row: len(outcomes) for row, outcomes in org.worked.items()}
        for kill_after in [*others, None]:
            run_until_killed(store, org, books, dice, api=api, settle=True, kill_after=kill_after)

        assert UploadLedger(store).next_unfinished(ORG, "orders", run_id="r") is None
        assert {row: outcomes[-1] for row, outcomes in org.worked.items()} == books.rows
        if api == "bulk":
            assert {row: len(outcomes) for row, outcomes in org.worked.items()} == worked
            assert not [job for job in org.jobs.values() if job[0] == "Open" and job[1]]


def test_a_manifest_is_sent_once_whoever_asks_again(store, ledger):
    org, books = Org(), Books()
    finish(org, books, begin(ledger))

    again = begin(ledger, run_id="another")

    assert again.next_steps() == (Finished("done"),)
    assert len(store.list(f"loads/{ORG}/orders")) == 1


def test_another_manifest_is_another_attempt(ledger):
    finish(Org(), Books(), begin(ledger))

    with begin(ledger, "outbound/2") as other:
        assert other.next_steps() == (CutParts(0, 0, 0),)


def test_two_runs_never_send_one_load(ledger):
    with begin(ledger):
        with pytest.raises(LoadBusyError):
            begin(ledger, "outbound/2")
        with pytest.raises(LoadBusyError):
            ledger.next_unfinished(ORG, "orders", run_id="r")
        with pytest.raises(LoadBusyError):
            ledger.lease_load(ORG, "orders")
    ledger.lease_load(ORG, "orders").release()


def test_what_is_known_of_a_part_outlives_its_process(ledger):
    landed = {"successful.csv": LandedFile(2, 80, "ab"), "failed.csv": LandedFile(0, 20, "cd")}
    with begin(ledger) as upload:
        upload.record_part(PartRecord(0, 0, 2, 10, "ef"))
        upload.intend_job(0)
        upload.record_job(0, "750A")
        upload.record_uploaded(0)
        upload.intend_close(0, START)
        upload.record_closed(0)
        upload.record_results(0, landed, START + timedelta(seconds=9))

    with begin(ledger) as later:
        assert later.part_record(0) == PartRecord(0, 0, 2, 10, "ef")
        assert later.landed_files(0) == landed
        assert later.sent_at(0) == START
        assert later.through_at(0) == START + timedelta(seconds=9)


def test_a_job_whose_upload_broke_off_is_replaced(ledger):
    with begin(ledger) as upload:
        upload.record_part(PartRecord(0, 0, 2, 10, ""))
        upload.intend_job(0)
        upload.record_job(0, "750A")
        assert UploadPart(0, "750A") in upload.next_steps()

    with begin(ledger) as later:
        assert DropJob(0, "750A") in later.next_steps()
        later.drop_job(0, "its upload broke off")
        later.intend_job(0)
        later.record_job(0, "750B")
        assert UploadPart(0, "750B") in later.next_steps()


def out_of_order(upload, step):
    upload.record_part(PartRecord(0, 0, 2, 10, ""))
    match step:
        case "a part is skipped":
            upload.record_part(PartRecord(2, 0, 2, 10, ""))
        case "a job without intent":
            upload.record_job(0, "750A")
        case "a close without upload":
            upload.intend_close(0, START)
        case "an end with parts left":
            upload.finish()
        case "outcomes before results":
            upload.record_outcomes(0)
        case "a loss of what wasn't sent":
            upload.record_lost(0, "no", START)
        case "an end of a part dropped as if it had been sent":
            upload.record_round_cut(0)
            upload.drop_part(0, "no")
            upload.finish()
        case "a drop after the close":
            upload.intend_job(0)
            upload.record_job(0, "750A")
            upload.record_uploaded(0)
            upload.intend_close(0, START)
            upload.record_closed(0)
            upload.drop_part(0, "no")


@pytest.mark.parametrize(
    "step",
    [
        "a part is skipped",
        "a job without intent",
        "a close without upload",
        "an end with parts left",
        "outcomes before results",
        "a loss of what wasn't sent",
        "an end of a part dropped as if it had been sent",
        "a drop after the close",
    ],
)
def test_steps_out_of_order_are_refused(ledger, step):
    with begin(ledger) as upload, pytest.raises(LedgerOrderError):
        out_of_order(upload, step)


def test_old_loads_are_deleted_but_for_the_one_that_is_being_sent(store, ledger):
    finish(Org(), Books(), begin(ledger))
    now = START + timedelta(days=15)
    with begin(ledger, "outbound/2") as live:
        swept = sweep(store, older_than=timedelta(days=14), now=now)

        assert swept.live == (live.attempt,)
        assert len(swept.deleted) == 1
        assert store.list(f"loads/{ORG}/orders") == [live.attempt.rsplit("/", 1)[1]]
