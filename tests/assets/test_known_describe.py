"""What an object is made of is known from run to run, and asked in the call that reads records."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from assets.known_describe import KEPT_FOR
from assets.specs import ObjectSpec
from tests.assets.changes import Follower
from tests.assets.conftest import Harbour

ACCOUNT = ObjectSpec("Account", ("Name", "*__c"))
REGION = {"Region__c": {"type": "string", "length": 20}}
SIZE = {"Size__c": {"type": "double", "precision": 4, "scale": 1}}


@pytest.fixture
def follower(harbour: Harbour):
    """One run was made, of an object that wasn't changed for a minute."""
    harbour.org.control("PUT", "cdc", {"objects": ["Account"]})
    harbour.org.control("POST", "fields/Account", SIZE)
    harbour.org.advance(60)
    follower = Follower(harbour, ACCOUNT)
    harbour.org.create("Account", {"Name": "A"})
    follower.follow()
    return follower


def kept_file(harbour: Harbour) -> Path:
    [file] = (harbour.folder / "landing" / "describes").rglob("*.json")
    return file


def alter(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def add_secret(document: dict[str, Any]) -> None:
    """A field that the user may not see any more."""
    fields = document["describe"]["fields"]
    [name] = [field for field in fields if field["name"] == "Name"]
    fields.append({**name, "name": "Secret__c", "custom": True, "name_field": False})


def test_a_burst_costs_one_call_when_the_object_is_known(harbour: Harbour, follower: Follower):
    ids = harbour.org.create("Account", count=1_000)

    told = follower.follow()

    assert told["salesforce/api_calls"] == 1
    assert len(harbour.rows("account", "id")) == len(ids) + 1


def test_a_field_that_was_added_is_a_column_of_the_next_run(harbour: Harbour, follower: Follower):
    harbour.org.control("POST", "fields/Account", REGION)
    harbour.org.create("Account", {"Name": "B", "Region__c": "North"})

    told = follower.follow()

    assert harbour.rows("account", "name", "region_c") == [("A", None), ("B", "North")]
    log = "SELECT name, region_c FROM salesforce.account_changes ORDER BY _commit_number"
    assert harbour.query(log) == [("A", None), ("B", "North")]
    # The call that told the change, and the read by what it told.
    assert told["salesforce/api_calls"] == 2
    harbour.org.create("Account", {"Name": "C"})
    harbour.org.advance(60)
    assert follower.follow()["salesforce/api_calls"] in (1, 2)


def test_an_event_that_only_the_new_description_can_read_is_no_failed_try(
    harbour: Harbour, follower: Follower
):
    def be_a_date_an_hour_ago(document: dict[str, Any]) -> None:
        fields = document["describe"]["fields"]
        [size] = [field for field in fields if field["name"] == "Size__c"]
        size["type"] = "date"
        changed = parsedate_to_datetime(document["describe"]["last_modified"])
        document["describe"]["last_modified"] = format_datetime(changed - timedelta(hours=1), True)

    alter(kept_file(harbour), be_a_date_an_hour_ago)
    harbour.org.create("Account", {"Name": "B", "Size__c": 7.5})

    follower.follow()

    assert harbour.rows("account", "name", "size_c") == [("A", None), ("B", Decimal("7.5"))]


def test_a_field_that_was_taken_from_the_user_without_a_word_is_read_no_more(
    harbour: Harbour, follower: Follower
):
    alter(kept_file(harbour), add_secret)
    harbour.org.create("Account", {"Name": "B"})

    follower.follow()

    assert harbour.rows("account", "name") == [("A",), ("B",)]


def test_a_field_that_is_both_new_and_configured_is_found(harbour: Harbour, follower: Follower):
    harbour.org.control("POST", "fields/Account", REGION)
    harbour.org.create("Account", {"Name": "B", "Region__c": "North"})

    follower.with_object(fields=("Name", "Region__c")).follow()

    assert harbour.rows("account", "name", "region_c") == [("A", None), ("B", "North")]


def test_a_read_of_everything_copes_with_a_field_that_was_taken_without_a_word(
    harbour: Harbour, follower: Follower
):
    alter(kept_file(harbour), add_secret)
    harbour.org.faults.add({"event": "overflow"}, object="Account")
    harbour.org.create("Account", {"Name": "B"})

    follower.follow()

    assert harbour.rows("account", "name") == [("A",), ("B",)]


def test_a_sync_and_the_runs_after_it_know_the_same_fields(harbour: Harbour, follower: Follower):
    harbour.org.control("POST", "fields/Account", REGION)
    [account] = harbour.org.create("Account", {"Name": "B", "Region__c": "North"})
    harbour.org.advance(60)
    harbour.run(ACCOUNT)

    harbour.org.change("Account", update=[{"Id": account, "Name": "B2"}])
    told = follower.follow()

    assert harbour.rows("account", "name", "region_c") == [("A", None), ("B2", "North")]
    assert told["salesforce/api_calls"] == 1


def age(document: dict[str, Any]) -> None:
    document["kept_at"] = (datetime.now(UTC) - KEPT_FOR - timedelta(seconds=1)).isoformat()


def date_later(document: dict[str, Any]) -> None:
    document["kept_at"] = (datetime.now(UTC) + timedelta(days=1)).isoformat()


def forget_fields(document: dict[str, Any]) -> None:
    del document["describe"]["fields"]


@pytest.mark.parametrize("change", [age, date_later, forget_fields])
def test_what_is_old_or_in_another_form_is_downloaded_anew(
    harbour: Harbour, follower: Follower, change: Callable[[dict[str, Any]], None]
):
    alter(kept_file(harbour), change)
    harbour.org.create("Account", {"Name": "B"})

    told = follower.follow()

    assert told["salesforce/api_calls"] == 2
    assert harbour.rows("account", "name") == [("A",), ("B",)]


def test_a_read_of_everything_asks_before_it_reads(harbour: Harbour, follower: Follower):
    harbour.org.control("POST", "fields/Account", REGION)
    harbour.org.faults.add({"event": "overflow"}, object="Account")
    harbour.org.create("Account", {"Name": "B", "Region__c": "North"})

    told = follower.follow()

    assert harbour.rows("account", "name", "region_c") == [("A", None), ("B", "North")]
    assert told["salesforce/api_calls"] == 2
