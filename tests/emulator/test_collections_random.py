"""Random lists, all or none or row by row: the org holds exactly what the outcomes say."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KEYS = ["E-1", "E-2", "e-1", "E-3"]
EXAMPLES = int(os.environ.get("TIDEGATE_EXAMPLES", "25"))

rows = st.lists(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(["Quay", "Pier", "", "x" * 256])),
    min_size=1,
    max_size=5,
)
calls = st.lists(
    st.tuples(st.sampled_from(["create", "upsert", "update", "delete"]), rows, st.booleans()),
    min_size=1,
    max_size=5,
)


class Lists:
    """Sends lists, and keeps by Id what their outcomes say that the org holds."""

    def __init__(self, api):
        self.api, self.held, self.gone = api, {}, []

    def send(self, operation, given_rows, all_or_none):
        ids = [self._id_of(key) for key, _ in given_rows]
        if operation == "delete":
            asked = f"composite/sobjects?ids={','.join(ids)}&allOrNone={str(all_or_none).lower()}"
            answer = self.api.delete(asked)
        else:
            answer = self._write(operation, given_rows, ids, all_or_none)
        assert answer.status_code == 200, answer.text
        outcomes = answer.json()
        assert len(outcomes) == len(given_rows)
        for (key, name), outcome in zip(given_rows, outcomes, strict=True):
            if outcome["success"]:
                self._note(operation, outcome["id"], key, name)
        return outcomes

    def _write(self, operation, given_rows, ids, all_or_none):
        path = "/Account/ERP_Id__c" if operation == "upsert" else ""
        method = "POST" if operation == "create" else "PATCH"
        records = [
            {"attributes": {"type": "Account"}, "Name": name}
            | ({"Id": record_id} if operation == "update" else {"ERP_Id__c": key})
            for (key, name), record_id in zip(given_rows, ids, strict=True)
        ]
        body = {"records": records, "allOrNone": all_or_none}
        return self.api.call(method, f"composite/sobjects{path}", json=body)

    def _id_of(self, key):
        """Of the row with that key; else of a row that never was."""
        known = (i for i, (held, _) in self.held.items() if held.lower() == key.lower())
        return next(known, "001Td0000000zzzAAA"[:15])

    def _note(self, operation, record_id, key, name):
        if operation == "delete":
            del self.held[record_id]
        elif operation == "update":
            self.held[record_id] = (self.held[record_id][0], name)
        else:
            self.held[record_id] = (key, name)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(calls)
def test_the_org_holds_what_the_outcomes_say(api, sent):
    api.org.change("Account", delete=api.org.ids("Account"))
    lists = Lists(api)

    for operation, given_rows, all_or_none in sent:
        before = dict(lists.held)
        outcomes = lists.send(operation, given_rows, all_or_none)

        succeeded = [one["success"] for one in outcomes]
        if all_or_none and not all(succeeded):
            assert not any(succeeded)
            assert lists.held == before
        stored = api.org.rows("Account", "Id", "ERP_Id__c", "Name")
        assert {row["Id"]: (row["ERP_Id__c"], row["Name"]) for row in stored} == lists.held


@pytest.mark.parametrize("all_or_none", [False, True])
def test_a_row_that_comes_twice_in_an_update_takes_both_in_order(api, all_or_none):
    (one,) = api.org.create("Account", {"Name": "A", "ERP_Id__c": "E-1"})
    records = [{"attributes": {"type": "Account"}, "Id": one, "Name": name} for name in "BC"]

    answer = api.patch("composite/sobjects", {"records": records, "allOrNone": all_or_none})

    assert [outcome["success"] for outcome in answer.json()] == [True, True]
    assert api.org.rows("Account", "Name") == [{"Name": "C"}]
