"""What stands in `defs.yaml`, and what is said of mistakes in it."""

from pathlib import Path

import dagster as dg
import pytest
from dagster.components.testing import create_defs_folder_sandbox

from assets.inbound import inbound_assets
from assets.translator import SalesforceObjectProps
from pipelines.components import (
    SalesforceConnection,
    SalesforceEvents,
    SalesforceSync,
    WarehouseConnection,
)
from tests.pipelines.conftest import DefsFolder

SYNC = """
type: pipelines.components.SalesforceSync
attributes:
  org: salesforce
  schedule: "0 2 * * *"
  objects:
    Account:
      fields: [Name]
      partitions: {every: day, start: 2026-09-01}
    Product2: {fields: "*"}
"""


def test_a_sync_becomes_assets_checks_jobs_and_a_schedule(defs_folder: DefsFolder):
    defs_folder.write("crm", SYNC)

    with defs_folder.load() as defs:
        keys = {spec.key.to_user_string() for spec in defs.resolve_all_asset_specs()}
        jobs = {job.name for job in defs.jobs}
        schedules = {schedule.name for schedule in defs.schedules}

    assert keys == {
        "org/salesforce/Account",
        "extract/salesforce/account",
        "transform/salesforce/account",
        "salesforce/account",
        "org/salesforce/Product2",
        "extract/salesforce/product_2",
        "transform/salesforce/product_2",
        "salesforce/product_2",
    }
    assert jobs == {"crm_daily", "crm_whole"}
    assert schedules == {"crm_schedule"}


def test_owners_tags_groups_and_descriptions_are_shown(defs_folder: DefsFolder):
    defs_folder.write(
        "crm",
        SYNC.replace(
            "      fields: [Name]\n",
            "      fields: [Name]\n"
            "      owners: [sales@example.com]\n"
            "      tags: {tier: gold}\n"
            "      group: sales\n"
            "      description: Who buys from us.\n",
        ),
    )

    with defs_folder.load() as defs:
        spec = defs.resolve_assets_def(dg.AssetKey(["salesforce", "account"])).get_asset_spec(
            dg.AssetKey(["salesforce", "account"])
        )

    assert list(spec.owners) == ["sales@example.com"]
    assert spec.tags["tier"] == "gold"
    assert spec.group_name == "sales"
    assert (spec.description or "").startswith("Who buys from us.\n\nStage 3 of 3, table:")


def test_assets_are_grouped_by_sync_and_say_which_stage_they_are(defs_folder: DefsFolder):
    defs_folder.write("crm", SYNC)

    with defs_folder.load() as defs:
        specs = {
            path: defs.resolve_assets_def(dg.AssetKey(path.split("/"))).get_asset_spec(
                dg.AssetKey(path.split("/"))
            )
            for path in (
                "extract/salesforce/account",
                "transform/salesforce/account",
                "salesforce/account",
            )
        }

    assert {spec.group_name for spec in specs.values()} == {"crm"}
    assert [min(spec.kinds & {"extract", "transform", "table"}) for spec in specs.values()] == [
        "extract",
        "transform",
        "table",
    ]
    assert "asks Salesforce nothing" in (specs["salesforce/account"].description or "")


def test_the_icon_of_a_table_is_that_of_the_syncs_own_warehouse(monkeypatch, defs_folder):
    monkeypatch.setenv("REPORTING_URL", "postgresql://db.example.com/reporting")
    defs_folder.write(
        "reporting",
        """
        type: pipelines.components.WarehouseConnection
        attributes: {name: reporting, environment: REPORTING_URL}
        """,
    )
    defs_folder.write(
        "crm", SYNC.replace("attributes:\n", "attributes:\n  warehouse: reporting\n", 1)
    )
    table = dg.AssetKey(["salesforce", "account"])

    with defs_folder.load() as defs:
        spec = defs.resolve_assets_def(table).get_asset_spec(table)

    assert "postgres" in spec.kinds


def test_a_folder_of_any_name_gives_its_sync_a_name_that_dagster_takes(defs_folder: DefsFolder):
    defs_folder.write("crm-2026.eu", SYNC)

    with defs_folder.load() as defs:
        jobs = {job.name for job in defs.jobs or []}
        spec = defs.resolve_assets_def(dg.AssetKey(["salesforce", "account"])).get_asset_spec(
            dg.AssetKey(["salesforce", "account"])
        )

    assert jobs == {"crm_2026_eu_daily", "crm_2026_eu_whole"}
    assert spec.group_name == "crm_2026_eu"


def test_dagsters_post_processing_applies(defs_folder: DefsFolder):
    defs_folder.write(
        "crm",
        SYNC + "post_processing:\n"
        "  assets:\n"
        "    - target: key:salesforce/account\n"
        "      attributes: {tags: {seen: 'yes'}}\n",
    )

    with defs_folder.load() as defs:
        table = defs.resolve_assets_def(dg.AssetKey(["salesforce", "account"]))

    assert table.get_asset_spec(dg.AssetKey(["salesforce", "account"])).tags["seen"] == "yes"


