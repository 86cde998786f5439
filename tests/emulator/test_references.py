"""References inside a composite body: `@{ref.id}`."""

import os
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.errors import ApiError
from emulator.rest.references import resolved, resolved_url

BODIES = {
    "row": {"id": "001", "n": 5, "ok": True, "none": None, "deep": {"list": [{"x": "y"}]}},
    "list": [{"id": "a"}, {"id": "b"}],
}

VALUES = [
    ("@{row.id}", "001"),
    ("@{row.n}", 5),
    ("@{row.ok}", True),
    ("no. @{row.n}: @{row.ok}", "no. 5: true"),
    ("@{list[1].id}", "b"),
    ("@{row.deep.list[0].x}", "y"),
    ({"a": ["@{row.id}", {"b": "@{list[0].id}"}], "c": 1}, {"a": ["001", {"b": "a"}], "c": 1}),
    ("@{", "@{"),
    ("a@b{c}", "a@b{c}"),
    (None, None),
]


@pytest.mark.parametrize(("given_value", "value"), VALUES)
def test_a_reference_is_replaced_and_keeps_its_type_when_it_stands_alone(given_value, value):
    assert resolved(given_value, BODIES) == value


@pytest.mark.parametrize(
    "reference",
    ["row.ID", "Row.id", "row.none", "row", "list", "list[2].id", "list.id", "row[0]", "", "a b",
     "row.deep", "row.id.x", "list[-1].id"],
)  # fmt: skip
def test_a_reference_to_nothing_is_refused_by_its_name(reference):
    with pytest.raises(ApiError) as caught:
        resolved(f"@{{{reference}}}", BODIES)

    assert (caught.value.status, caught.value.code) == (400, "PROCESSING_HALTED")
    assert f"No value for {reference} found in" in caught.value.message


@settings(max_examples=int(os.environ.get("TIDEGATE_EXAMPLES", "100")), deadline=None)
@given(st.text(), st.text(alphabet=st.characters(exclude_characters="@")))
def test_any_text_survives_a_body_and_a_url(text, around):
    bodies = {"r": {"v": text}}

    assert resolved("@{r.v}", bodies) == text
    assert resolved([around + "@{r.v}"], bodies) == [around + text]
    made = resolved_url("/x?q=@{r.v}&y=1", bodies)
    assert made.startswith("/x?q=")
    assert made.endswith("&y=1")
    assert unquote(made[len("/x?q=") : -len("&y=1")]) == text
