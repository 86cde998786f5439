"""Query answers and their pages [nango] [cci] [restforce] [rest guide] [soql reference]."""

import pytest

from tests.emulator.api import error_of


def pages_of(api, answer):
    """Bodies of all pages, beginning with this one."""
    bodies = [answer.json()]
    while "nextRecordsUrl" in bodies[-1]:
        bodies.append(api.get(bodies[-1]["nextRecordsUrl"]).json())
    return bodies


def test_a_small_result_is_one_page_without_a_next_url(api):
    api.org.create("Account", {"Name": "One"})

    body = api.query("SELECT Id, Name FROM Account").json()

    assert (body["totalSize"], body["done"]) == (1, True)
    assert "nextRecordsUrl" not in body
    (record,) = body["records"]
    assert list(record) == ["attributes", "Id", "Name"]
    assert record["attributes"] == {
        "type": "Account",
        "url": f"/services/data/v66.0/sobjects/Account/{record['Id']}",
    }


def test_pages_hold_2000_rows_and_each_tells_the_whole_total(api):
    api.org.create("Account", count=4100)

    bodies = pages_of(api, api.query("SELECT Id FROM Account"))

    assert [len(body["records"]) for body in bodies] == [2000, 2000, 100]
    assert [body["totalSize"] for body in bodies] == [4100] * 3
    assert [body["done"] for body in bodies] == [False, False, True]
    assert bodies[0]["nextRecordsUrl"].endswith("-2000")
    ids = {record["Id"] for body in bodies for record in body["records"]}
    assert ids == set(api.org.ids("Account"))


@pytest.mark.parametrize(("asked", "rows"), [("500", 500), ("10", 200), ("99999", 2000)])
def test_a_page_size_is_taken_between_200_and_2000(api, asked, rows):
    api.org.create("Account", count=2001)

    body = api.query(
        "SELECT Id FROM Account", **{"Sforce-Query-Options": f"batchSize={asked}"}
    ).json()

    assert len(body["records"]) == rows


def test_a_long_text_makes_pages_smaller_than_asked(api):
    api.org.create("Account", count=1001)

    body = api.query("SELECT Id, Description FROM Account").json()

    assert (len(body["records"]), body["totalSize"]) == (1000, 1001)


def test_the_total_is_capped_by_limit(api):
    api.org.create("Account", count=300)

    bodies = pages_of(
        api,
        api.query("SELECT Id FROM Account LIMIT 250", **{"Sforce-Query-Options": "batchSize=200"}),
    )

    assert [body["totalSize"] for body in bodies] == [250, 250]
    assert [len(body["records"]) for body in bodies] == [200, 50]


def test_pages_follow_the_querys_order(api):
    api.org.create("Account", *({"Name": f"{n:04}"} for n in range(450)))

    bodies = pages_of(
        api,
        api.query(
            "SELECT Id, Name FROM Account WHERE Name < '0430' ORDER BY Name DESC",
            **{"Sforce-Query-Options": "batchSize=200"},
        ),
    )

    names = [record["Name"] for body in bodies for record in body["records"]]
    assert names == [f"{n:04}" for n in reversed(range(430))]


def test_later_pages_hold_the_rows_found_at_first_as_they_are_now(api):
    ids = sorted(api.org.create("Account", *({"Name": f"{n:04}"} for n in range(450))))
    first = api.query(
        "SELECT Id, Name FROM Account WHERE Name < '9' ORDER BY Id",
        **{"Sforce-Query-Options": "batchSize=200"},
    )
    api.org.change("Account", update=[{"Id": ids[300], "Name": "9, changed"}])
    api.org.change("Account", delete=[ids[301]], purge=[ids[302]], create=[{"Name": "0000"}])

    _, second, third = pages_of(api, first)

    names = [record["Name"] for record in second["records"]]
    assert names[100:102] == ["9, changed", "0303"]
    assert (len(names), second["totalSize"], len(third["records"])) == (198, 450, 50)


def test_query_all_pages_show_what_was_deleted_since(api):
    ids = sorted(api.org.create("Account", count=300))
    soql = "SELECT Id, IsDeleted FROM Account ORDER BY Id"
    headers = {"Sforce-Query-Options": "batchSize=200"}
    first = api.get("queryAll", params={"q": soql}, headers=headers)
    api.org.change("Account", delete=[ids[250]])

    _, second = pages_of(api, first)

    assert [r["Id"] for r in second["records"] if r["IsDeleted"]] == [ids[250]]


def test_a_page_can_be_fetched_again_by_both_paths(api):
    api.org.create("Account", count=2100)
    url = api.query("SELECT Id FROM Account").json()["nextRecordsUrl"]

    again = [api.get(url).json()["records"] for _ in range(2)]
    other = api.get(url.replace("/query/", "/queryAll/")).json()["records"]

    assert again[0] == again[1] == other


