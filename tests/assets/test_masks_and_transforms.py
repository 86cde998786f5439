"""What happens to values between the org and the table."""

import hashlib
import hmac
from dataclasses import replace

import dagster as dg
import pytest

from assets.keys import object_keys
from assets.specs import ObjectSpec
from tests.assets.conftest import SYNC, Harbour, daily, days, metadata

CONTACT = ObjectSpec("Contact", ("LastName", "Email"), mask=("Email",), partitions=daily())
ACCOUNT = ObjectSpec("Account", ("Name",), partitions=daily())
HOOKS = "tests.assets.hooks_for_tests"


def masked(value: str, key: str = "a key for tests") -> str:
    return hmac.new(key.encode(), value.encode(), hashlib.sha256).hexdigest()


def test_a_masked_field_holds_keyed_hashes_and_nulls(harbour: Harbour):
    harbour.org.change(
        "Contact",
        create=[{"LastName": "A", "Email": "a@b.example"}, {"LastName": "B"}],
        modstamp=f"{days(2)}T10:00:00Z",
    )

    harbour.run(CONTACT, days(2))

    assert harbour.rows("contact", "last_name", "email") == [
        ("A", masked("a@b.example")),
        ("B", None),
    ]


def test_no_file_keeps_what_is_masked(harbour: Harbour):
    harbour.org.change(
        "Contact",
        create=[{"LastName": "A", "Email": "secret@b.example"}],
        modstamp=f"{days(2)}T10:00:00Z",
    )

    harbour.run(CONTACT, days(2))

    files = [path for path in harbour.folder.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"secret@b.example" in path.read_bytes()]


def test_without_a_key_nothing_is_asked_of_the_org(harbour: Harbour):
    harbour.mask_key = ""
    harbour.__post_init__()

    with pytest.raises(dg.Failure, match="TIDEGATE_MASK_KEY"):
        harbour.run(CONTACT, days(2))

    assert not [r for r in harbour.org.requests_since() if "query" in r["path"]]


def test_a_transform_adds_a_column_with_its_lineage(harbour: Harbour):
    spec = replace(ACCOUNT, transform=f"{HOOKS}:add_length")
    harbour.org.change("Account", create=[{"Name": "four"}], modstamp=f"{days(2)}T10:00:00Z")

    result = harbour.run(spec, days(2))

    assert harbour.rows("account", "name", "name_length") == [("four", 4)]
    lineage = metadata(result, object_keys(SYNC, spec).transform)["dagster/column_lineage"]
    assert {dep.column_name for dep in lineage.deps_by_column["name_length"]} == {"Id", "Name"}


def test_a_transform_also_types_a_window_without_rows(harbour: Harbour):
    harbour.run(replace(ACCOUNT, transform=f"{HOOKS}:add_length"), days(2))

    assert harbour.rows("account", "name_length") == []


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        ("drop_a_row", "must keep every row"),
        ("read_the_moon", r"raised KeyError in .*, line \d+ of"),
        ("add_untyped", "adds a column note whose type can't be told"),
        ("return_nothing", "returned NoneType, not a DataFrame"),
    ],
)
def test_a_transform_that_misbehaves_is_named(harbour: Harbour, function: str, problem: str):
    harbour.org.change("Account", create=[{"Name": "A"}], modstamp=f"{days(2)}T10:00:00Z")

    with pytest.raises(dg.Failure, match=problem):
        harbour.run(replace(ACCOUNT, transform=f"{HOOKS}:{function}"), days(2))
