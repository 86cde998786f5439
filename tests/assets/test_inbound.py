"""One object through Dagster: org, extract, transform, table."""

from decimal import Decimal

from assets.keys import object_keys
from assets.specs import ObjectSpec
from tests.assets.conftest import SYNC, Harbour, daily, days, metadata

ACCOUNT = ObjectSpec("Account", ("Name", "AnnualRevenue"), partitions=daily())
KEYS = object_keys(SYNC, ACCOUNT)


def test_the_first_window_loads_all_that_is_older_too(harbour: Harbour):
    harbour.org.change(
        "Account", create=[{"Name": 'Ünïcode, "quoted"\nAG'}], modstamp="2020-02-03T04:05:06Z"
    )
    harbour.org.change(
        "Account",
        create=[{"Name": "Young", "AnnualRevenue": 12}],
        modstamp=f"{days(5)}T10:00:00Z",
    )

    harbour.run(ACCOUNT, days(5))

    assert harbour.rows("account", "name", "annual_revenue::VARCHAR") == [
        ("Young", "12"),
        ('Ünïcode, "quoted"\nAG', None),
    ]


def test_a_small_window_is_read_by_rest_without_a_job(harbour: Harbour):
    harbour.org.change("Account", create=[{"Name": "A"}], modstamp=f"{days(2)}T10:00:00Z")

    harbour.run(ACCOUNT, days(2))

    paths = [request["path"] for request in harbour.org.requests_since()]
    assert not any("/jobs/" in path for path in paths)
    assert harbour.rows("account", "name") == [("A",)]


def test_a_window_of_more_than_2000_rows_goes_to_a_bulk_job(harbour: Harbour):
    rows = [{"Name": f"A{number}"} for number in range(2_001)]
    harbour.org.change("Account", create=rows, modstamp=f"{days(2)}T10:00:00Z")

    result = harbour.run(ACCOUNT, days(2))

    assert harbour.query("SELECT count(DISTINCT id) FROM salesforce.account") == [(2_001,)]
    assert metadata(result, KEYS.table)["salesforce/job"].startswith(harbour.org.url)


def test_2000_rows_of_rest_come_by_its_following_pages(harbour: Harbour):
    rows = [{"Name": f"A{number}"} for number in range(2_000)]
    harbour.org.change("Account", create=rows, modstamp=f"{days(2)}T10:00:00Z")

    result = harbour.run(ACCOUNT, days(2))

    assert harbour.query("SELECT count(DISTINCT id) FROM salesforce.account") == [(2_000,)]
    assert metadata(result, KEYS.extract)["salesforce/api"] == "rest"


def test_a_range_of_windows_is_one_query_and_counts_rows_by_window(harbour: Harbour):
    for ago in (4, 3, 3, 1):
        harbour.org.change("Account", create=[{"Name": "A"}], modstamp=f"{days(ago)}T10:00:00Z")

    result = harbour.run(ACCOUNT, days(4), days(1))

    posts = [r for r in harbour.org.requests_since() if r["path"].endswith("/jobs/query")]
    assert [request["method"] for request in posts] == ["POST"]
    by_partition = {
        event.partition: event.materialization.metadata["dagster/partition_row_count"].value
        for event in result.get_asset_materialization_events()
        if event.asset_key == KEYS.table
    }
    assert by_partition == {str(days(4)): 1, str(days(3)): 2, str(days(2)): 0, str(days(1)): 1}


def test_every_stage_says_what_it_did(harbour: Harbour):
    harbour.org.change(
        "Account", create=[{"Name": "A"}, {"Name": "B"}], modstamp=f"{days(2)}T10:00:00Z"
    )

    result = harbour.run(ACCOUNT, days(2))

    for key in KEYS.stages:
        said = metadata(result, key)
        assert said["tidegate/status"] == "done"
        assert said["salesforce/window"] == f"{days(2)}T00:00Z to {days(1)}T00:00Z"
        assert said["dagster/row_count"] == 2
        assert said["tidegate/bytes"] > 0
        assert said["salesforce/api_calls"] >= 2
        assert said["salesforce/api_calls_left"] > 0
    table = metadata(result, KEYS.table)
    outcomes = [table[f"tidegate/{name}"] for name in ("inserted", "updated", "deleted")]
    assert outcomes == [2, 0, 0]


def test_columns_are_traced_from_the_org_to_the_table(harbour: Harbour):
    result = harbour.run(ACCOUNT, days(2))

    said = [metadata(result, key) for key in KEYS.stages]
    schemas = [{c.name: c.type for c in s["dagster/column_schema"].columns} for s in said]
    assert schemas[0]["AnnualRevenue"] == "currency"
    assert schemas[1]["annual_revenue"].startswith("decimal128(")
    assert schemas[2]["_modstamp"] == "timestamp"
    deps = [s["dagster/column_lineage"].deps_by_column for s in said]
    assert [(d.asset_key, d.column_name) for d in deps[2]["annual_revenue"]] == [
        (KEYS.transform, "annual_revenue")
    ]
    assert [(d.asset_key, d.column_name) for d in deps[1]["annual_revenue"]] == [
        (KEYS.extract, "AnnualRevenue")
    ]
    assert [(d.asset_key, d.column_name) for d in deps[0]["AnnualRevenue"]] == [
        (KEYS.org, "AnnualRevenue")
    ]


def test_a_number_with_more_decimals_than_described_is_kept_and_stops_no_night(harbour: Harbour):
    for ago, amount in ((3, "100"), (2, "1234.5600000000002"), (1, "0.5")):
        row = {"Name": amount, "AnnualRevenue": float(amount)}
        harbour.org.change("Account", create=[row], modstamp=f"{days(ago)}T10:00:00Z")
        assert harbour.run(ACCOUNT, days(ago)).success

    rows = harbour.rows("account", "name", "annual_revenue")
    assert {Decimal(name): amount for name, amount in rows} == {
        amount: amount for amount in map(Decimal, ("100", "1234.5600000000002", "0.5"))
    }


def test_the_checks_of_all_stages_are_run(harbour: Harbour):
    result = harbour.run(ACCOUNT, days(2))

    evaluations = result.get_asset_check_evaluations()
    assert sorted((e.check_name, e.passed) for e in evaluations) == [
        ("keys_are_unique_and_not_null", True),
        ("no_row_is_older_than_what_it_replaced", True),
        ("rows_landed_are_rows_announced", True),
    ]
