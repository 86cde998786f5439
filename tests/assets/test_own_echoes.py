"""A load's own changes come back as events: they are known as such, and nothing is sent again."""

from typing import Any

import pytest

from assets.load_spec import InboundTable
from assets.specs import ObjectSpec
from tests.assets.changes import Follower
from tests.assets.conftest import Harbour, metadata
from tests.assets.loads import load_spec, put_table, run_outbound
from tests.assets.test_load import BULK, run_load

ORDERS = ObjectSpec("Order__c", ("ERP_Order_Id__c", "Amount__c", "Notes__c"))
BROUGHT = (InboundTable("Order__c", "salesforce"),)
COLUMNS = "order_no VARCHAR, amount DECIMAL(18, 2), note VARCHAR"
UPPER_CASE = """
    SELECT erp_order_id_c AS order_no, amount_c AS amount, upper(notes_c) AS note
    FROM salesforce.order_c WHERE NOT _deleted
"""


@pytest.fixture
def follower(harbour: Harbour) -> Follower:
    harbour.org.control("PUT", "cdc", {"objects": ["Order__c"]})
    return Follower(harbour, ORDERS)


def writes(harbour: Harbour) -> list[tuple[str, str]]:
    """What was asked of the org beyond reading and logging in."""
    asked = [(r["method"], r["path"]) for r in harbour.org.requests_since()]
    return [one for one in asked if one[0] != "GET" and "/data/" in one[1]]


def orders(harbour: Harbour) -> list[tuple[Any, ...]]:
    return harbour.rows("order_c", "erp_order_id_c", "amount_c::DOUBLE", "notes_c")


def sent(harbour: Harbour, **more: Any) -> dict[str, Any]:
    """What a run of the load tells."""
    spec = load_spec(inbound=BROUGHT, **more)
    result = run_load(harbour, spec)
    assert result.success
    return metadata(result, spec.load_key)


@pytest.mark.parametrize("by", [{}, BULK], ids=["collections", "bulk"])
def test_events_of_a_load_are_known_by_their_origin_and_send_nothing(
    harbour: Harbour, follower: Follower, by: dict[str, Any]
):
    harbour.org.create("Order__c", {"ERP_Order_Id__c": "SO-1", "Notes__c": "old"})
    follower.follow()
    put_table(harbour.folder, COLUMNS, ("SO-1", 10.5, "new"), ("SO-2", None, "b"))
    first = sent(harbour, **by)

    told = follower.follow()
    before = writes(harbour)
    again = sent(harbour, **by)
    quiet = follower.follow()

    assert first["tidegate/accepted"] == 2
    assert told["salesforce/own_echoes"] == told["salesforce/events"] == 2
    assert orders(harbour) == [("SO-1", 10.5, "new"), ("SO-2", None, "b")]
    assert (again["tidegate/accepted"], again["tidegate/unchanged"]) == (0, 2)
    assert writes(harbour) == before
    assert quiet["salesforce/events"] == 0


def test_a_load_from_the_table_that_its_events_refresh_ends_after_one_round(
    harbour: Harbour, follower: Follower
):
    harbour.org.create("Order__c", {"ERP_Order_Id__c": "SO-1", "Notes__c": "rush"})
    theirs = follower.follow()
    first = sent(harbour, sql=UPPER_CASE)

    ours = follower.follow()
    second = sent(harbour, sql=UPPER_CASE)

    assert (theirs["salesforce/own_echoes"], ours["salesforce/own_echoes"]) == (0, 1)
    assert orders(harbour) == [("SO-1", None, "RUSH")]
    assert (first["tidegate/accepted"], second["tidegate/accepted"]) == (1, 0)
    assert follower.follow()["salesforce/events"] == 0


def test_someone_elses_change_of_a_loaded_record_is_no_echo_and_is_reported(
    harbour: Harbour, follower: Follower
):
    put_table(harbour.folder, COLUMNS, ("SO-1", 10.5, "ours"))
    sent(harbour)
    follower.follow()
    harbour.org.advance(60)
    [order] = harbour.org.ids("Order__c")
    harbour.org.change("Order__c", update=[{"Id": order, "Notes__c": "theirs"}])

    told = follower.follow()
    left = run_outbound(harbour, load_spec(inbound=BROUGHT))

    assert (told["salesforce/events"], told["salesforce/own_echoes"]) == (1, 0)
    assert orders(harbour) == [("SO-1", 10.5, "theirs")]
    assert (left.rows, left.metadata["tidegate/drifted"]) == ([], 1)
