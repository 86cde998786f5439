"""What stands in `defs.yaml` of events, and what is said of mistakes in it."""

import dagster as dg

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
    defs_folder.write("live", EVENTS.replace("every_s: 20", "switched_on: true"))

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
