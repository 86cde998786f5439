"""What a load sends, what it records of each row, and what it tells Dagster."""

import json
from typing import Any

import dagster as dg
import pytest

from assets.errors import MissingInputError
from assets.extract import RunIds
from assets.load import load_asset
from assets.load_run import LoadPlaces, send
from assets.load_spec import LoadSpec
from assets.newest_manifests import MANIFEST
from assets.outbound import outbound_asset
from tests.assets.conftest import Harbour, metadata
from tests.assets.loads import load_spec, put_table, run_outbound

COLUMNS = "order_no VARCHAR, amount DECIMAL(18, 2), note VARCHAR, status VARCHAR, customer VARCHAR"
WITH_PARENT = {
    "ERP_Order_Id__c": "order_no",
    "Notes__c": "note",
    "Status__c": "status",
    "Account__r.ERP_Id__c": "customer",
}
BULK = {"small_load_rows": 0}


def run_load(
    harbour: Harbour,
    spec: LoadSpec,
    stages: tuple[str, ...] = ("outbound", "load"),
    part_rows: int = 3,
    **config: Any,
) -> dg.ExecuteInProcessResult:
    """Materialize stages of a load; a failure is in the result."""
    assets = {"outbound": outbound_asset(spec), "load": load_asset(spec, part_rows=part_rows)}
    return dg.materialize(
        list(assets.values()),
        instance=harbour.instance,
        resources=harbour.resources,
        selection=dg.AssetSelection.assets(*(assets[stage].key for stage in stages)),
        run_config={"ops": {spec.outbound_step: {"config": config}}} if config else None,
        raise_on_error=False,
    )


def failure_of(result: dg.ExecuteInProcessResult) -> tuple[str, dict[str, Any]]:
    """Why the load failed, and its metadata."""
    [event] = [e for e in result.all_events if e.event_type == dg.DagsterEventType.STEP_FAILURE]
    data = event.step_failure_data.user_failure_data
    assert data is not None, event.step_failure_data.error
    return str(data.description), {name: value.value for name, value in data.metadata.items()}


def outcomes(harbour: Harbour) -> list[tuple[Any, ...]]:
    return harbour.query(
        "SELECT key, outcome, created, error_code FROM _tidegate.load_outcomes "
        "ORDER BY sent_at, _attempt, key"
    )


def refusals(harbour: Harbour) -> list[tuple[Any, ...]]:
    return harbour.query(
        "SELECT error_code, error_message, error_fields, payload FROM _tidegate.load_outcomes "
        "WHERE outcome = 'failed' ORDER BY key"
    )


def notes(harbour: Harbour) -> dict[str, str | None]:
    """What the org holds, by the orders' numbers."""
    rows = harbour.org.rows("Order__c", "ERP_Order_Id__c", "Notes__c")
    return {row["ERP_Order_Id__c"]: row["Notes__c"] for row in rows}


def put_orders(harbour: Harbour, *rows: tuple[str, str | None]) -> None:
    put_table(harbour.folder, COLUMNS, *((no, None, note, None, None) for no, note in rows))


def calls(harbour: Harbour, method: str, path: str) -> int:
    asked = harbour.org.requests_since()
    return sum(r["method"] == method and path in r["path"] for r in asked)


@pytest.mark.parametrize("more", [{}, BULK], ids=["collections", "bulk"])
def test_rows_are_created_and_updated_and_each_outcome_is_kept(harbour: Harbour, more):
    harbour.org.create("Order__c", {"ERP_Order_Id__c": "SO-1", "Notes__c": "old"})
    put_orders(harbour, ("SO-1", "new"), ("SO-2", None), ("SO-3", "NULL"))

    result = run_load(harbour, load_spec(**more))

    assert result.success
    assert notes(harbour) == {"SO-1": "new", "SO-2": None, "SO-3": "NULL"}
    assert outcomes(harbour) == [
        ("SO-1", "accepted", False, None),
        ("SO-2", "accepted", True, None),
        ("SO-3", "accepted", True, None),
    ]
    said = metadata(result, load_spec().load_key)
    names = ("accepted", "created", "failed", "unprocessed", "unchanged")
    assert {name: said[f"tidegate/{name}"] for name in names} == {
        "accepted": 3,
        "created": 2,
        "failed": 0,
        "unprocessed": 0,
        "unchanged": 0,
    }
    assert ("salesforce/job" in said) == bool(more)


