"""Each stage starts from what lies on disk, and asks the org for nothing it has."""

import dagster as dg
import pytest

from assets.specs import ObjectSpec
from tests.assets.conftest import Harbour, daily, days

ACCOUNT = ObjectSpec("Account", ("Name",), partitions=daily())


def test_transform_and_table_alone_cost_no_api_call(harbour: Harbour):
    harbour.org.change("Account", create=[{"Name": "A"}], modstamp=f"{days(2)}T10:00:00Z")
    harbour.run(ACCOUNT, days(2), stages=["extract"])
    asked = len(harbour.org.requests_since())

    harbour.run(ACCOUNT, days(2), stages=["transform"])
    harbour.run(ACCOUNT, days(2), stages=["table"])

    assert harbour.rows("account", "name") == [("A",)]
    assert len(harbour.org.requests_since()) == asked


def test_one_window_of_a_range_can_be_transformed_again(harbour: Harbour):
    harbour.org.change("Account", create=[{"Name": "A"}], modstamp=f"{days(2)}T10:00:00Z")
    harbour.run(ACCOUNT, days(3), days(1))

    harbour.run(ACCOUNT, days(2), stages=["transform", "table"])

    assert harbour.rows("account", "name") == [("A",)]


def test_a_stage_without_input_says_what_to_run_first(harbour: Harbour):
    with pytest.raises(dg.Failure, match="Materialize extract/salesforce/account first"):
        harbour.run(ACCOUNT, days(2), stages=["transform"])
