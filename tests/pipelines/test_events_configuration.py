"""What stands in `defs.yaml` of events, and what is said of mistakes in it."""

import re

import dagster as dg
import pytest

from pipelines.components.errors import ConfigurationError
from pipelines.started_jobs import with_started_jobs
from tests.emulator_process import CHECKOUT
from tests.pipelines.conftest import DefsFolder

SYNC = """
type: pipelines.components.SalesforceSync
attributes:
  org: salesforce
  objects:
    Account: {fields: [Name]}
    Order__c: {fields: [Amount__c]}
"""
EVENTS = """
type: pipelines.components.SalesforceEvents
attributes:
  org: salesforce
  change_data_capture: {objects: [Account, Order__c], every_s: 20}
"""


def test_events_become_an_asset_per_object_and_a_sensor(defs_folder: DefsFolder):
    defs_folder.write("crm", SYNC)
    defs_folder.write("live", EVENTS)

    with defs_folder.load() as defs:
        specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
        sensors = {
            one.name: (one.minimum_interval_seconds, one.default_status) for one in defs.sensors
        }

    changes = specs["changes/salesforce/order_c"]
    assert "changes/salesforce/account" in specs
    assert [dep.asset_key.to_user_string() for dep in changes.deps] == ["org/salesforce/Order__c"]
    assert sensors == {"live_sensor": (20, dg.DefaultSensorStatus.STOPPED)}


def test_a_sensor_may_be_on_from_the_start(defs_folder: DefsFolder):
    defs_folder.write("crm", SYNC)
    defs_folder.write("live", EVENTS + "  switched_on: true\n")

    with defs_folder.load() as defs:
        [sensor] = defs.sensors

    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING


def test_an_object_that_no_sync_has_is_named_with_the_nearest(defs_folder: DefsFolder):
    defs_folder.write("crm", SYNC)
    defs_folder.write("live", EVENTS.replace("Order__c", "Orders__c"))

    assert defs_folder.mistakes() == [
        "live:4 change_data_capture.objects.1: no sync of salesforce has Orders__c: its fields and "
        "its table stand there -> Order__c"
    ]


def test_an_object_is_followed_once_per_org(defs_folder: DefsFolder):
    defs_folder.write("crm", SYNC)
    defs_folder.write("live", EVENTS)
    defs_folder.write("more", EVENTS.replace("[Account, Order__c]", "[Account]"))

    assert defs_folder.mistakes() == [
        "more:4 change_data_capture.objects.0: the changes of Account of salesforce are followed "
        "already"
    ]


def test_events_go_to_the_warehouse_of_the_sync(defs_folder: DefsFolder):
    defs_folder.write("crm", SYNC)
    defs_folder.write("live", EVENTS.replace("org: salesforce", "warehouse: lake"))
    defs_folder.write(
        "more", "type: pipelines.components.WarehouseConnection\nattributes: {name: lake}\n"
    )

    assert defs_folder.mistakes()[0].startswith(
        "live:3 warehouse: the sync of Account goes to the warehouse 'default', not 'lake'"
    )


def test_misspelt_settings_are_named(defs_folder: DefsFolder):
    defs_folder.write("crm", SYNC)
    defs_folder.write("live", EVENTS.replace("every_s: 20", "every: 20"))

    assert [mistake.split(":")[1].split(" ")[1] for mistake in defs_folder.mistakes()] == [
        "change_data_capture.every"
    ]


def test_a_history_needs_events(defs_folder: DefsFolder):
    defs_folder.write("crm", SYNC.replace("{fields: [Name]}", "{fields: [Name], history: true}"))

    assert defs_folder.mistakes() == [
        "crm:5 objects.Account.history: no SalesforceEvents of salesforce follows Account: "
        "versions come by its events"
    ]


def test_a_followed_object_may_have_a_history(defs_folder: DefsFolder):
    defs_folder.write("crm", SYNC.replace("{fields: [Name]}", "{fields: [Name], history: true}"))
    defs_folder.write("live", EVENTS)

    with defs_folder.load() as defs:
        assert len(list(defs.sensors)) == 1


# ---- platform events

PLATFORM = """
type: pipelines.components.SalesforceEvents
attributes:
  org: salesforce
  platform_events:
    Order_Event__e: {table: order_events, start_job: orders, when: "Action__c = 'CREATED'"}
    Stock_Event__e:
      table: stock_events
"""
LOAD = """
type: pipelines.components.SalesforceLoad
attributes:
  org: salesforce
  source: {sql: query.sql}
  object: Order__c
  external_id: ERP_Order_Id__c
  fields: {ERP_Order_Id__c: order_no}
"""


def written(defs_folder: DefsFolder, yaml: str = PLATFORM) -> DefsFolder:
    defs_folder.write("crm", SYNC)
    defs_folder.write("orders", LOAD)
    defs_folder.write_file("orders", "query.sql", "SELECT 1 AS order_no")
    defs_folder.write("live", yaml)
    return defs_folder


def start_mistakes(defs_folder: DefsFolder) -> list[str]:
    """What is wrong with the jobs that events start."""
    with defs_folder.load() as defs, pytest.raises(ConfigurationError) as caught:
        with_started_jobs(defs)
    return [
        f"{m.line} {m.key}: {m.problem}" + (f" -> {m.nearest}" if m.nearest else "")
        for m in caught.value.mistakes
    ]


def test_platform_events_become_an_asset_per_table_below_the_event(defs_folder: DefsFolder):
    with written(defs_folder).load() as defs:
        specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
        [sensor] = defs.sensors
        with_started_jobs(defs)

    table = specs["events/salesforce/order_events"]
    assert [dep.asset_key.to_user_string() for dep in table.deps] == [
        "org/salesforce/Order_Event__e"
    ]
    assert (table.group_name, table.kinds) == ("live", {"salesforce", "table", "duckdb"})
    assert "events/salesforce/stock_events" in specs
    assert (sensor.name, sensor.description) == (
        "live_sensor",
        "Follows Order_Event__e, Stock_Event__e.",
    )


