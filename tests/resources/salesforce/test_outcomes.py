"""Each uploaded row gets exactly one outcome, whatever the result files look like."""

import csv
import io
import json
import os

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resources.salesforce.errors import (
    BrokenBodyError,
    ColumnMismatchError,
    ResultRowsError,
)
from resources.salesforce.outcomes import OUTCOME_SCHEMA, ResultFiles, read_outcomes
from resources.salesforce.row_error import RowError, parse_row_error

EXAMPLES = int(os.environ.get("TIDEGATE_EXAMPLES", "60"))
JOB = "750000000000001AAA"
ERROR = "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
CELL = st.sampled_from(["", "#N/A", "NA", "NULL", "nan", "007", "a,b", '"', "\\", "\\,", "x\ny"])
FATES = ("accepted", "failed", "unprocessed", "lost")


def result_text(ours, names, rows):
    """A result file as Salesforce writes it: its columns quoted, the uploaded header as it was."""
    out = io.StringIO(newline="")
    head = [f'"{name}"' for name in ours] + list(names)
    out.write(",".join(head) + "\n")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def files(names, accepted=(), failed=(), unprocessed=()):
    return ResultFiles(
        result_text(["sf__Id", "sf__Created"], names, accepted),
        result_text(["sf__Id", "sf__Error"], names, failed),
        result_text([], names, unprocessed),
    )


def frame(*rows):
    """Rows of Ext__c and Name."""
    columns = {"Ext__c": [row[0] for row in rows], "Name": [row[1] for row in rows]}
    numbers = [str(n) for n in range(len(rows))]
    kinds = pa.schema([(n, pa.string()) for n in (*columns, "_key", "_hash")])
    return pa.record_batch({**columns, "_key": numbers, "_hash": numbers}, schema=kinds)


def outcomes(batch, results, key="Ext__c", **more):
    pieces = [batch.slice(row, 2) for row in range(0, batch.num_rows, 2)] or [batch]
    found = list(read_outcomes(pieces, results, key=key, job_id=JOB, **more))
    assert all(outcome.schema == OUTCOME_SCHEMA for outcome in found)
    return [row for outcome in found for row in outcome.to_pylist()]


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    rows=st.lists(st.tuples(CELL, CELL, st.sampled_from(FATES)), max_size=12),
    order=st.randoms(use_true_random=False),
    key=st.sampled_from(["Ext__c", None]),
)
@example(rows=[("", "", "accepted"), ("", "", "failed")], order=None, key="Ext__c")
@example(rows=[("\\,", "", "failed"), ("\\", ",", "accepted")], order=None, key=None)
def test_every_row_has_the_outcome_that_the_org_gave_it(rows, order, key):
    sent = [row[:2] for row in rows]
    shuffled = list(rows)
    if order:
        order.shuffle(shuffled)
    by_fate = {fate: [row[:2] for row in shuffled if row[2] == fate] for fate in FATES}
    results = files(
        ["Ext__c", "Name"],
        [(f"001{n}", "true", *row) for n, row in enumerate(by_fate["accepted"])],
        [("", ERROR, *row) for row in by_fate["failed"]],
        by_fate["unprocessed"],
    )

    found = outcomes(frame(*sent), results, key)

    assert [row["_key"] for row in found] == [str(n) for n in range(len(rows))]
    fates = [(*row, found["outcome"]) for row, found in zip(sent, found, strict=True)]
    wanted = [(*row[:2], "unprocessed" if row[2] == "lost" else row[2]) for row in rows]
    assert sorted(fates) == sorted(wanted)  # equal rows are interchangeable
    assert len({row["sf_id"] for row in found if row["sf_id"]}) == len(by_fate["accepted"])
    for row, outcome in zip(sent, found, strict=True):
        payload = outcome["payload"] and tuple(json.loads(outcome["payload"]).values())
        assert payload == (None if outcome["outcome"] == "accepted" else row)


