"""How a dry run asks the org, and what sending a row would change."""

from hypothesis import given
from hypothesis import strategies as st

from assets.dry_run_plan import BULK_CALLS, Change, cheaper_api, effect, keys_per_query

CELLS = st.sampled_from(["", "#N/A", "a", "b"])
HELD = st.sampled_from(["#N/A", "a", "b"])
NAMES = st.sampled_from(["A__c", "B__c", "C__c"])


def test_few_rows_are_asked_for_by_queries_and_many_by_one_job():
    assert cheaper_api(100, 500) == "rest"
    assert cheaper_api(BULK_CALLS * 500, 500) == "rest"
    assert cheaper_api(BULK_CALLS * 500 + 1, 500) == "bulk"


def test_a_job_that_reads_many_pages_costs_more():
    assert cheaper_api(4_000, 500, records_in_org=10_000_000) == "rest"


@given(room=st.integers(0, 20_000), key=st.integers(1, 500))
def test_a_query_always_takes_a_key(room: int, key: int):
    assert keys_per_query(room, key) >= 1


def test_a_row_without_a_record_creates_one_by_an_upsert_alone():
    cells = {"A__c": "a", "B__c": "#N/A", "C__c": ""}

    assert effect("upsert", cells, None) == ("creates", [Change("A__c", None, "a")])
    assert effect("update", cells, None) == ("not_in_org", [])


def test_a_delete_finds_a_record_or_not():
    assert effect("delete", {}, {}) == ("deletes", [])
    assert effect("hard_delete", {}, None) == ("not_in_org", [])


@given(st.dictionaries(NAMES, CELLS), st.fixed_dictionaries(dict.fromkeys("ABC", HELD)))
def test_the_changes_are_what_makes_the_record_as_the_row_says(cells, letters):
    there = {f"{letter}__c": held for letter, held in letters.items()}

    what, changes = effect("upsert", cells, there)

    after = there | {one.field: one.new or "#N/A" for one in changes}
    assert after == there | {name: cell for name, cell in cells.items() if cell != ""}
    assert (what == "updates") == (after != there)
