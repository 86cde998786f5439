"""Extracts that crash, meet each other, and are asked for again."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import fsspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from resources.landing.errors import LedgerOrderError, LostLeaseError
from resources.landing.ledger import ExtractLedger
from resources.landing.ledger_plan import Finished, Start
from resources.landing.local_store import LocalStore
from resources.landing.object_store import ObjectStore
from resources.landing.store import read_bytes
from tests.resources.landing.crashing_extract import PAGES, START, USER, Org, key, steps


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path)


@pytest.fixture
def ledger(store):
    return ExtractLedger(store)


def finish(org, extract):
    with extract:
        *_, manifest = steps(org, extract, extract.key.where)
    return manifest


def test_a_whole_extract_lands_its_pages_and_deletes_its_job(store, ledger):
    org = Org()

    manifest = finish(org, ledger.begin_or_continue(key("x"), root_run_id="r", run_id="r"))

    assert [read_bytes(store, p.path) for p in manifest.pages] == [
        f"x page {n}\n".encode() for n in range(PAGES)
    ]
    assert org.deleted == list(org.jobs)
    assert manifest.rows == manifest.announced_rows
    assert manifest.bytes == sum(len(read_bytes(store, p.path)) for p in manifest.pages)


def test_a_retry_of_the_same_root_run_reuses_what_is_closed(ledger):
    org = Org()
    first = finish(org, ledger.begin_or_continue(key("x"), root_run_id="r", run_id="r"))

    again = ledger.begin_or_continue(key("x"), root_run_id="r", run_id="retry")

    assert again.next_step == Finished()
    assert finish(org, again) == first
    assert len(org.jobs) == 1


def test_a_deliberate_run_reads_again(ledger):
    org = Org()
    finish(org, ledger.begin_or_continue(key("x"), root_run_id="r", run_id="r"))

    again = ledger.begin_or_continue(key("x"), root_run_id="r2", run_id="r2")

    assert again.next_step == Start()


def test_another_question_has_another_entry(ledger):
    finish(Org(), ledger.begin_or_continue(key("x"), root_run_id="r", run_id="r"))

    other = ledger.begin_or_continue(key("y"), root_run_id="r", run_id="r")

    assert other.next_step == Start()


def test_an_attempt_that_was_given_up_is_begun_anew(ledger):
    with ledger.begin_or_continue(key("x"), root_run_id="r", run_id="r") as extract:
        extract.intend_job("query", at=START, user_id=USER)
        extract.record_job("750A")
        extract.abandon("the job failed")

    again = ledger.begin_or_continue(key("x"), root_run_id="r", run_id="r")

    assert again.next_step == Start()
    assert again.attempt != extract.attempt


def test_pages_that_must_not_stay_are_deleted_and_read_again_next_time(store, ledger):
    manifest = finish(Org(), ledger.begin_or_continue(key("x"), root_run_id="r", run_id="r"))

    ledger.drop_pages(manifest.manifest_id)

    assert not store.exists(manifest.pages[0].path)
    again = ledger.begin_or_continue(key("x"), root_run_id="r", run_id="r")
    assert again.next_step == Start()


def test_an_attempt_that_is_too_old_is_not_continued(store):
    with ExtractLedger(store, now=lambda: START).begin_or_continue(
        key("x"), root_run_id="r", run_id="r"
    ) as old:
        old.intend_job("query", at=START, user_id=USER)
    later = ExtractLedger(store, now=lambda: START + timedelta(days=2))

    assert later.begin_or_continue(key("x"), root_run_id="r", run_id="r").next_step == Start()


@pytest.mark.parametrize("step", ["record_job", "settle", "close", "write_manifest", "twice"])
def test_steps_out_of_order_are_refused(ledger, step):
    extract = ledger.begin_or_continue(key("x"), root_run_id="r", run_id="r")

    def out_of_order():
        if step == "record_job":
            extract.record_job("750A")
        elif step == "settle":
            extract.settle([])
        elif step == "close":
            extract.close()
        elif step == "write_manifest":
            extract.write_manifest(None)
        else:
            extract.intend_job("query", at=START, user_id=USER)
            extract.record_job("750A")
            extract.intend_job("query", at=START, user_id=USER)

    with pytest.raises(LedgerOrderError):
        out_of_order()


def crash_after(count, org, ledger, where):
    """Begin or continue, do some steps, and be gone."""
    with ledger.begin_or_continue(key(where), root_run_id="r", run_id="r") as extract:
        todo = steps(org, extract, where)
        for _ in range(count):
            next(todo)
    todo.close()


INTENT, POST, JOB = 1, 2, 3


def test_a_job_whose_id_was_lost_is_adopted(ledger):
    org = Org()
    crash_after(POST, org, ledger, "x")

    manifest = finish(org, ledger.begin_or_continue(key("x"), root_run_id="r", run_id="r"))

    assert list(org.jobs) == [manifest.job_id]
    assert manifest.doubts == ()


@pytest.mark.parametrize("other", [POST, JOB], ids=["whose id was lost", "that is known"])
def test_a_job_of_another_question_is_not_adopted(ledger, other):
    org = Org()
    crash_after(INTENT, org, ledger, "x")
    crash_after(other, org, ledger, "y")

    manifest = finish(org, ledger.begin_or_continue(key("x"), root_run_id="r", run_id="r"))

    assert org.jobs[manifest.job_id][0] == "x"
    assert len(manifest.doubts) == (1 if other == POST else 0)


def test_a_job_that_was_left_unclaimed_is_never_adopted(ledger):
    org = Org()
    crash_after(INTENT, org, ledger, "y")
    crash_after(POST, org, ledger, "x")
    finish(org, ledger.begin_or_continue(key("x"), root_run_id="r", run_id="r"))

    manifest = finish(org, ledger.begin_or_continue(key("y"), root_run_id="r", run_id="r"))

    assert org.jobs[manifest.job_id][0] == "y"
    assert len(org.jobs) == 3


def test_an_attempt_shows_signs_of_life_while_the_org_works():
    store = ObjectStore(f"memory://{uuid4().hex}")
    ledger = ExtractLedger(store)

    def signs():
        with fsspec.open(f"{store.url}/{extract.attempt}/.lease-000001") as lease:
            return lease.read()

    with ledger.begin_or_continue(key("x"), root_run_id="r", run_id="r") as extract:
        before = signs()
        extract.keep_alive()

        assert signs() != before


def test_an_attempt_that_was_taken_over_learns_it_while_the_org_works():
    ledger = ExtractLedger(ObjectStore(f"memory://{uuid4().hex}", lease_s=0.0))
    with ledger.begin_or_continue(key("x"), root_run_id="r", run_id="r") as extract:
        ledger.begin_or_continue(key("x"), root_run_id="other", run_id="other")

        with pytest.raises(LostLeaseError):
            extract.keep_alive()


class CrashingExtracts(RuleBasedStateMachine):
    """Several processes extract the same object; each may crash after each step."""

    def __init__(self):
        super().__init__()
        self.folder = TemporaryDirectory()
        self.store = LocalStore(Path(self.folder.name))
        self.org = Org()
        self.alive = []  # (extract, its steps)
        self.begun = 0
        self.crashes = 0
        self.runs = 0

    def teardown(self):
        for extract, _ in self.alive:
            extract.__exit__(None, None, None)
        self.folder.cleanup()

    @precondition(lambda self: len(self.alive) < 3)
    @rule(where=st.sampled_from(["x", "y"]))
    def begin(self, where):
        self.runs += 1
        extract = ExtractLedger(self.store).begin_or_continue(
            key(where), root_run_id=f"{self.runs}", run_id=f"{self.runs}"
        )
        self.begun += extract.next_step == Start()
        assert extract.attempt not in {other.attempt for other, _ in self.alive}
        self.alive.append((extract, steps(self.org, extract, where)))

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), count=st.sampled_from([1, 1, 1, 2, 3, 9]))
    def go_on(self, data, count):
        extract, todo = data.draw(st.sampled_from(self.alive))
        for _ in range(count):
            manifest = next(todo)
            if manifest is not None:
                self.check(extract, manifest)
                self.alive.remove((extract, todo))
                extract.__exit__(None, None, None)
                return

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def crash(self, data):
        extract, todo = data.draw(st.sampled_from(self.alive))
        todo.close()
        extract.__exit__(None, None, None)  # as the operating system frees the lease
        self.alive.remove((extract, todo))
        self.crashes += 1

    def check(self, extract, manifest):
        """The answer is the one to this question, and complete."""
        pages = [read_bytes(self.store, page.path).decode() for page in manifest.pages]
        assert pages == [f"{extract.key.where} page {n}\n" for n in range(PAGES)]

    @invariant()
    def a_crash_costs_at_most_one_job_and_one_page(self):
        assert len(self.org.jobs) <= self.begun + self.crashes
        repeated = len(self.org.fetched) - len(set(self.org.fetched))
        assert repeated <= self.crashes


CrashingExtracts.TestCase.settings = settings(max_examples=8, stateful_step_count=40, deadline=None)
test_crashes_and_company_never_mix_up_answers = CrashingExtracts.TestCase


class ManyCrashingExtracts(CrashingExtracts):
    """The same, for longer."""


ManyCrashingExtracts.TestCase.settings = settings(
    max_examples=100, stateful_step_count=50, deadline=None
)
test_many_crashes_never_mix_up_answers = pytest.mark.slow(
    pytest.mark.timeout(900)(ManyCrashingExtracts.TestCase)
)