def test_templates_are_filled_in_and_other_text_stays_as_it_is(
    defs_folder: DefsFolder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("NIGHTLY", "5 3 * * *")
    defs_folder.write("crm", SYNC.replace('"0 2 * * *"', '"{{ env.NIGHTLY }}"'))

    with defs_folder.load() as defs:
        [schedule] = defs.schedules

    assert schedule.cron_schedule == "5 3 * * *"


@pytest.mark.parametrize(
    ("right", "wrong", "mistake"),
    [
        (
            "fields: [Name]",
            "felds: [Name]",
            "crm:7 objects.Account.felds: there is no such setting",
        ),
        ("every: day", "every: dayly", "crm:8 objects.Account.partitions.every: is 'dayly'"),
        ("start: 2026-09-01", "strat: 2026-09-01", "crm:8 objects.Account.partitions.strat: there"),
        ("start: 2026-09-01", "start: 2026-09-31", "crm:8 objects.Account.partitions.start: "),
        ('"0 2 * * *"', '"0 25 * * *"', "crm:4 schedule: '0 25 * * *' isn't a cron expression"),
        ("  org: salesforce", "  orgg: salesforce", "crm:3 orgg: there is no such setting"),
        ("org: salesforce", "org: salesforse", "crm:3 org: no SalesforceConnection is called"),
        ("org: salesforce", "warehouse: defualt", "crm:3 warehouse: no WarehouseConnection is"),
        (
            "fields: [Name]",
            "transform: pipelines.defs.crm.hooks:add_margn",
            "crm:7 objects.Account.transform: pipelines.defs.crm.hooks has no function add_margn",
        ),
        (
            "fields: [Name]",
            "transform: pipelines.nowhere:f",
            "crm:7 objects.Account.transform: pipelines.nowhere can't be imported",
        ),
        ("fields: [Name]", "mask: [Id]", "crm:7 objects.Account.mask: Id, SystemModstamp and"),
        ("Product2:", "account:", "crm:5 objects: Account and account would both be account"),
        ("Product2:", "Product 2:", "crm:9 objects.Product 2: 'Product 2' isn't the API name"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_key(
    defs_folder: DefsFolder, right: str, wrong: str, mistake: str
):
    assert right in SYNC
    defs_folder.write("crm", SYNC.replace(right, wrong).lstrip())

    [said] = defs_folder.mistakes()

    assert said.startswith(mistake)


@pytest.mark.parametrize(
    ("right", "wrong", "meant"),
    [
        ("fields: [Name]", "felds: [Name]", "fields"),
        ("every: day", "every: dayly", "day"),
        ("org: salesforce", "org: salesforse", "salesforce"),
        ("schedule:", "shedule:", "schedule"),
    ],
)
def test_the_right_spelling_is_offered(defs_folder: DefsFolder, right: str, wrong: str, meant: str):
    defs_folder.write("crm", SYNC.replace(right, wrong))

    [said] = defs_folder.mistakes()

    assert said.endswith(f"-> {meant}")


def test_all_mistakes_are_told_at_once(defs_folder: DefsFolder):
    defs_folder.write("crm", SYNC.replace("fields:", "felds:").replace("every:", "evry:"))

    assert len(defs_folder.mistakes()) == 3


def test_two_syncs_of_one_object_are_refused(defs_folder: DefsFolder):
    defs_folder.write("crm", SYNC)
    defs_folder.write("other", SYNC)

    said = defs_folder.mistakes()

    assert any("Account is in the sync crm, too" in one for one in said)


def test_a_flow_that_does_not_exist_is_told(
    defs_folder: DefsFolder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SALESFORCE_LOGIN_URL", "https://example.my.salesforce.com")
    monkeypatch.setenv("SALESFORCE_FLOW", "jwt_barer")

    [said] = defs_folder.mistakes()

    assert "SALESFORCE_FLOW is 'jwt_barer'" in said
    assert "did you mean jwt_bearer" in said


def test_no_secret_is_in_the_definitions(defs_folder: DefsFolder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SALESFORCE_LOGIN_URL", "https://example.my.salesforce.com")
    monkeypatch.setenv("SALESFORCE_CLIENT_SECRET", "hush-hush")

    with defs_folder.load() as defs:
        shown = repr(defs.resources)

    assert "SALESFORCE_CLIENT_SECRET" in shown
    assert "hush-hush" not in shown


def test_two_connections_of_one_name_are_refused(defs_folder: DefsFolder):
    defs_folder.write(
        "eu_org", "type: pipelines.components.SalesforceConnection\nattributes: {name: salesforce}"
    )

    [said] = defs_folder.mistakes()

    assert said == "eu_org:2 name: 'salesforce' is the name of another SalesforceConnection, too"


@pytest.mark.parametrize(
    "component", [SalesforceSync, SalesforceConnection, WarehouseConnection, SalesforceEvents]
)
def test_what_dg_scaffolds_loads_as_it_stands(
    defs_folder: DefsFolder, component: type[dg.Component], tmp_path: Path
):
    with create_defs_folder_sandbox() as sandbox:
        written = sandbox.scaffold_component(component_cls=component, defs_path="second_one")
        defs_folder.write("second_one", (written / "defs.yaml").read_text())

    with defs_folder.load() as defs:
        assert defs.resolve_asset_graph() is not None


def test_what_dagster_shows_can_be_overridden():
    class Renamed(SalesforceSync):
        def get_asset_spec(self, props: SalesforceObjectProps) -> dg.AssetSpec:
            spec = super().get_asset_spec(props)
            return spec.replace_attributes(tags={"stage": props.stage})

    sync = Renamed(org="salesforce", objects={"Account": {"fields": ["Name"]}})
    [_, assets] = inbound_assets(sync.sync(), sync.specs(), sync.get_asset_spec)

    assert {spec.tags["stage"] for spec in assets.specs} == {"extract", "transform", "table"}
