"""Composite, batch and tree [nango] [cci] [rest guide]."""

import pytest

from tests.emulator.api import Api, error_of

BASE = "/services/data/v66.0"


def sub(method, path, reference_id, body=None, **more):
    request = {"method": method, "url": f"{BASE}/{path}", "referenceId": reference_id, **more}
    return request if body is None else request | {"body": body}


def composite(api, *requests, **more):
    answer = api.post("composite", {"compositeRequest": list(requests), **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["compositeResponse"]


def statuses(answers):
    return [one["httpStatusCode"] for one in answers]


def test_a_later_request_uses_what_an_earlier_one_answered(api):
    answers = composite(
        api,
        sub("POST", "sobjects/Account", "parent", {"Name": "Harbour & Co"}),
        sub("GET", "sobjects/Account/@{parent.id}?fields=Name", "read"),
        sub("POST", "sobjects/Contact", "child", {"LastName": "C", "AccountId": "@{parent.id}"}),
        sub("POST", "sobjects/Account", "copy", {"Name": "Copy of @{read.Name}"}),
        sub("GET", "query?q=SELECT Id FROM Account WHERE Name = '@{read.Name}'", "found"),
        sub("DELETE", "sobjects/Contact/@{child.id}", "gone"),
    )

    parent, read, child, _, found, gone = answers
    assert statuses(answers) == [201, 200, 201, 201, 200, 204]
    assert parent["httpHeaders"] == {"Location": f"{BASE}/sobjects/Account/{parent['body']['id']}"}
    assert child["referenceId"] == "child"
    assert read["body"]["Name"] == "Harbour & Co"
    assert found["body"]["records"][0]["Id"] == parent["body"]["id"]
    assert gone == {"body": None, "httpHeaders": {}, "httpStatusCode": 204, "referenceId": "gone"}
    names = {row["Name"] for row in api.org.rows("Account", "Name")}
    assert names == {"Harbour & Co", "Copy of Harbour & Co"}


def test_references_reach_into_lists(api):
    answers = composite(
        api,
        sub(
            "POST",
            "composite/sobjects",
            "made",
            {"records": [{"attributes": {"type": "Account"}, "Name": name} for name in "AB"]},
        ),
        sub("GET", "query?q=SELECT Id, Name FROM Account WHERE Id = '@{made[1].id}'", "second"),
        sub("PATCH", "sobjects/Account/@{second.records[0].Id}", "change", {"Name": "Z"}),
    )

    assert statuses(answers) == [200, 200, 204]
    assert {row["Name"] for row in api.org.rows("Account", "Name")} == {"A", "Z"}


def test_a_reference_to_a_failed_or_unknown_answer_halts_its_request_alone(api):
    answers = composite(
        api,
        sub("POST", "sobjects/Account", "bad", {}),
        sub("POST", "sobjects/Contact", "after", {"LastName": "C", "AccountId": "@{bad.id}"}),
        sub("POST", "sobjects/Account", "good", {"Name": "A"}),
        sub("GET", "sobjects/Account/@{Good.id}", "other_case"),
        sub("GET", "sobjects/Account/@{good.idd}", "typo"),
    )

    assert statuses(answers) == [400, 400, 201, 400, 400]
    assert answers[1]["body"] == [
        {
            "message": "Invalid reference specified. No value for bad.id found in bad",
            "errorCode": "PROCESSING_HALTED",
        }
    ]
    assert api.org.ids("Contact") == []


def test_all_or_none_undoes_what_came_before_a_failure(api):
    answers = composite(
        api,
        sub("POST", "sobjects/Account", "one", {"Name": "A"}),
        sub("PATCH", "sobjects/Account/@{one.id}", "two", {"Name": "x" * 256}),
        sub("POST", "sobjects/Account", "three", {"Name": "C"}),
        allOrNone=True,
    )

    halted = [
        {
            "message": "The transaction was rolled back since another operation in the same "
            "transaction failed.",
            "errorCode": "PROCESSING_HALTED",
        }
    ]
    assert statuses(answers) == [400, 400, 400]
    assert [answers[0]["body"], answers[2]["body"]] == [halted, halted]
    assert answers[1]["body"][0]["errorCode"] == "STRING_TOO_LONG"
    assert api.org.ids("Account") == []


def test_all_or_none_sees_its_own_rows_and_keeps_all_of_them_in_the_end(api):
    answers = composite(
        api,
        sub("POST", "sobjects/Account", "one", {"Name": "A", "ERP_Id__c": "E-1"}),
        sub("PATCH", "sobjects/Account/ERP_Id__c/E-1", "two", {"Name": "B"}),
        sub("GET", "query?q=SELECT Name FROM Account", "three"),
        sub(
            "PATCH",
            "composite/sobjects",
            "four",
            {"records": [{"attributes": {"type": "Account"}, "Name": "no id"}]},
        ),
        allOrNone=True,
    )

    assert statuses(answers) == [201, 200, 200, 200]
    assert answers[2]["body"]["records"][0]["Name"] == "B"
    assert not answers[3]["body"][0]["success"]
    assert api.org.ids("Account") == [answers[0]["body"]["id"]]


def test_a_list_that_undoes_itself_undoes_the_composite_that_is_all_or_none(api):
    answers = composite(
        api,
        sub("POST", "sobjects/Account", "one", {"Name": "A"}),
        sub(
            "POST",
            "composite/sobjects",
            "two",
            {"allOrNone": True, "records": [{"attributes": {"type": "Account"}}]},
        ),
        allOrNone=True,
    )

    assert answers[0]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert not answers[1]["body"][0]["success"]
    assert api.org.ids("Account") == []


def test_five_objects_are_retrieved_in_one_api_call(api):
    names = {
        "Account": {"Name": "A"},
        "Contact": {"LastName": "C"},
        "Lead": {"LastName": "L", "Company": "C"},
        "Order__c": {},
        "Case": {},
    }
    ids = {name: api.org.create(name, *([row] * 3)) for name, row in names.items()}
    (gone,) = api.org.create("Account", {"Name": "gone"})
    api.org.change("Account", delete=[gone])
    asked = {name: [*many, gone] if name == "Account" else many for name, many in ids.items()}

    answers = composite(
        api,
        *(
            sub("POST", f"composite/sobjects/{name}", name, {"ids": many, "fields": ["Id"]})
            for name, many in asked.items()
        ),
    )

    assert statuses(answers) == [200] * 5
    for one in answers:
        found = [row and row["Id"] for row in one["body"]]
        assert found == [None if i == gone else i for i in asked[one["referenceId"]]]
    assert api.org.requests_since()[-1]["api_calls"] == 1


def test_refusals_stand_in_the_answers_not_in_the_status(api):
    answers = composite(
        api,
        sub("GET", "sobjects/Foo", "no_object"),
        sub("GET", "query?q=select count() from XYZZY", "no_such_object"),
        sub("PUT", "limits", "no_method"),
        sub("GET", "jobs/query", "job"),
        {"method": "GET", "url": "/elsewhere", "referenceId": "no_path"},
        {"method": "GET", "url": "/services/data/v25.0/limits", "referenceId": "retired"},
    )

    assert statuses(answers) == [404, 400, 405, 400, 404, 410]
    assert answers[0]["body"] == [
        {"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}
    ]
    assert answers[0]["httpHeaders"] == {}
    assert answers[1]["body"][0]["errorCode"] == "INVALID_TYPE"


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [sub("GET", "limits", "with-dash")],
        [sub("GET", "limits", "twice"), sub("GET", "limits", "twice")],
        [{"method": "GET", "url": f"{BASE}/limits"}],
    ],
)
def test_a_composite_that_cannot_be_read_is_refused_as_a_whole(api, requests):
    answer = api.post("composite", {"compositeRequest": requests})

    assert error_of(answer) == (400, "JSON_PARSER_ERROR")


def test_reference_ids_are_free_before_version_52(org):
    api = Api(org, "51.0")

    answer = api.post("composite", {"compositeRequest": [sub("GET", "limits", "with-dash")]})

    assert answer.json()["compositeResponse"][0]["httpStatusCode"] == 200


def test_a_composite_holds_25_requests_and_5_of_many_rows(api):
    many = [sub("GET", "limits", f"r{n}") for n in range(26)]
    queries = [sub("GET", "query?q=SELECT Id FROM User", f"q{n}") for n in range(6)]

    assert statuses(composite(api, *many[:25])) == [200] * 25
    assert statuses(composite(api, *queries[:5])) == [200] * 5
    for requests in (many, queries):
        answer = api.post("composite", {"compositeRequest": requests})
        assert error_of(answer) == (400, "LIMIT_EXCEEDED")


def test_a_304_inside_a_composite_has_no_body(api):
    tag = api.get("sobjects/Account/describe").headers["ETag"]
    asked = {"If-None-Match": tag}

    (answer,) = composite(api, sub("GET", "sobjects/Account/describe", "d", httpHeaders=asked))

    assert (answer["httpStatusCode"], answer["body"]) == (304, None)
    assert answer["httpHeaders"]["ETag"] == tag


def batch(api, *requests, **more):
    answer = api.post("composite/batch", {"batchRequests": list(requests), **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_batch_goes_on_after_an_error_and_counts_each_request(api):
    answer = batch(
        api,
        {"method": "POST", "url": "v66.0/sobjects/Account", "richInput": {"Name": "A"}},
        {"method": "POST", "url": "v66.0/sobjects/Account", "richInput": {}},
        {"method": "GET", "url": "v66.0/query?q=SELECT+Name+FROM+Account"},
    )

    assert answer["hasErrors"] is True
    assert [one["statusCode"] for one in answer["results"]] == [201, 400, 200]
    assert answer["results"][2]["result"]["records"][0]["Name"] == "A"
    assert api.org.requests_since()[-1]["api_calls"] == 3


def test_a_batch_may_halt_at_an_error(api):
    answer = batch(
        api,
        {"method": "GET", "url": "v66.0/sobjects/Foo"},
        {"method": "POST", "url": "v66.0/sobjects/Account", "richInput": {"Name": "A"}},
        haltOnError=True,
    )

    assert [one["statusCode"] for one in answer["results"]] == [404, 412]
    assert answer["results"][1]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"
    assert api.org.ids("Account") == []


def node(kind, reference_id, **fields):
    return {"attributes": {"type": kind, "referenceId": reference_id}, **fields}


def tree(*nodes):
    return {"records": list(nodes)}


def test_a_tree_creates_parents_and_children_level_by_level(api):
    answer = api.post(
        "composite/tree/Account",
        tree(
            node(
                "Account",
                "a1",
                Name="A1",
                Contacts=tree(node("Contact", "c1", LastName="C1")),
                Opportunities=tree(
                    node("Opportunity", "o1", Name="O", StageName="Prospecting",
                         CloseDate="2026-06-30"),
                ),
            ),
            node("Account", "a2", Name="A2", Contacts=tree(node("Contact", "c2", LastName="C2"))),
        ),
    )  # fmt: skip

    results = answer.json()["results"]
    assert (answer.status_code, answer.json()["hasErrors"]) == (201, False)
    assert [one["referenceId"] for one in results] == ["a1", "a2", "c1", "o1", "c2"]
    rows = api.records("SELECT LastName, Account.Name FROM Contact ORDER BY LastName")
    assert [(r["LastName"], r["Account"]["Name"]) for r in rows] == [("C1", "A1"), ("C2", "A2")]


def test_a_tree_with_a_wrong_record_creates_nothing_and_names_that_record(api):
    answer = api.post(
        "composite/tree/Account",
        tree(
            node("Account", "a1", Name="A1", Contacts=tree(node("Contact", "c1"))),
            node("Account", "a2", Name="A2"),
        ),
    )

    assert answer.status_code == 400
    assert answer.json() == {
        "hasErrors": True,
        "results": [
            {
                "referenceId": "c1",
                "errors": [
                    {
                        "statusCode": "REQUIRED_FIELD_MISSING",
                        "message": "Required fields are missing: [LastName]",
                        "fields": ["LastName"],
                    }
                ],
            }
        ],
    }
    assert api.org.ids("Account") == []


@pytest.mark.parametrize(
    ("nodes", "code"),
    [
        ([], "REQUIRED_FIELD_MISSING"),
        ([node("Account", "a", Name="A"), node("Account", "a", Name="B")], "INVALID_INPUT"),
        ([node("Contact", "a", LastName="A")], "INVALID_TYPE"),
        ([{"attributes": {"type": "Account"}, "Name": "A"}], "JSON_PARSER_ERROR"),
        ([node("Account", f"a{n}", Name="A") for n in range(201)], "LIMIT_EXCEEDED"),
    ],
)
def test_a_tree_that_cannot_be_read_is_refused(api, nodes, code):
    answer = api.post("composite/tree/Account", tree(*nodes))

    assert error_of(answer) == (400, code)