def test_only_rows_that_changed_are_sent_again(harbour: Harbour):
    put_orders(harbour, ("SO-1", "a"), ("SO-2", "b"))
    run_load(harbour, load_spec())
    put_orders(harbour, ("SO-1", "a"), ("SO-2", "changed"))

    result = run_load(harbour, load_spec())

    said = metadata(result, load_spec().load_key)
    assert (said["tidegate/accepted"], said["tidegate/unchanged"]) == (1, 1)
    assert notes(harbour) == {"SO-1": "a", "SO-2": "changed"}


@pytest.mark.parametrize("more", [{}, BULK], ids=["collections", "bulk"])
def test_nothing_to_send_costs_no_call_and_is_green(harbour: Harbour, more):
    put_orders(harbour)

    result = run_load(harbour, load_spec(**more))

    assert result.success
    assert metadata(result, load_spec().load_key)["salesforce/api_calls"] == 0
    assert calls(harbour, "POST", "/jobs/ingest") == 0


@pytest.mark.parametrize("more", [{}, BULK], ids=["collections", "bulk"])
def test_rows_that_fail_turn_the_run_red_when_all_is_recorded(harbour: Harbour, more):
    harbour.org.create("Account", {"Name": "A", "ERP_Id__c": "C-1"})
    put_table(
        harbour.folder,
        COLUMNS,
        ("SO-1", None, "good", None, "C-1"),
        ("SO-2", None, "no such customer", None, "C-404"),
        ("SO-3", None, "n" * 4_001, None, "C-1"),
        ("SO-4", None, "good", None, None),
    )

    result = run_load(harbour, load_spec(WITH_PARENT, **more))

    text, said = failure_of(result)
    assert "2 of 4 rows weren't accepted" in text
    assert (said["tidegate/accepted"], said["tidegate/failed"]) == (2, 2)
    assert sum(said["tidegate/error_codes"].values()) == 2
    assert notes(harbour) == {"SO-1": "good", "SO-4": "good"}
    kept = harbour.query(
        "SELECT key, payload FROM _tidegate.load_outcomes WHERE outcome = 'failed' ORDER BY key"
    )
    assert [key for key, _ in kept] == ["SO-2", "SO-3"]
    assert json.loads(kept[0][1])["Account__r.ERP_Id__c"] == "C-404"


def test_as_many_failures_as_allowed_leave_the_run_green(harbour: Harbour):
    rows = [(f"SO-{n}", None, "x", None, None if n else "C-404") for n in range(4)]
    put_table(harbour.folder, COLUMNS, *rows)

    result = run_load(harbour, load_spec(WITH_PARENT, fail_above=0.25))

    assert result.success
    said = metadata(result, load_spec().load_key)
    assert (said["tidegate/accepted"], said["tidegate/failed"]) == (3, 1)


def test_a_replay_sends_exactly_the_rows_that_were_not_accepted(harbour: Harbour):
    put_table(
        harbour.folder,
        COLUMNS,
        ("SO-1", None, "good", None, None),
        ("SO-2", None, "waits for its customer", None, "C-2"),
    )
    spec = load_spec(WITH_PARENT)
    assert not run_load(harbour, spec).success
    harbour.org.create("Account", {"Name": "A", "ERP_Id__c": "C-2"})

    result = run_load(harbour, spec, replay="failed")

    assert metadata(result, spec.load_key)["tidegate/accepted"] == 1
    assert notes(harbour) == {"SO-1": "good", "SO-2": "waits for its customer"}
    assert harbour.query("SELECT count(*) FROM _tidegate.load_outcomes WHERE key = 'SO-1'") == [
        (1,)
    ]


def test_a_replay_as_sent_sends_what_was_kept_although_the_source_has_changed(harbour: Harbour):
    put_table(harbour.folder, COLUMNS, ("SO-2", None, "as it was", None, "C-2"))
    spec = load_spec(WITH_PARENT)
    run_load(harbour, spec)
    harbour.org.create("Account", {"Name": "A", "ERP_Id__c": "C-2"})
    put_table(harbour.folder, COLUMNS, ("SO-2", None, "as it is now", None, "C-2"))

    run_load(harbour, spec, replay="all", as_sent=True)

    assert notes(harbour) == {"SO-2": "as it was"}


def test_a_replay_as_sent_sends_no_row_that_was_refused(harbour: Harbour):
    # In an upload the text #N/A empties the field.
    spec = load_spec(**BULK)
    put_orders(harbour, ("SO-1", "keep me"))
    assert run_load(harbour, spec).success
    put_orders(harbour, ("SO-1", "#N/A"), ("SO-2", "n" * 4_001))
    assert not run_load(harbour, spec).success
    refused = refusals(harbour)

    _, said = failure_of(run_load(harbour, spec, replay="all", as_sent=True))

    assert (said["tidegate/accepted"], said["tidegate/failed"]) == (0, 2)
    assert notes(harbour) == {"SO-1": "keep me"}
    assert [row[0] for row in refused] == ["TIDEGATE_NULL_MARKER", "TIDEGATE_TOO_LONG"]
    assert refusals(harbour) == [row for row in refused for _ in range(2)]