def test_a_query_repeated_beside_a_locator_is_ignored(api):
    api.org.create("Account", count=2100)
    url = api.query("SELECT Id FROM Account").json()["nextRecordsUrl"]

    answer = api.get(url, params={"q": "SELECT Id FROM Contact"})

    assert len(answer.json()["records"]) == 100


@pytest.mark.parametrize("change", ["unknown", "beyond"])
def test_a_wrong_locator_is_refused(api, change):
    api.org.create("Account", count=2100)
    url = api.query("SELECT Id FROM Account").json()["nextRecordsUrl"]
    wrong = url[:-12] + "x" + url[-11:] if change == "unknown" else url.replace("-2000", "-9999")

    assert error_of(api.get(wrong)) == (400, "INVALID_QUERY_LOCATOR")


def test_a_locator_ends_after_two_days_of_the_orgs_clock(api):
    api.org.create("Account", count=2100)
    url = api.query("SELECT Id FROM Account").json()["nextRecordsUrl"]

    api.org.advance(2 * 86_400 - 60)
    in_time = api.get(url).status_code
    api.org.advance(120)

    assert (in_time, error_of(api.get(url))) == (200, (400, "INVALID_QUERY_LOCATOR"))


def test_query_all_also_returns_deleted_rows_and_pages_under_query(api):
    ids = api.org.create("Account", count=2100)
    api.org.change("Account", delete=ids[:1])

    body = api.get("queryAll", params={"q": "SELECT Id, IsDeleted FROM Account"}).json()

    assert body["totalSize"] == 2100
    assert "/query/" in body["nextRecordsUrl"]
    assert api.query("SELECT Id FROM Account").json()["totalSize"] == 2099


def test_more_than_2000_groups_are_refused_because_groups_are_not_paged(api):
    api.org.create("Account", *({"Name": f"{n:04}"} for n in range(2001)))

    all_groups = api.query("SELECT Name, COUNT(Id) FROM Account GROUP BY Name")
    limited = api.query("SELECT Name, COUNT(Id) FROM Account GROUP BY Name LIMIT 2000").json()

    assert error_of(all_groups) == (400, "EXCEEDED_ID_LIMIT")
    assert (limited["totalSize"], limited["done"], len(limited["records"])) == (2000, True, 2000)
    assert "nextRecordsUrl" not in limited


def test_count_puts_its_number_into_the_total(api):
    api.org.create("Account", count=3)

    body = api.query("SELECT COUNT() FROM Account").json()

    assert body == {"totalSize": 3, "done": True, "records": []}


def test_an_aggregate_row_has_no_url_and_an_empty_subquery_is_null(api):
    api.org.create("Account", {"Name": "Alone"})

    (grouped,) = api.records("SELECT COUNT(Id) FROM Account")
    (parent,) = api.records("SELECT Name, (SELECT Id FROM Contacts) FROM Account")

    assert grouped == {"attributes": {"type": "AggregateResult"}, "expr0": 1}
    assert parent["Contacts"] is None


def test_names_are_answered_as_the_schema_spells_them(api):
    api.org.create("Account", {"Name": "One"})

    (record,) = api.records("select id, Account.name from account")

    assert list(record) == ["attributes", "Id", "Name"]


def test_values_have_salesforces_formats(api):
    api.org.change(
        "Account",
        create=[{"Name": "One", "NumberOfEmployees": 5, "AnnualRevenue": 300}],
        modstamp="2026-05-01T07:25:37Z",
    )

    answer = api.query(
        "SELECT SystemModstamp, NumberOfEmployees, AnnualRevenue, Industry FROM Account"
    )

    assert '"SystemModstamp":"2026-05-01T07:25:37.000+0000"' in answer.text
    assert '"NumberOfEmployees":5,' in answer.text
    assert '"AnnualRevenue":300.0,' in answer.text
    assert '"Industry":null' in answer.text


def test_columns_are_described_on_request(api):
    answer = api.get("query", params={"q": "SELECT Id, Name FROM Account", "columns": "true"})

    names = [column["columnName"] for column in answer.json()["columnMetadata"]]
    assert names == ["Id", "Name"]


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Id FORM Account", "MALFORMED_QUERY"),
        ("SELECT Nope FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Accout", "INVALID_TYPE"),
    ],
)
def test_a_wrong_query_is_refused_with_its_code(api, soql, code):
    assert error_of(api.query(soql)) == (400, code)


def test_a_query_without_text_is_refused(api):
    assert error_of(api.get("query")) == (400, "MALFORMED_QUERY")
