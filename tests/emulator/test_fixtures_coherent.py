"""Rows that fixtures write hold together: references, required fields, picklists, timestamps."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import duckdb
import pytest

from emulator.fixtures.base import ADMIN_ID, ADMIN_USERNAME, base_records
from emulator.fixtures.demo import demo
from emulator.fixtures.rows import fill
from emulator.ids import ID_MACRO_SQL, is_valid
from emulator.schema.columns import create_table_sql
from emulator.schema.load import load_schema

NOW = datetime(2026, 9, 20, 12, 0, tzinfo=UTC)
STORED_NOW = NOW.replace(tzinfo=None)
SCHEMA = load_schema()
OBJECTS = [one for one in SCHEMA.objects.values() if one.has_rows]
NAMES = [one.name for one in OBJECTS]
# Rows of these come with the org; `fill` is for what users make.
GIVEN = {"Group", "OpportunityStage", "Organization", "Profile", "RecordType", "UserRole"}
ROWS_PER_OBJECT = 300


def empty_org():
    connection = duckdb.connect(":memory:")
    for sobject in OBJECTS:
        connection.execute(create_table_sql(sobject))
    connection.execute(ID_MACRO_SQL)
    base_records(connection, SCHEMA, NOW)
    return connection


@pytest.fixture(scope="module")
def demo_org():
    with empty_org() as connection:
        demo(connection, SCHEMA, NOW)
        yield connection


@pytest.fixture(scope="module")
def filled_org():
    with empty_org() as connection:
        for name in NAMES:
            if name not in GIVEN:
                fill(connection, SCHEMA, name, ROWS_PER_OBJECT, NOW)
        yield connection


@pytest.fixture(params=["demo", "filled"])
def org(request):
    return request.getfixturevalue(f"{request.param}_org")


def count(connection, sql):
    return connection.execute(f"SELECT count(*) FROM {sql}").fetchall()[0][0]


def column(connection, sql):
    return [row[0] for row in connection.execute(sql).fetchall()]


@pytest.mark.parametrize("name", NAMES)
def test_every_object_has_rows(org, name):
    assert count(org, f'"{name}"') > 0


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_valid_unique_and_of_their_object(org, name):
    ids = column(org, f'SELECT "Id" FROM "{name}"')

    assert len(set(ids)) == len(ids)
    assert all(is_valid(one) and len(one) == 18 for one in ids)
    assert {SCHEMA.by_prefix(one).name for one in ids} == {name}


@pytest.mark.parametrize("name", NAMES)
def test_references_point_to_rows_of_an_object_that_they_may_point_to(org, name):
    sobject = SCHEMA.objects[name]
    for field in sobject.stored_fields:
        if field.type != "reference":
            continue
        targets = [SCHEMA.objects[one] for one in field.reference_to if one in SCHEMA.objects]
        known = " UNION ALL ".join(f'SELECT "Id" FROM "{one.name}"' for one in targets)
        if not targets:
            # Files, licences and the like: objects that the org lacks; it can only hold an Id.
            assert all(
                map(
                    is_valid,
                    column(
                        org, f'SELECT "{field.name}" FROM "{name}" WHERE "{field.name}" IS NOT NULL'
                    ),
                )
            )
            continue
        lost = count(org, f'"{name}" WHERE "{field.name}" NOT IN ({known})')
        assert lost == 0, field.name


@pytest.mark.parametrize("name", NAMES)
def test_fields_that_are_never_null_have_values(org, name):
    for field in SCHEMA.objects[name].stored_fields:
        if not field.nillable:
            assert count(org, f'"{name}" WHERE "{field.name}" IS NULL') == 0, field.name


@pytest.mark.parametrize("name", NAMES)
def test_picklists_hold_values_that_they_offer(org, name):
    for field in SCHEMA.objects[name].stored_fields:
        if field.picklist_values and field.type in ("picklist", "multipicklist"):
            values = column(
                org, f'SELECT DISTINCT unnest(string_split("{field.name}", \';\')) FROM "{name}"'
            )
            assert set(values) <= set(field.picklist_values), field.name


@pytest.mark.parametrize("name", NAMES)
def test_texts_fit_and_are_never_empty(org, name):
    for field in SCHEMA.objects[name].stored_fields:
        if field.length and field.type not in ("id", "reference", "multipicklist"):
            where = f'length("{field.name}") > {field.length} OR "{field.name}" = \'\''
            assert count(org, f'"{name}" WHERE {where}') == 0, field.name


@pytest.mark.parametrize("name", NAMES)
def test_numbers_fit_their_precision_and_scale(org, name):
    for field in SCHEMA.objects[name].stored_fields:
        if field.type in ("double", "currency", "percent"):
            too_fine = f'"{field.name}" <> round("{field.name}", {field.scale})'
            too_large = f'abs("{field.name}") >= 1e{field.precision - field.scale}'
            assert count(org, f'"{name}" WHERE {too_fine} OR {too_large}') == 0, field.name


@pytest.mark.parametrize("name", NAMES)
def test_timestamps_follow_one_another_and_never_lie_ahead(org, name):
    order = ["CreatedDate", "LastModifiedDate", "SystemModstamp"]
    stamps = [f'"{one}"' for one in order if one in SCHEMA.objects[name].fields]

    for earlier, later in pairwise(stamps):
        assert count(org, f'"{name}" WHERE {later} < {earlier}') == 0
    for stamp in stamps:
        assert count(org, f"\"{name}\" WHERE {stamp} > TIMESTAMP '{STORED_NOW}'") == 0
        assert count(org, f"\"{name}\" WHERE {stamp} <> date_trunc('second', {stamp})") == 0


@pytest.mark.parametrize("name", NAMES)
def test_the_hidden_flag_says_what_isdeleted_says(org, name):
    flag = '"IsDeleted"' if "IsDeleted" in SCHEMA.objects[name].fields else "false"

    assert count(org, f'"{name}" WHERE _deleted IS DISTINCT FROM {flag}') == 0


@pytest.mark.parametrize("name", NAMES)
def test_unique_fields_have_no_value_twice(org, name):
    for field in SCHEMA.objects[name].stored_fields:
        if field.unique or field.auto_number:
            values = column(
                org, f'SELECT lower("{field.name}") FROM "{name}" WHERE "{field.name}" IS NOT NULL'
            )
            assert len(set(values)) == len(values), field.name


def test_what_belongs_together_agrees(org):
    contradictions = [
        '"Case" WHERE ("Status" = \'Closed\') <> ("ClosedDate" IS NOT NULL)',
        '"Task" WHERE ("Status" = \'Completed\') <> ("CompletedDateTime" IS NOT NULL)',
        '"Event" WHERE "EndDateTime" <> "StartDateTime" + to_minutes("DurationInMinutes")',
        '"Event" WHERE "ActivityDate" <> CAST("StartDateTime" AS DATE)',
        '"Lead" WHERE "IsConverted" <> ("ConvertedAccountId" IS NOT NULL)',
        '"CampaignMember" WHERE ("LeadId" IS NULL) = ("ContactId" IS NULL)',
        '"Order" WHERE ("Status" = \'Activated\') <> ("ActivatedById" IS NOT NULL)',
        '"Opportunity" o JOIN "OpportunityStage" s ON s."MasterLabel" = o."StageName" '
        'WHERE o."Probability" <> s."DefaultProbability"',
        '"OpportunityLineItem" l JOIN "PricebookEntry" e ON e."Id" = l."PricebookEntryId" '
        'WHERE l."Product2Id" <> e."Product2Id"',
        '(SELECT "OpportunityId" FROM "OpportunityContactRole" WHERE "IsPrimary" '
        "GROUP BY 1 HAVING count(*) > 1)",
        '(SELECT 1 FROM "PricebookEntry" GROUP BY "Pricebook2Id", "Product2Id" '
        "HAVING count(*) > 1)",
        '"Order__c" WHERE ("Sync_Status__c" = \'Failed\') <> ("Sync_Error__c" IS NOT NULL)',
    ]

    assert [one for one in contradictions if count(org, one)] == []


def test_children_of_deleted_rows_are_deleted_with_them(demo_org):
    for parent in OBJECTS:
        for child in parent.children:
            flagged = (
                child.cascade_delete and "IsDeleted" in SCHEMA.objects[child.child_object].fields
            )
            if flagged and "IsDeleted" in parent.fields:
                orphans = count(
                    demo_org,
                    f'"{child.child_object}" c JOIN "{parent.name}" p '
                    f'ON p."Id" = c."{child.field}" '
                    "WHERE p._deleted AND NOT c._deleted",
                )
                assert orphans == 0, child


@pytest.mark.parametrize("name", ["Account", "Contact", "Lead", "Opportunity", "Case", "Order__c"])
def test_the_demo_has_inserts_updates_and_deletes_of_the_last_sixty_days(demo_org, name):
    since = f"TIMESTAMP '{STORED_NOW - timedelta(days=60)}'"
    rows = count(demo_org, f'"{name}"')

    inserted = count(demo_org, f'"{name}" WHERE "CreatedDate" >= {since} AND NOT _deleted')
    updated = count(
        demo_org,
        f'"{name}" WHERE "CreatedDate" < {since} AND "SystemModstamp" >= {since} AND NOT _deleted',
    )
    deleted = count(demo_org, f'"{name}" WHERE "SystemModstamp" >= {since} AND _deleted')

    assert 0.2 * rows < inserted < 0.4 * rows
    assert 0.2 * rows < updated < 0.5 * rows
    assert 0 < deleted < 0.15 * rows


def test_the_demo_holds_some_thousands_of_rows(demo_org):
    assert 5_000 < sum(count(demo_org, f'"{name}"') for name in NAMES) < 20_000


def test_the_org_has_an_admin_who_can_log_in(org):
    row = org.execute(
        'SELECT "Id", "IsActive" FROM "User" WHERE "Username" = ?', [ADMIN_USERNAME]
    ).fetchall()

    assert row == [(ADMIN_ID, True)]
