"""Random uploads against random orgs: files, counters and rows always tell the same story."""

import csv
import io
import os
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emulator.api import Api
from tests.emulator.ingest_api import Ingest
from tests.emulator_process import running_org

EXAMPLES = int(os.environ.get("TIDEGATE_EXAMPLES", "8"))
KEYS = [f"K-{n}" for n in range(6)]
MARK = "#N/A"
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8)

amounts = st.sampled_from(["", MARK, "1", "2.5", "-3", "ten", "1e40"])
notes = st.one_of(st.sampled_from(["", MARK, 'a "b", c', "one\ntwo"]), TEXTS)
statuses = st.sampled_from(["", MARK, "Draft", "Approved", "Lost"])
rows = st.tuples(st.sampled_from(["", *KEYS]), amounts, notes, statuses)
jobs = st.fixed_dictionaries(
    {
        "rows": st.lists(rows, max_size=14),
        "batch_rows": st.integers(1, 6),
        "operation": st.sampled_from(["upsert", "upsert", "insert"]),
        "fate": st.sampled_from([None, None, "fail", "abort"]),
        "done_share": st.sampled_from([0, 0.3, 0.5, 1]),
        "delimiter": st.sampled_from([("COMMA", ","), ("PIPE", "|"), ("TAB", "\t")]),
        "quoting": st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    }
)
HEADER = ["Row__c", "ERP_Order_Id__c", "Amount__c", "Notes__c", "Status__c"]


def is_wrong(row):
    _, amount, _, status = row
    return amount in ("ten", "1e40") or status == "Lost"


def expected(org_rows, job):
    """What each row comes to, by what the guide says: a model in plain Python."""
    rows, upsert = job["rows"], job["operation"] == "upsert"
    turn = round(len(rows) * job["done_share"]) if job["fate"] else len(rows)
    cuts = sorted({*range(0, len(rows), job["batch_rows"]), turn, len(rows)})
    outcomes = {}
    for start, end in pairwise(cuts):
        if start >= turn:
            break
        seen = set()
        for number in range(start, end):
            key, amount, note, status = rows[number]
            if is_wrong(rows[number]) or (upsert and not key):
                outcomes[number] = "failed"
                continue
            taken = key in seen if upsert else (key in org_rows)
            if key and taken:
                outcomes[number] = "failed"
                continue
            seen.add(key)
            known = org_rows.get(key) if upsert else None
            outcomes[number] = "updated" if known is not None else "created"
            before = known or {"Amount__c": None, "Notes__c": None, "Status__c": "Draft"}
            cells = {"Amount__c": amount, "Notes__c": note, "Status__c": status}
            after = dict(before)
            for name, cell in cells.items():
                if cell == MARK:
                    after[name] = None
                elif cell:
                    after[name] = float(cell) if name == "Amount__c" else cell
            org_rows[key or f"none {len(org_rows)}"] = after
    return outcomes


def content_of(job):
    out = io.StringIO(newline="")
    writer = csv.writer(
        out, delimiter=job["delimiter"][1], quoting=job["quoting"], lineterminator="\n"
    )
    writer.writerow(HEADER)
    for number, row in enumerate(job["rows"]):
        writer.writerow([str(number), *row])
    return out.getvalue()


@pytest.fixture(scope="module")
def row_org(tmp_path_factory):
    """An org whose orders have a number that says which row of an upload they are."""
    file = tmp_path_factory.mktemp("rows") / "schema.yaml"
    file.write_text(
        "objects:\n  Order__c:\n    fields:\n      Row__c: {type: double, precision: 9, scale: 0}\n"
    )
    with running_org("--seed", "empty", "--schema", str(file)) as org:
        yield org


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(uploads=st.lists(jobs, min_size=1, max_size=3))
def test_each_row_has_one_outcome_and_the_org_holds_what_the_outcomes_say(row_org, uploads):
    row_org.reset()
    api = Api(row_org)
    ingest, model = Ingest(api), {}
    for job in uploads:
        row_org.control("PUT", "bulk", {"batch_rows": job["batch_rows"]})
        if job["fate"]:
            row_org.faults.add({"job": job["fate"], "done_share": job["done_share"]})
        outcomes = expected(model, job)

        info = ingest.run(
            content_of(job), operation=job["operation"], columnDelimiter=job["delimiter"][0]
        )

        found = {}
        for row in read(ingest, info, "successfulResults", job):
            found[int(row["Row__c"])] = "created" if row["sf__Created"] == "true" else "updated"
        for row in read(ingest, info, "failedResults", job):
            assert int(row["Row__c"]) not in found
            found[int(row["Row__c"])] = "failed"
        left = [int(row["Row__c"]) for row in read(ingest, info, "unprocessedrecords", job)]
        assert found == outcomes
        assert sorted([*found, *left]) == list(range(len(job["rows"])))
        assert info["numberRecordsProcessed"] == len(found)
        assert info["numberRecordsFailed"] == list(found.values()).count("failed")
    fields = "ERP_Order_Id__c,Amount__c,Notes__c,Status__c"
    held = row_org.rows("Order__c", fields)
    assert sorted(map(line, held)) == sorted(
        line({"ERP_Order_Id__c": None if key.startswith("none ") else key, **row})
        for key, row in model.items()
    )


def read(ingest, info, kind, job):
    """A result file's rows, each with what was uploaded for it."""
    found = ingest.rows(info["id"], kind, job["delimiter"][1])
    for row in found:
        sent = job["rows"][int(row["Row__c"])]
        assert [row[name] for name in HEADER[1:]] == list(sent)
    return found


def line(row):
    return repr([row[name] for name in ("ERP_Order_Id__c", "Amount__c", "Notes__c", "Status__c")])
