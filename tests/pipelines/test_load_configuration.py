"""What stands in a load's `defs.yaml`, and what is said of mistakes in it."""

import pytest
from dagster.components.testing import create_defs_folder_sandbox

from pipelines.components import SalesforceLoad
from tests.pipelines.conftest import DefsFolder

LOAD = """
type: pipelines.components.SalesforceLoad
attributes:
  org: salesforce
  source: {warehouse: default, sql: query.sql}
  object: Order__c
  external_id: ERP_Order_Id__c
  operation: upsert
  fields:
    ERP_Order_Id__c: order_no
    Amount__c: amount
    Account__r.ERP_Id__c: customer_no
    Status__c: {column: status, nulls: leave}
  nulls: clear
  fail_above: 0.01
"""

SQL = "SELECT 1 AS order_no, 2 AS amount, 'x' AS customer_no, 'Draft' AS status"


@pytest.fixture
def loads(defs_folder: DefsFolder) -> DefsFolder:
    defs_folder.write("erp_orders", LOAD)
    defs_folder.write_file("erp_orders", "query.sql", SQL)
    return defs_folder


def changed(loads: DefsFolder, old: str, new: str) -> list[str]:
    """The mistakes with a part of the load replaced."""
    assert old in LOAD
    loads.write("erp_orders", LOAD.replace(old, new))
    return loads.mistakes()


def test_a_misspelt_setting_is_named_with_the_right_spelling(loads: DefsFolder):
    [mistake] = changed(loads, "external_id:", "externalid:")

    assert mistake.startswith("erp_orders:6 externalid: there is no such setting")
    assert mistake.endswith("-> external_id")


def test_a_misspelt_choice_is_named_with_the_right_spelling(loads: DefsFolder):
    [mistake] = changed(loads, "operation: upsert", "operation: upsret")

    assert mistake.endswith("-> upsert")


def test_a_misspelt_key_of_one_field_is_named(loads: DefsFolder):
    [mistake] = changed(loads, "nulls: leave}", "nuls: leave}")

    assert mistake.startswith("erp_orders:12 fields.Status__c.nuls: there is no such setting")
    assert mistake.endswith("-> nulls")


def test_an_external_id_that_is_not_mapped_is_named_with_the_nearest_field(loads: DefsFolder):
    [mistake] = changed(loads, "external_id: ERP_Order_Id__c", "external_id: ERP_OrderId__c")

    assert mistake == (
        "erp_orders:6 external_id: is ERP_OrderId__c, which isn't among `fields` -> ERP_Order_Id__c"
    )


def test_a_query_that_is_not_there_is_named_with_the_nearest_file(loads: DefsFolder):
    [mistake] = changed(loads, "sql: query.sql", "sql: qeury.sql")

    assert mistake.endswith("source.sql: there is no file qeury.sql beside it -> query.sql")


def test_a_query_without_a_word_is_refused(loads: DefsFolder):
    loads.write_file("erp_orders", "query.sql", " \n")

    [mistake] = loads.mistakes()

    assert "query.sql is empty" in mistake


@pytest.mark.parametrize("source", ["{}", "{sql: query.sql, asset: salesforce/account}"])
def test_a_source_is_a_query_or_an_asset(loads: DefsFolder, source: str):
    [mistake] = changed(loads, "{warehouse: default, sql: query.sql}", source)

    assert "names either `sql`, a file beside this one, or `asset`" in mistake


def test_what_is_no_field_is_refused(loads: DefsFolder):
    [mistake] = changed(loads, "Account__r.ERP_Id__c:", "Account__r.Owner.Email:")

    assert "'Account__r.Owner.Email' isn't a field" in mistake


def test_a_field_that_is_mapped_twice_in_another_case_is_named(loads: DefsFolder):
    [mistake] = changed(loads, "    Amount__c: amount", "    Amount__c: amount\n    amount__c: x")

    assert "amount__c: is the field Amount__c, which is mapped before" in mistake


@pytest.mark.parametrize("operation", ["update", "delete", "hard_delete"])
def test_what_finds_records_by_id_takes_no_external_id(loads: DefsFolder, operation: str):
    mistakes = changed(loads, "operation: upsert", f"operation: {operation}")

    assert any("which finds records by Id" in mistake for mistake in mistakes)
    assert any("must map Id" in mistake for mistake in mistakes)


