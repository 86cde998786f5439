"""What the ledger decides to do next."""

from datetime import UTC, datetime, timedelta

import pytest

from resources.landing.ledger_plan import (
    Adopt,
    CloseJob,
    EntryState,
    FetchPage,
    FindJob,
    Finished,
    JobIntent,
    JobSeen,
    Start,
    SubmitAnew,
    WriteManifest,
    adoption,
    candidates,
    next_step,
)
from resources.landing.manifest import PageRecord

NOW = datetime(2026, 9, 2, 2, 0, tzinfo=UTC)
INTENT = JobIntent("query", NOW, "005000000000001AAA")


def entry(**facts):
    defaults = {"attempt": "attempt", "root_run_id": "root", "begun_at": NOW}
    return EntryState(**{**defaults, **facts})


def page(index, next_locator):
    return PageRecord(index, f"{index}.csv", 10, 100, "hash", f"locator-{index}", next_locator)


@pytest.mark.parametrize(
    ("facts", "step"),
    [
        ({}, Start()),
        ({"job_intent": INTENT}, FindJob(INTENT)),
        ({"job_intent": INTENT, "job_id": "750"}, FetchPage(0, None, "750")),
        ({"job_id": "750", "pages": (page(0, "L1"),)}, FetchPage(1, "L1", "750")),
        ({"job_id": "750", "pages": (page(0, "L1"), page(2, None))}, FetchPage(1, "L1", "750")),
        ({"job_id": "750", "pages": (page(1, None), page(0, "L1"))}, WriteManifest("750")),
        ({"pages": (page(0, "/query/01g-2000"),)}, FetchPage(1, "/query/01g-2000", None)),
        ({"pages": (page(0, None),)}, WriteManifest(None)),
        ({"job_id": "750", "pages": (page(0, None),), "has_manifest": True}, CloseJob("750")),
        ({"has_manifest": True, "outcome": "done"}, Finished()),
    ],
)
def test_what_was_written_last_says_where_to_go_on(facts, step):
    assert next_step(entry(**facts)) == step


def chosen(*entries, root_run_id="root"):
    found = candidates(
        entries, root_run_id=root_run_id, now=NOW, continue_within=timedelta(hours=24)
    )
    return [e.attempt for e in found]


def test_a_closed_attempt_serves_its_own_root_run_alone():
    done = entry(attempt="done", outcome="done")

    assert chosen(done) == ["done"]
    assert chosen(done, root_run_id="deliberate") == []


def test_an_abandoned_attempt_serves_nobody():
    assert chosen(entry(outcome="abandoned")) == []


def test_an_unfinished_attempt_is_continued_by_any_run_unless_it_is_too_old():
    fresh = entry(attempt="fresh", begun_at=NOW - timedelta(hours=23))
    old = entry(attempt="old", begun_at=NOW - timedelta(hours=25))

    assert chosen(fresh, old, root_run_id="other") == ["fresh"]


def test_of_unfinished_attempts_the_furthest_comes_first():
    begun = entry(attempt="begun", begun_at=NOW)
    far = entry(attempt="far", begun_at=NOW - timedelta(hours=1), job_id="1", pages=(page(0, "L"),))
    known = entry(attempt="known", begun_at=NOW - timedelta(hours=2), job_id="2")

    assert chosen(begun, known, far) == ["far", "known", "begun"]


def job(job_id="750A", *, seconds=1, **facts):
    defaults = {
        "created_by_id": INTENT.user_id,
        "object": "Account",
        "operation": "query",
        "created_at": NOW + timedelta(seconds=seconds),
        "state": "InProgress",
    }
    return JobSeen(job_id, **{**defaults, **facts})


def settled(*jobs, known=(), others=()):
    return adoption(INTENT, "Account", jobs, known_job_ids=known, other_intents=others)


def test_exactly_one_job_that_can_be_ours_is_adopted():
    assert settled(job()) == Adopt("750A")


@pytest.mark.parametrize(
    "other",
    [
        job(created_by_id="005000000000002AAA"),
        job(object="Contact"),
        job(operation="queryAll"),
        job(seconds=-2),
        job(seconds=601),
        job(state="Failed"),
        job(state="Aborted"),
    ],
)
def test_a_job_that_cannot_be_ours_is_not_adopted(other):
    assert settled(other) == SubmitAnew(None)


def test_a_job_made_in_the_second_of_the_intent_can_be_ours():
    assert settled(job(seconds=-1)) == Adopt("750A")


def test_a_job_of_the_ledger_is_not_adopted():
    assert settled(job(), known={"750A"}) == SubmitAnew(None)


def test_of_two_possible_jobs_none_is_adopted_and_the_doubt_names_them():
    decision = settled(job("750A"), job("750B"))

    assert decision.unclaimed == ("750A", "750B")
    assert "750A, 750B" in decision.doubt


def test_a_job_that_could_be_another_attempts_is_not_adopted():
    rival = JobIntent("query", NOW + timedelta(minutes=5), INTENT.user_id)
    long_ago = JobIntent("query", NOW - timedelta(days=3), INTENT.user_id)

    assert settled(job(), others=[rival]).unclaimed == ("750A",)
    assert settled(job(), others=[long_ago]) == Adopt("750A")
