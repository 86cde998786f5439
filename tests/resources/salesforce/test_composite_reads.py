"""Rows of several objects are read again by Id in as few calls as the API allows."""

from datetime import timedelta
from decimal import Decimal

import pytest

from resources.salesforce.arrow import arrow_schema, read_json_records
from resources.salesforce.composite_reads_plan import RowsWanted, composite_reads
from resources.salesforce.describe import DescribeChangedError
from resources.salesforce.errors import AnswerError, QueryError
from tests.resources.salesforce.described import described, field
from tests.resources.salesforce.scripted_org import answer, scripted_org

BASE = "/services/data/v66.0"


def ids(count):
    return [f"001{n:012d}AAA" for n in range(count)]


# --- the plan


def test_two_thousand_ids_of_five_objects_fit_into_one_call():
    wanted = [RowsWanted(f"Object{n}__c", ["Id", "Name"], ids(2000)) for n in range(5)]

    (reads,) = composite_reads(BASE, wanted)

    assert [read.index for read in reads] == [0, 1, 2, 3, 4]
    assert {read.method for read in reads} == {"POST"}
    assert reads[0].body == {"ids": ids(2000), "fields": ["Id", "Name"]}


def test_a_condition_takes_queries_whose_urls_are_short_enough():
    calls = list(composite_reads(BASE, [RowsWanted("Account", ["Id"], ids(4000), "Name != 'x'")]))

    reads = [read for call in calls for read in call]
    assert all(len(call) <= 5 for call in calls)
    assert all(len(read.url) <= 16_384 for read in reads)
    assert sum(read.url.count("AAA") for read in reads) == 4000


def test_an_id_is_asked_for_once():
    ((read,),) = composite_reads(BASE, [RowsWanted("Account", ["Id"], ["a", "b", "a"])])

    assert read.body["ids"] == ["a", "b"]


def test_nothing_wanted_is_no_call():
    assert list(composite_reads(BASE, [RowsWanted("Account", ["Id"], [])])) == []


# --- a running org


def test_rows_of_several_objects_come_in_one_call(org, client):
    accounts = org.create("Account", count=3)
    contacts = org.create("Contact", {"LastName": "A"}, {"LastName": "B"})
    org.change("Account", delete=accounts[:1])
    client.count("Account")
    calls = client.api_calls

    (found, people), read = client.read_rows_of_many(
        [
            RowsWanted("Account", ["Id", "Name"], [*accounts, "001000000000999AAA"]),
            RowsWanted("Contact", ["Id", "LastName"], contacts, "LastName != 'B'"),
        ]
    )

    assert sorted(row["Id"] for row in found) == sorted(accounts[1:])
    assert [row["LastName"] for row in people] == ["A"]
    assert client.api_calls == calls + 1
    assert read.lo < read.hi


def test_deleted_rows_come_if_they_are_wanted(org, client):
    kept, deleted, purged = org.create("Account", count=3)
    org.change("Account", delete=[deleted, purged])
    org.change("Account", purge=[purged])
    wanted = RowsWanted("Account", ["Id", "IsDeleted"], [kept, deleted, purged], deleted_too=True)

    (rows,), _ = client.read_rows_of_many([wanted])

    found = {row["Id"]: row["IsDeleted"] for row in rows}
    assert found == {kept: False, deleted: True}


def test_records_become_the_columns_that_pages_become(org, client):
    (key,) = org.create("Account", {"Name": "A", "AnnualRevenue": 12345})
    schema = arrow_schema(client.describe("Account"), ["Id", "AnnualRevenue", "SystemModstamp"])

    (rows,), _ = client.read_rows_of_many([RowsWanted("Account", schema.names, [key])])

    (row,) = read_json_records(rows, schema).to_pylist()
    assert (row["Id"], row["AnnualRevenue"]) == (key, Decimal(12345))


def test_rows_are_read_after_the_moment_asked_for(org, connect):
    client = connect(org, sleep=org.advance)
    (key,) = org.create("Account", count=1)
    client.count("Account")
    after = client.org_now() + timedelta(seconds=3)

    (rows,), read = client.read_rows_of_many([RowsWanted("Account", ["Id"], [key])], after)

    assert [row["Id"] for row in rows] == [key]
    assert read.lo > after


def test_a_refused_read_is_an_error_although_the_answer_is_a_success(client):
    with pytest.raises(QueryError):
        client.read_rows_of_many([RowsWanted("Account", ["Nonsense"], ids(1), "Name != 'x'")])


def test_whether_an_object_has_changed_is_asked_in_the_call_that_reads(org, client):
    org.advance(60)
    (key,) = org.create("Account", {"Name": "A"})
    known, calls = client.describe("Account"), client.api_calls
    wanted = RowsWanted("Account", ["Id", "Name"], [key])

    (rows,), _ = client.read_rows_of_many([wanted], unless_changed=known)

    assert [row["Name"] for row in rows] == ["A"]
    assert client.api_calls == calls + 1


def test_a_changed_object_s_rows_do_not_count_though_they_could_not_be_read(org, client):
    org.advance(60)
    known = client.describe("Account")
    org.control("POST", "fields/Account", {"Region__c": {"type": "string", "length": 20}})
    wanted = RowsWanted("Account", ["Nonsense"], ids(1))

    with pytest.raises(DescribeChangedError, match="Account was changed") as told:
        client.read_rows_of_many([wanted], unless_changed=known)

    names = [{one.name for one in describe.fields} for describe in (told.value.describe, known)]
    assert names[0] - names[1] == {"Region__c"}


def test_an_answer_that_is_no_description_is_not_believed(connect):
    known = described(field("Id", "id"), name="Account")
    nothing = {"body": [], "httpStatusCode": 200, "referenceId": "described"}
    rows = {"body": [], "httpStatusCode": 200, "referenceId": "r0"}
    with scripted_org(answer({"compositeResponse": [nothing, rows]})) as org:
        client = connect(org.url)
        with pytest.raises(AnswerError, match="isn't a describe"):
            client.read_rows_of_many([RowsWanted("Account", ["Id"], ids(1))], unless_changed=known)


def test_nothing_wanted_asks_nothing(client):
    client.count("Account")
    calls = client.api_calls

    assert client.read_rows_of_many([RowsWanted("Account", ["Id"], [])])[0] == [[]]
    assert client.api_calls == calls


def test_an_answer_with_parts_missing_is_not_believed(connect):
    with scripted_org(answer({"compositeResponse": []})) as org:
        client = connect(org.url)
        with pytest.raises(AnswerError, match="hasn't 1 answers"):
            client.read_rows_of_many([RowsWanted("Account", ["Id"], ids(1))])