def test_an_upsert_without_external_id_is_refused(loads: DefsFolder):
    [mistake] = changed(loads, "  external_id: ERP_Order_Id__c\n", "")

    assert "external_id: is required for an upsert" in mistake


def test_a_connection_that_is_not_declared_is_named(loads: DefsFolder):
    [mistake] = changed(loads, "org: salesforce", "org: saleforce")

    assert mistake.endswith("-> salesforce")


def test_a_load_that_comes_after_one_that_is_not_there_is_refused(loads: DefsFolder):
    [mistake] = changed(loads, "nulls: clear", "nulls: clear\n  order_after: [acounts]")

    assert "order_after: no load is called 'acounts'; there are: none" in mistake


def test_loads_that_wait_for_each_other_are_refused(loads: DefsFolder):
    loads.write("other", LOAD.replace("nulls: clear", "nulls: clear\n  order_after: erp_orders"))
    loads.write_file("other", "query.sql", SQL)

    [mistake] = changed(loads, "nulls: clear", "nulls: clear\n  order_after: [other]")

    assert "leads back to this load" in mistake


def test_two_loads_of_one_name_are_refused(loads: DefsFolder):
    loads.write("other", LOAD.replace("org:", "name: erp_orders\n  org:"))
    loads.write_file("other", "query.sql", SQL)

    [mistake] = loads.mistakes()

    assert "is the name of another load, too" in mistake


def test_a_share_above_one_is_refused(loads: DefsFolder):
    [mistake] = changed(loads, "fail_above: 0.01", "fail_above: 5")

    assert "fail_above: input should be less than or equal to 1" in mistake


def test_the_folder_names_the_load(loads: DefsFolder):
    loads.write("ERP-Orders", LOAD)
    loads.write_file("ERP-Orders", "query.sql", SQL)

    with loads.load() as defs:
        keys = {spec.key.to_user_string() for spec in defs.resolve_all_asset_specs()}

    assert {"outbound/erp_orders", "outbound/ERP_Orders"} <= keys


def test_a_load_becomes_assets_a_job_and_a_schedule_above_its_object(loads: DefsFolder):
    loads.write("erp_orders", LOAD.replace("nulls: clear", 'nulls: clear\n  schedule: "0 3 * * *"'))

    with loads.load() as defs:
        specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
        job = defs.resolve_job_def("erp_orders_load")
        schedules = {schedule.name for schedule in defs.schedules}

    assert set(specs) == {"outbound/erp_orders", "load/erp_orders", "org/salesforce/Order__c"}
    assert {key.to_user_string() for key in job.asset_layer.selected_asset_keys} == {
        "outbound/erp_orders",
        "load/erp_orders",
    }
    assert schedules == {"erp_orders_load_schedule"}


def test_tables_that_a_query_names_and_loads_before_it_are_dependencies(loads: DefsFolder):
    more = LOAD.replace("sql: query.sql", "sql: query.sql, deps: [erp/orders, [a, b]]")
    loads.write("erp_orders", more.replace("nulls: clear", "nulls: clear\n  order_after: accounts"))
    loads.write("accounts", LOAD)
    loads.write_file("accounts", "query.sql", SQL)

    with loads.load() as defs:
        specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}

    def deps(key: str) -> set[str]:
        return {dep.asset_key.to_user_string() for dep in specs[key].deps}

    assert deps("outbound/erp_orders") == {"erp/orders", "a/b"}
    assert deps("load/erp_orders") == {"outbound/erp_orders", "load/accounts"}


def test_an_object_that_a_sync_brings_is_shown_once(loads: DefsFolder):
    loads.write(
        "crm",
        """
        type: pipelines.components.SalesforceSync
        attributes:
          objects: {Order__c: {fields: [Amount__c]}}
        """,
    )

    with loads.load() as defs:
        keys = [spec.key.to_user_string() for spec in defs.resolve_all_asset_specs()]

    assert keys.count("org/salesforce/Order__c") == 1


def test_what_dg_scaffolds_loads_as_it_stands(defs_folder: DefsFolder):
    with create_defs_folder_sandbox() as sandbox:
        written = sandbox.scaffold_component(component_cls=SalesforceLoad, defs_path="scores")
        for name in ("defs.yaml", "query.sql"):
            defs_folder.write_file("scores", name, (written / name).read_text())

    with defs_folder.load() as defs:
        assert defs.resolve_asset_graph() is not None
