"""What a stretch of change events asks for, told from their headers."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from assets.changes_plan import HEADER, Seen, seen_in

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
OURS = "com/salesforce/api/rest/66.0;client=tidegate"


def batch(*events):
    """Headers of events: Ids, a change type, an origin, seconds after noon."""
    rows = [
        {
            "record_ids": ids,
            "change_type": kind,
            "change_origin": origin,
            "commit_timestamp": NOON + timedelta(seconds=seconds),
        }
        for ids, kind, origin, seconds in events
    ]
    return pa.RecordBatch.from_pylist(rows, schema=HEADER)


def test_nothing_is_seen_in_no_events():
    assert seen_in([], "tidegate") == Seen()
    assert seen_in([batch()], "tidegate") == Seen()


def test_ids_are_named_once_in_the_order_of_their_events():
    seen = seen_in(
        [
            batch((["b", "a"], "UPDATE", OURS, 5), (["c"], "CREATE", None, 9)),
            batch((["a", "d"], "UPDATE", "", 7)),
        ],
        "tidegate",
    )

    assert seen.ids == ("b", "a", "c", "d")
    assert (seen.events, seen.by_type) == (3, {"CREATE": 1, "UPDATE": 2})
    assert seen.last_commit == NOON + timedelta(seconds=9)


def test_what_was_deleted_is_told_by_events_and_gaps():
    seen = seen_in(
        [
            batch((["a", "b"], "DELETE", "", 1), (["c"], "GAP_DELETE", "", 2)),
            batch((["b"], "UNDELETE", "", 3), (["d"], "UPDATE", "", 4)),
        ],
        "tidegate",
    )

    assert seen.deleted == {"a", "b", "c"}
    assert set(seen.ids) == {"a", "b", "c", "d"}


def test_gaps_overflows_and_wildcards_are_counted_and_name_no_record():
    seen = seen_in(
        [
            batch(
                (["a"], "GAP_UPDATE", "", 1),
                (["000000000000000AAA"], "GAP_OVERFLOW", "", 2),
                (["001*", "002*"], "UPDATE", "", 3),
                (["000000000000000AAA"], "GAP_OVERFLOW", "", 4),
            )
        ],
        "tidegate",
    )

    assert (seen.ids, seen.gaps, seen.wildcards) == (("a",), 1, 1)
    assert seen.overflows == (NOON + timedelta(seconds=2), NOON + timedelta(seconds=4))


def test_changes_of_our_own_are_known_by_their_origin():
    others = f"{OURS}2"
    seen = seen_in(
        [
            batch(
                (["a"], "UPDATE", OURS, 1),
                (["b"], "UPDATE", f"{OURS}/", 1),
                (["c"], "UPDATE", others, 1),
                (["d"], "UPDATE", None, 1),
                (["e"], "UPDATE", OURS, 1),
            )
        ],
        "tidegate",
    )

    assert seen.echoes == 3