def test_rows_of_a_job_that_fails_half_way_are_kept_as_unprocessed(harbour: Harbour):
    put_orders(harbour, *((f"SO-{n}", "x") for n in range(10)))
    harbour.org.faults.add({"job": "fail", "done_share": 0.4}, path="*/jobs/ingest")

    result = run_load(harbour, load_spec(**BULK), part_rows=10)

    _, said = failure_of(result)
    assert said["tidegate/accepted"] + said["tidegate/unprocessed"] == 10
    assert len(notes(harbour)) == said["tidegate/accepted"] < 10
    [(messages,)] = harbour.query(
        "SELECT count(error_message) FROM _tidegate.load_outcomes WHERE outcome = 'unprocessed'"
    )
    assert messages == said["tidegate/unprocessed"]


@pytest.mark.parametrize("more", [{}, BULK], ids=["collections", "bulk"])
def test_rows_that_met_a_lock_are_sent_again_until_they_are_accepted(harbour: Harbour, more):
    harbour.org.create("Account", {"Name": "A", "ERP_Id__c": "C-1"})
    rows = [(f"SO-{n}", None, "x", None, "C-1") for n in range(12)]
    put_table(harbour.folder, COLUMNS, *rows)
    harbour.org.control("PUT", "bulk", {"batch_rows": 4})
    harbour.org.faults.add({"lock": 1}, object="Order__c")

    result = run_load(harbour, load_spec(WITH_PARENT, **more), part_rows=12)

    said = metadata(result, load_spec().load_key)
    assert (said["tidegate/accepted"], said["tidegate/failed"]) == (12, 0)
    assert said["tidegate/rounds"] > 1
    assert len(outcomes(harbour)) == 12


@pytest.mark.slow
def test_rows_that_meet_a_lock_each_time_fail_in_the_end(harbour: Harbour):
    put_orders(harbour, ("SO-1", "x"))
    harbour.org.faults.add({"lock": 1}, times=1_000, object="Order__c")

    _, said = failure_of(run_load(harbour, load_spec()))

    assert said["tidegate/error_codes"] == {"UNABLE_TO_LOCK_ROW": 1}
    assert outcomes(harbour) == [("SO-1", "failed", None, "UNABLE_TO_LOCK_ROW")]


def test_who_was_created_is_right_although_the_answer_was_lost(harbour: Harbour):
    harbour.org.create("Order__c", {"ERP_Order_Id__c": "SO-1", "Notes__c": "old"})
    harbour.org.advance(60)
    put_orders(harbour, ("SO-1", "new"), ("SO-2", "new"))
    harbour.org.faults.cut_connection("*/composite/sobjects/*", 5)

    run_load(harbour, load_spec())

    assert outcomes(harbour) == [
        ("SO-1", "accepted", False, None),
        ("SO-2", "accepted", True, None),
    ]


def test_a_broken_upload_gets_another_job_and_nothing_is_doubled(harbour: Harbour):
    spec = load_spec({"Notes__c": "note"}, operation="insert", external_id=None)
    put_orders(harbour, ("SO-1", "same"), ("SO-2", "same"))
    harbour.org.faults.answer(504, [], path="*/batches", method="PUT")

    result = run_load(harbour, spec)

    assert result.success
    assert calls(harbour, "POST", "/jobs/ingest") == 2
    assert [row["Notes__c"] for row in harbour.org.rows("Order__c", "Notes__c")] == ["same"] * 2
    assert [(outcome, created) for _, outcome, created, _ in outcomes(harbour)] == [
        ("accepted", True)
    ] * 2


def test_a_close_whose_answer_is_lost_is_not_repeated_by_another_job(harbour: Harbour):
    spec = load_spec({"Notes__c": "note"}, operation="insert", external_id=None)
    put_orders(harbour, ("SO-1", "x"))
    harbour.org.faults.cut_connection("*/jobs/ingest/*", 5, method="PATCH")

    result = run_load(harbour, spec)

    assert result.success
    assert calls(harbour, "POST", "/jobs/ingest") == 1
    assert len(harbour.org.rows("Order__c")) == 1


