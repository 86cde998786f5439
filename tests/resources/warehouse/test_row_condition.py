"""Which rows a condition holds for, and what isn't a condition."""

import pickle

import pyarrow as pa
import pytest

from resources.warehouse.errors import RowConditionError
from resources.warehouse.row_condition import RowCondition

ROWS = pa.RecordBatch.from_pydict(
    {
        "Action__c": ["CREATED", "PAID", None, "created"],
        "Amount__c": [5.0, 150.0, 200.0, None],
        "Express__c": [True, False, None, True],
    }
)


@pytest.mark.parametrize(
    ("sql", "holds"),
    [
        ("Action__c = 'CREATED'", [True, False, False, False]),
        ("action__C == 'CREATED'", [True, False, False, False]),
        ("lower(Action__c) LIKE 'crea%'", [True, False, False, True]),
        ("Action__c IN ('CREATED', 'PAID') AND Amount__c > 100", [False, True, False, False]),
        ("Action__c IS NULL OR Amount__c BETWEEN 1 AND 10", [True, False, True, False]),
        ("Express__c", [True, False, False, True]),
        ("NOT Express__c", [False, True, False, False]),
        ("CASE WHEN Amount__c > 100 THEN true ELSE Express__c END", [True, True, True, True]),
        ("Amount__c > 1 -- a note", [True, True, True, False]),
        ("Missing__c IS NULL", [True, True, True, True]),
        ("Missing__c = 'x'", [False, False, False, False]),
    ],
)
def test_it_holds_for_the_rows_that_match(sql: str, holds: list[bool]):
    assert RowCondition(sql).holds(ROWS) == holds


def test_it_knows_the_names_that_it_asks_for():
    assert RowCondition("lower(Action__c) = 'x' OR Amount__c > 1").columns == {
        "action__c": "Action__c",
        "amount__c": "Amount__c",
    }


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("Action__c = ", "syntax error"),
        ("a = 1; DROP TABLE x", "more than one statement"),
        ("a = 1) OR (b = 2", "syntax error"),
        ("Action__c IN (SELECT 1)", "a subquery"),
        ("count(*) OVER () > 1", "a window"),
        ("sum(Amount__c) > 1", "sum doesn't depend on a row's values alone"),
        ("random() > 0.5", "random doesn't depend on a row's values alone"),
        ("now() > CreatedDate", "now doesn't depend on a row's values alone"),
        ("getenv('HOME') = '/'", "there is no function getenv"),
        ("read_csv('x') = 1", "read_csv doesn't depend on a row's values alone"),
        ("event.Action__c = 'x'", "event.Action__c isn't the name of a value"),
        ("Action__c = $1", "a parameter"),
    ],
)
def test_what_is_no_condition_of_a_rows_values_is_refused(sql: str, problem: str):
    with pytest.raises(RowConditionError) as caught:
        RowCondition(sql)

    assert problem in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_what_cannot_be_asked_of_the_rows_says_so_without_their_values():
    for sql in ("Action__c", "Action__c > 5", "abs(Action__c) > 1"):
        with pytest.raises(RowConditionError) as caught:
            RowCondition(sql).holds(ROWS)

        assert "CREATED" not in str(caught.value)
        assert sql in str(caught.value)


def test_it_reads_no_files(tmp_path):
    file = tmp_path / "secret"
    file.write_text("x")

    with pytest.raises(RowConditionError):
        RowCondition(f"read_text('{file}') IS NOT NULL")