def test_changes_and_platform_events_share_a_sensor(defs_folder: DefsFolder):
    both = EVENTS + "  platform_events: {Order_Event__e: {table: order_events}}\n"

    with written(defs_folder, both).load() as defs:
        [sensor] = defs.sensors

    assert sensor.minimum_interval_seconds == 20
    assert sensor.description == "Follows Account, Order__c, Order_Event__e."


@pytest.mark.parametrize(("changes", "wanted_s"), [("", 30), (", every_s: 20", 20)])
def test_how_often_it_is_looked_may_stand_with_the_changes(
    defs_folder: DefsFolder, changes: str, wanted_s: int
):
    own = f"  every_s: 30\n  change_data_capture: {{objects: [Account]{changes}}}\n"

    with written(defs_folder, PLATFORM + own).load() as defs:
        [sensor] = defs.sensors

    assert sensor.minimum_interval_seconds == wanted_s


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        (
            "org: salesforce\n",
            "org: salesfroce\n",
            "live:3 org: no SalesforceConnection is called 'salesfroce'; declared are: salesforce "
            "-> salesforce",
        ),
        (
            "Stock_Event__e",
            "Stock_Event",
            "live:6 platform_events.Stock_Event: 'Stock_Event' isn't the API name of a platform "
            "event, such as Order_Event__e",
        ),
        (
            "table: stock_events",
            "table: order_events",
            "live:7 platform_events.Stock_Event__e.table: salesforce.order_events is the table of "
            "Order_Event__e",
        ),
        (
            "table: stock_events",
            "table: account",
            "live:7 platform_events.Stock_Event__e.table: salesforce.account is the table of "
            "Account",
        ),
        (
            "table: stock_events",
            "table: order_c_changes",
            "live:7 platform_events.Stock_Event__e.table: salesforce.order_c_changes is the table "
            "of Order__c",
        ),
        (
            "      table: stock_events",
            "      {table: order_events, schema: erp}",
            "live:7 platform_events.Stock_Event__e.table: another event of salesforce has a table "
            "called order_events, too",
        ),
        (
            "Stock_Event__e",
            "order_event__e",
            "live:6 platform_events.order_event__e: order_event__e of salesforce is subscribed to "
            "already",
        ),
        (
            "      table: stock_events",
            "      {}",
            "live:6 platform_events.Stock_Event__e: names neither a `table` nor a `start_job`: "
            "nothing would become of it",
        ),
        (
            "      table: stock_events",
            "      {table: stock_events, when: 'true'}",
            "live:6 platform_events.Stock_Event__e: `when` says which events start a job, and "
            "there is no `start_job`",
        ),
        (
            "Action__c = 'CREATED'",
            "Action__c = (SELECT 1)",
            "live:5 platform_events.Order_Event__e.when: 'Action__c = (SELECT 1)' isn't a "
            "condition: it holds more than a row's values: a subquery",
        ),
        (
            "table: stock_events",
            "tabel: stock_events",
            "live:7 platform_events.Stock_Event__e.tabel: there is no such setting; there are "
            "table, schema, naming, start_job, when, runs_at_once, group -> table",
        ),
    ],
)
def test_mistakes_of_platform_events_are_named(
    defs_folder: DefsFolder, old: str, new: str, mistake: str
):
    assert PLATFORM.count(old) == 1

    assert written(defs_folder, PLATFORM.replace(old, new)).mistakes() == [mistake]


def test_an_event_is_subscribed_to_once_per_org(defs_folder: DefsFolder):
    more = PLATFORM.replace("table: order_events, ", "").replace("stock_events", "more_events")
    defs_folder.write("more", more.replace("Stock_Event__e", "More_Event__e"))

    assert written(defs_folder).mistakes() == [
        "more:5 platform_events.Order_Event__e: Order_Event__e of salesforce is subscribed to "
        "already"
    ]


def test_a_job_that_isnt_there_is_named_with_the_nearest(defs_folder: DefsFolder):
    written(defs_folder, PLATFORM.replace("start_job: orders", "start_job: order"))

    [mistake] = start_mistakes(defs_folder)

    assert mistake == (
        "5 platform_events.Order_Event__e.start_job: there is no load or job order; there are "
        "crm_whole, orders, orders_load -> orders"
    )


def test_a_job_of_windows_isnt_started_by_an_event(defs_folder: DefsFolder):
    written(defs_folder, PLATFORM.replace("start_job: orders", "start_job: crm_daily"))
    windows = "{fields: [Name], partitions: {every: day, start: 2026-09-01}}"
    defs_folder.write("crm", SYNC.replace("{fields: [Name]}", windows))

    [mistake] = start_mistakes(defs_folder)

    assert "crm_daily has windows, and an event doesn't say which one to run" in mistake


def test_what_readme_shows_loads_as_it_stands(defs_folder: DefsFolder):
    blocks = re.findall(r"```yaml\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    [shown] = [block for block in blocks if "platform_events:" in block]
    written(defs_folder, shown)
    defs_folder.write("crm", SYNC.replace("  objects:\n", "  objects:\n    Contact: {}\n"))
    defs_folder.write("orders", LOAD.replace("attributes:", "attributes:\n  name: erp_orders"))

    with defs_folder.load() as defs:
        specs = {spec.key.to_user_string() for spec in defs.resolve_all_asset_specs()}
        with_started_jobs(defs)

    assert {"changes/salesforce/contact", "events/salesforce/order_events"} <= specs
