"""Every object of the demo org can be read, and every way of reading it tells the same."""

import base64
import csv
import io
from decimal import Decimal

import pytest

from tests.emulator.api import Api
from tests.emulator_process import running_org

pytestmark = pytest.mark.slow

COMPOUND = ("address", "location")
MOST_ROWS = 150


@pytest.fixture(scope="module")
def demo():
    with running_org("--seed", "demo") as org:
        yield Api(org)


def objects_of(api):
    described = api.get("sobjects").json()["sobjects"]
    return [one["name"] for one in described if one["queryable"] and one["keyPrefix"] != "e00"]


def fields_of(api, name):
    fields = api.get(f"sobjects/{name}/describe").json()["fields"]
    return {one["name"]: one["type"] for one in fields if one["type"] not in COMPOUND}


def test_every_object_is_read_by_rest_as_the_truth_says(demo):
    for name in objects_of(demo):
        fields = fields_of(demo, name)
        truth = {row["Id"]: row for row in demo.org.rows(name, *fields, deleted=True)}
        soql = f"SELECT {', '.join(fields)} FROM {name} ORDER BY Id LIMIT {MOST_ROWS}"

        answer = demo.get("queryAll", params={"q": soql})

        assert answer.status_code == 200, f"{name}: {answer.text}"
        records = answer.json()["records"]
        assert len(records) == min(MOST_ROWS, len(truth)), name
        for record in records:
            assert record.pop("attributes")["type"] == name
            for blob in [n for n, kind in fields.items() if kind == "base64" and record[n]]:
                content = demo.get(record[blob]).content
                record[blob] = base64.b64encode(content).decode()
            assert record == truth[record["Id"]], name


def test_every_object_is_read_by_bulk_as_the_truth_says(demo):
    for name in objects_of(demo):
        fields = {n: t for n, t in fields_of(demo, name).items() if t != "base64"}
        truth = {row["Id"]: row for row in demo.org.rows(name, *fields)}
        job = demo.finished_job(f"SELECT {', '.join(fields)} FROM {name}")

        text = demo.get(f"jobs/query/{job['id']}/results").content.decode()

        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert len(rows) == job["numberRecordsProcessed"] == len(truth), name
        for row in rows[:MOST_ROWS]:
            for field, kind in fields.items():
                assert plain(row[field], kind) == truth[row["Id"]][field], f"{name}.{field}"


def plain(text, kind):
    """A CSV cell as the JSON value that it stands for."""
    if text == "":
        return None
    if kind == "boolean":
        return text == "true"
    if kind in ("int", "long"):
        return int(text)
    if kind in ("double", "currency", "percent"):
        return float(Decimal(text))
    return text.replace("Z", "+0000") if kind == "datetime" else text
