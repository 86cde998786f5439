"""The arrow from a load to the object that it writes."""

import dagster as dg

from assets.load_translator import WRITES_TO
from pipelines.load_links import load_links, with_load_links

ORG = dg.AssetKey(["org", "salesforce", "Account"])
LOAD = dg.AssetKey(["load", "scores"])


def load_spec(*deps: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        LOAD,
        deps=[dg.AssetKey.from_user_string(dep) for dep in deps],
        metadata={WRITES_TO: ORG.to_user_string()},
    )


def test_an_object_stands_below_the_load_that_writes_it():
    specs = [dg.AssetSpec(ORG), dg.AssetSpec("scores"), load_spec("scores")]

    assert load_links(specs) == {ORG: [LOAD]}


def test_an_object_from_which_the_rows_come_closes_no_circle():
    table = dg.AssetSpec(["salesforce", "account"], deps=[ORG])
    scores = dg.AssetSpec("scores", deps=[table.key])

    assert load_links([dg.AssetSpec(ORG), table, scores, load_spec("scores")]) == {}


def test_definitions_get_the_arrow():
    defs = dg.Definitions(assets=[dg.AssetSpec(ORG), dg.AssetSpec("scores"), load_spec("scores")])

    linked = with_load_links(defs)

    [org] = [spec for spec in linked.resolve_all_asset_specs() if spec.key == ORG]
    assert [dep.asset_key for dep in org.deps] == [LOAD]
