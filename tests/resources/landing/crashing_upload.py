"""An org that takes jobs and chunks, a warehouse that counts, and an upload that can crash."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from resources.landing.store import read_bytes
from resources.landing.upload_entry import LandedFile, PartRecord
from resources.landing.upload_plan import (
    AskJob,
    CloseJob,
    CreateJob,
    CutParts,
    DropJob,
    DropPart,
    EndRound,
    Finished,
    LandResults,
    RecordOutcomes,
    SendChunk,
    UploadPart,
)

START = datetime(2026, 9, 2, 2, 0, tzinfo=UTC)
ROWS = [f"r{n}" for n in range(7)]
LOCKED_AT_FIRST = {"r1", "r4"}
PART_ROWS = 2
MOST_ROUNDS = 2


@dataclass
class Org:
    """Jobs by id: state and rows. Counts how often each row was worked on, and by which job."""

    jobs: dict = field(default_factory=dict)
    worked: dict = field(default_factory=dict)  # row: outcomes, in order
    seconds: int = 0

    def now(self):
        self.seconds += 1
        return START + timedelta(seconds=self.seconds)

    def create(self):
        job_id = f"750{len(self.jobs):012d}AAA"
        self.jobs[job_id] = ["Open", None]
        return job_id

    def upload(self, job_id, rows):
        job = self.jobs[job_id]
        assert job == ["Open", None], "a job takes one upload"
        job[1] = rows

    def close(self, job_id):
        job = self.jobs[job_id]
        assert job[0] == "Open", "closed twice"
        assert job[1] is not None, "closed without rows"
        job[0] = "JobComplete"
        self.work(job[1])

    def work(self, rows):
        for row in rows:
            before = self.worked.setdefault(row, [])
            locked = row in LOCKED_AT_FIRST and not before
            before.append("locked" if locked else "accepted")

    def abort(self, job_id):
        assert self.jobs[job_id][0] == "Open", "a closed job was aborted"
        self.jobs[job_id][0] = "Aborted"


@dataclass
class Books:
    """What the warehouse knows: outcomes by part, once each, and by row the latest."""

    parts: dict = field(default_factory=dict)
    rows: dict = field(default_factory=dict)

    def record(self, part, outcomes):
        if part not in self.parts:
            self.parts[part] = outcomes
            self.rows.update(outcomes)


def steps(org, books, upload, dice, *, api="bulk", settle=False):
    """Do an upload, one step of any part after another; yields wherever a crash may come."""
    while True:
        due = upload.next_steps(settle=settle)
        step = dice.choice(due)
        match step:
            case CutParts(number, rows_cut, index):
                yield from cut(upload, number, rows_cut, index, api)
            case CreateJob(index):
                upload.intend_job(index)
                yield
                job_id = org.create()
                yield
                upload.record_job(index, job_id)
            case UploadPart(index, job_id):
                org.upload(job_id, rows_of(upload, index))
                yield
                upload.record_uploaded(index)
            case DropJob(index, job_id):
                if org.jobs[job_id][0] == "Open":
                    org.abort(job_id)
                yield
                upload.drop_job(index, "its upload broke off")
            case CloseJob(index, job_id):
                upload.intend_close(index, org.now())
                yield
                org.close(job_id)
                yield
                upload.record_closed(index)
            case AskJob(index, job_id):
                yield from ask(org, upload, index, job_id, settle)
            case LandResults(index, job_id):
                assert org.jobs[job_id][0] == "JobComplete"
                land(upload, index, "successful.csv")
                yield
                upload.record_results(index, {"successful.csv": LandedFile(1, 1, "")}, org.now())
            case SendChunk(index):
                upload.intend_send(index, org.now())
                yield
                org.work(rows_of(upload, index))
                yield
                land(upload, index, "answer.arrow")
                upload.record_answer(index, {"answer.arrow": LandedFile(1, 1, "")}, org.now())
            case RecordOutcomes(index):
                outcomes = {row: org.worked[row][-1] for row in rows_of(upload, index)}
                books.record((upload.attempt, index), outcomes)
                yield
                upload.record_outcomes(index)
            case DropPart(index, job_id):
                if job_id and org.jobs[job_id][0] == "Open":
                    org.abort(job_id)
                yield
                upload.drop_part(index, "settled")
            case EndRound(number):
                end(books, upload, number, settle)
            case Finished():
                return
        yield


def ask(org, upload, index, job_id, settle):
    """A close whose answer was lost."""
    state = org.jobs[job_id][0]
    if state == "Open" and settle:
        org.abort(job_id)
        yield
        upload.drop_part(index, "settled")
    elif state == "Open":
        org.close(job_id)
        yield
        upload.record_closed(index)
    elif state == "Aborted":
        upload.drop_part(index, "settled")
    else:
        upload.record_closed(index)


def cut(upload, number, rows_cut, index, api):
    """Write the parts of a round that are missing."""
    rows = ROWS if number == 0 else sorted(LOCKED_AT_FIRST)
    for start in range(rows_cut, len(rows), PART_ROWS):
        part = rows[start : start + PART_ROWS]
        with upload.create_file(index, "rows.csv") as file:
            file.write("\n".join(part).encode())
        yield
        upload.record_part(PartRecord(index, number, len(part), 1, "", api))
        yield
        index += 1
    upload.record_round_cut(number)


def end(books, upload, number, settle):
    """A second round for rows that met a lock."""
    locked = any(outcome == "locked" for outcome in books.rows.values())
    if settle:
        upload.finish("settled")
    elif locked and number + 1 < MOST_ROUNDS:
        upload.begin_round(number + 1)
    else:
        upload.finish()


def land(upload, index, name):
    with upload.create_file(index, name) as file:
        file.write(b"x")


def rows_of(upload, index):
    return read_bytes(upload.store, upload.part_path(index, "rows.csv")).decode().split("\n")