def test_an_outcome_tells_what_the_org_said():
    results = files(["Ext__c", "Name"], [("001", "false", "a", "A")], [("", ERROR, "b", "")])

    good, bad = outcomes(frame(("a", "A"), ("b", "")), results)

    assert (good["sf_id"], good["created"], good["error_code"], good["job_id"]) == (
        "001",
        False,
        None,
        JOB,
    )
    assert bad == {
        "_key": "1",
        "_hash": "1",
        "outcome": "failed",
        "sf_id": None,
        "created": None,
        "error_code": "REQUIRED_FIELD_MISSING",
        "error_message": "Required fields are missing: [Name]",
        "error_fields": ["Name"],
        "payload": '{"Ext__c":"b","Name":""}',
        "job_id": JOB,
    }


def test_unprocessed_rows_say_why():
    results = files(["Ext__c", "Name"], unprocessed=[("a", "A")])

    listed, lost = outcomes(frame(("a", "A"), ("b", "B")), results, job_error="Timeout")

    assert listed["error_message"] == "Timeout"
    assert lost["error_message"] == "None of the job's three result files lists this row."


def test_cells_that_the_org_echoes_otherwise_do_not_matter_beside_a_key():
    results = files(["Name", "EXT__C"], [("001", "true", "changed", "a")])

    assert [row["outcome"] for row in outcomes(frame(("a", "A")), results)] == ["accepted"]


def test_rows_that_were_not_sent_are_an_error():
    results = files(["Ext__c", "Name"], [("001", "true", "z", "A")])

    with pytest.raises(ResultRowsError, match="1 rows that aren't among the 1 uploaded"):
        outcomes(frame(("a", "A")), results)


def test_a_row_that_is_answered_twice_is_an_error():
    results = files(["Ext__c", "Name"], [("001", "true", "a", "A")], [("", ERROR, "a", "A")])

    with pytest.raises(ResultRowsError):
        outcomes(frame(("a", "A")), results)


def test_a_file_cut_within_a_value_is_noticed():
    whole = files(["Ext__c", "Name"], [("001", "true", "a", "A long name")])
    cut = ResultFiles(whole.successful[:-4], whole.failed, whole.unprocessed)

    with pytest.raises(BrokenBodyError, match="within a quoted value"):
        outcomes(frame(("a", "A long name")), cut)


def test_empty_files_leave_every_row_unprocessed():
    found = outcomes(frame(("a", "A")), ResultFiles(b"", b"", b""))

    assert [row["outcome"] for row in found] == ["unprocessed"]


def test_a_file_of_another_upload_is_refused():
    with pytest.raises(ColumnMismatchError, match="Ext__c"):
        outcomes(frame(("a", "A")), files(["Other__c"], [("001", "true", "x")]))


def test_failed_rows_may_come_without_ids_as_before_api_53():
    failed = result_text(["sf__Error"], ["Ext__c", "Name"], [(ERROR, "a", "A")])

    (row,) = outcomes(frame(("a", "A")), ResultFiles(b"", failed, b""))

    assert (row["outcome"], row["sf_id"]) == ("failed", None)


def test_a_row_may_be_longer_than_a_block_of_the_parser():
    long = "x" * (3 << 20)
    results = files(["Ext__c", "Name"], [("001", "true", "a", long)])

    assert outcomes(frame(("a", long)), results, None)[0]["outcome"] == "accepted"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            ERROR,
            RowError("REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", ("Name",)),
        ),
        (
            "INVALID_FIELD:Failed: col 3. Due to, 'x:y' is not\nvalid:CloseDate, Name --",
            RowError(
                "INVALID_FIELD", "Failed: col 3. Due to, 'x:y' is not\nvalid", ("CloseDate", "Name")
            ),
        ),
        (
            "DUPLICATE_VALUE:duplicate value found: E duplicates value on record with id: 001:--",
            RowError(
                "DUPLICATE_VALUE",
                "duplicate value found: E duplicates value on record with id: 001",
                (),
            ),
        ),
        ("FAILED:no end", RowError("FAILED", "no end", ())),
        ("something else", RowError("", "something else", ())),
        ("", RowError("", "", ())),
    ],
)
def test_row_errors_are_taken_apart(text, error):
    assert parse_row_error(text) == error