def test_a_load_that_broke_off_is_gone_on_with_and_nothing_is_doubled(harbour: Harbour):
    spec = load_spec({"Notes__c": "note"}, operation="insert", external_id=None)
    put_orders(harbour, *((f"SO-{n}", f"note {n}") for n in range(9)))
    body = [{"errorCode": "UNKNOWN_EXCEPTION", "message": "An unexpected error occurred"}]
    harbour.org.faults.answer(500, body, times=50, after=1, path="*/batches", method="PUT")
    broken, _ = failure_of(run_load(harbour, spec, part_rows=1))
    harbour.org.faults.clear()

    result = run_load(harbour, spec, stages=("load",), part_rows=1)

    assert "UNKNOWN_EXCEPTION" in broken
    assert metadata(result, spec.load_key)["tidegate/accepted"] == 9
    found = [row["Notes__c"] for row in harbour.org.rows("Order__c", "Notes__c")]
    assert sorted(found) == [f"note {n}" for n in range(9)]


def test_what_a_broken_off_run_sent_is_settled_before_rows_are_computed_anew(harbour: Harbour):
    spec = load_spec({"Notes__c": "note"}, operation="insert", external_id=None)
    put_orders(harbour, *((f"SO-{n}", f"note {n}") for n in range(5)))
    harbour.org.faults.answer(500, [], times=50, path="*/failedResults*", method="GET")
    assert not run_load(harbour, spec, part_rows=2).success
    harbour.org.faults.clear()

    result = run_load(harbour, spec, part_rows=2)

    assert result.success
    assert [outcome for _, outcome, _, _ in outcomes(harbour)] == ["accepted"] * 5
    found = [row["Notes__c"] for row in harbour.org.rows("Order__c", "Notes__c")]
    assert sorted(found) == [f"note {n}" for n in range(5)]


def test_a_manifest_is_sent_once_however_often_the_load_is_run_alone(harbour: Harbour):
    put_orders(harbour, ("SO-1", "x"))
    run_load(harbour, load_spec())
    sent = calls(harbour, "PATCH", "/composite/sobjects")

    result = run_load(harbour, load_spec(), stages=("load",))

    said = metadata(result, load_spec().load_key)
    assert (said["tidegate/accepted"], said["salesforce/api_calls"]) == (1, 0)
    assert calls(harbour, "PATCH", "/composite/sobjects") == sent == 1


@pytest.mark.parametrize("overtaken", [0, 1], ids=["the first", "the second"])
def test_of_two_runs_that_worked_out_the_same_rows_one_sends_them(harbour: Harbour, overtaken: int):
    spec = load_spec({"Notes__c": "note"}, operation="insert", external_id=None)
    put_orders(harbour, ("SO-1", "x"), ("SO-2", "y"))
    left = [str(run_outbound(harbour, spec).metadata[MANIFEST]) for _ in range(2)]
    store = harbour.resources["landing"].open()
    warehouse = harbour.resources["warehouse_default"].connect(print)
    with harbour.resources["org_salesforce"].connect() as client:
        places = LoadPlaces(store, warehouse, client)
        send(spec, places, left[1 - overtaken], RunIds("A", "A"), print)

        with pytest.raises(MissingInputError, match="another run began to send the load orders"):
            send(spec, places, left[overtaken], RunIds("B", "B"), print)

    assert run_load(harbour, spec).success
    assert sorted(row["Notes__c"] for row in harbour.org.rows("Order__c", "Notes__c")) == ["x", "y"]


def test_a_load_alone_says_what_it_starts_from(harbour: Harbour):
    text, _ = failure_of(run_load(harbour, load_spec(), stages=("load",)))

    assert "outbound/orders" in text


@pytest.mark.parametrize("operation", ["delete", "hard_delete"])
def test_deleted_rows_are_forgotten(harbour: Harbour, operation):
    ids = harbour.org.create("Order__c", {"Notes__c": "a"}, {"Notes__c": "b"})
    put_table(harbour.folder, "id VARCHAR", (ids[0],))
    spec = load_spec({"Id": "id"}, operation=operation, external_id=None)

    result = run_load(harbour, spec)

    assert metadata(result, spec.load_key)["tidegate/accepted"] == 1
    assert harbour.org.ids("Order__c") == [ids[1]]
    assert harbour.query("SELECT count(*) FROM _tidegate.load_state") == [(0,)]


def test_the_rows_of_one_org_are_not_sent_to_another(harbour: Harbour, tmp_path):
    put_orders(harbour, ("SO-1", "x"))
    run_load(harbour, load_spec(), stages=("outbound",))
    [manifest] = (harbour.folder / "landing").rglob("frames.json")
    manifest.write_text(manifest.read_text().replace(harbour.org.org_id, "00D000000000000XXX"))

    text, _ = failure_of(run_load(harbour, load_spec(), stages=("load",)))

    assert "00D000000000000XXX" in text
    assert harbour.org.rows("Order__c") == []
