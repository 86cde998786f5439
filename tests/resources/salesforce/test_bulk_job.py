"""What a job's answer says, as recorded, and how long to wait for its end."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.salesforce.bulk_job import PollPlan, parse_job
from resources.salesforce.errors import JobAbortedError, JobFailedError
from resources.salesforce.org_clock import ReadInterval

SEEN = ReadInterval(
    datetime(2024, 9, 9, 13, 9, tzinfo=UTC), datetime(2024, 9, 9, 13, 10, tzinfo=UTC)
)
CREATED = {
    "id": "750000000000001AAA",
    "operation": "query",
    "object": "Account",
    "createdById": "005000000000001AAA",
    "createdDate": "2024-09-09T13:08:34.000+0000",
    "systemModstamp": "2024-09-09T13:08:34.000+0000",
    "state": "UploadComplete",
    "concurrencyMode": "Parallel",
    "contentType": "CSV",
    "apiVersion": 60.0,
    "lineEnding": "LF",
    "columnDelimiter": "COMMA",
}


def test_a_new_job_has_no_counters():
    job = parse_job(CREATED, SEEN)

    assert (job.rows, job.has_ended, job.api_version) == (None, False, "60.0")


def test_a_complete_job_was_read_between_its_creation_and_the_answer():
    job = parse_job({**CREATED, "state": "JobComplete", "numberRecordsProcessed": 0}, SEEN)

    assert (job.rows, job.has_ended) == (0, True)
    assert job.read == ReadInterval(datetime(2024, 9, 9, 13, 8, 34, tzinfo=UTC), SEEN.hi)
    job.raise_unless_complete()


@pytest.mark.parametrize(
    ("state", "error"), [("Failed", JobFailedError), ("Aborted", JobAbortedError)]
)
def test_a_job_without_result_raises_what_it_ended_as(state, error):
    job = parse_job({**CREATED, "state": state, "errorMessage": "Retried too often"}, SEEN)

    with pytest.raises(error) as caught:
        job.raise_unless_complete()

    assert (caught.value.job_id, caught.value.object_name) == (job.id, "Account")


@given(st.integers(1, 100_000))
def test_pauses_grow_to_the_longest(question):
    poll = PollPlan(first_s=0.5, growth=1.6, longest_s=30)

    assert 0.5 <= poll.pause_s(question) <= poll.pause_s(question + 1) <= 30


def test_an_hour_takes_few_questions():
    poll, waited, questions = PollPlan(), timedelta(0), 0
    while waited < timedelta(hours=1):
        questions += 1
        waited += timedelta(seconds=poll.pause_s(questions))

    assert questions < 130
