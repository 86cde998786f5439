"""Windows against an org: edits, deletes, late commits, rows that stop matching."""

from dataclasses import replace

import dagster as dg
import pytest

from assets.specs import ObjectSpec
from tests.assets.conftest import Harbour, daily, days

ACCOUNT = ObjectSpec("Account", ("Name", "Industry"), partitions=daily())


def at(ago: int, time: str = "10:00:00") -> str:
    return f"{days(ago)}T{time}Z"


def test_windows_in_any_order_give_the_newest_image(harbour: Harbour):
    [account] = harbour.org.change("Account", create=[{"Name": "old"}], modstamp=at(3))
    harbour.run(ACCOUNT, days(3))
    harbour.org.change("Account", update=[{"Id": account, "Name": "new"}], modstamp=at(1))

    harbour.run(ACCOUNT, days(1))
    harbour.run(ACCOUNT, days(3))

    assert harbour.rows("account", "name") == [("new",)]


def test_a_deleted_record_is_flagged_and_comes_back_when_undeleted(harbour: Harbour):
    [account] = harbour.org.change("Account", create=[{"Name": "A"}], modstamp=at(4))
    harbour.run(ACCOUNT, days(4))
    harbour.org.change("Account", delete=[account], modstamp=at(3))
    harbour.run(ACCOUNT, days(3))
    flagged = harbour.rows("account", "name", where="_deleted")
    harbour.org.change("Account", undelete=[account], modstamp=at(2))
    harbour.run(ACCOUNT, days(2))

    assert flagged == [("A",)]
    assert harbour.rows("account", "name") == [("A",)]


def test_deleted_records_are_removed_if_asked_for(harbour: Harbour):
    spec = replace(ACCOUNT, deletes="remove")
    [account] = harbour.org.change("Account", create=[{"Name": "A"}], modstamp=at(4))
    harbour.run(spec, days(4))
    harbour.org.change("Account", delete=[account], modstamp=at(3))

    harbour.run(spec, days(3))

    assert harbour.query("SELECT count(*) FROM salesforce.account") == [(0,)]


def test_a_row_that_stops_matching_is_removed(harbour: Harbour):
    spec = replace(ACCOUNT, where="Industry = 'Banking'")
    bank, grocer = harbour.org.change(
        "Account",
        create=[{"Name": "bank", "Industry": "Banking"}, {"Name": "shop", "Industry": "Retail"}],
        modstamp=at(4),
    )
    harbour.run(spec, days(4))
    before = harbour.rows("account", "name")
    harbour.org.change(
        "Account",
        update=[{"Id": bank, "Industry": None}, {"Id": grocer, "Industry": "Banking"}],
        modstamp=at(2),
    )

    harbour.run(spec, days(2))

    assert before == [("bank",)]
    assert harbour.rows("account", "name") == [("shop",)]


def test_a_late_commit_is_caught_by_the_next_window(harbour: Harbour):
    harbour.run(ACCOUNT, days(2))
    # Stamped within the window before, visible only now.
    harbour.org.change("Account", create=[{"Name": "late"}], modstamp=at(2, "23:50:00"))

    harbour.run(ACCOUNT, days(1))

    assert harbour.rows("account", "name") == [("late",)]


def test_a_window_that_may_still_get_commits_is_refused(harbour: Harbour):
    harbour.org.set_clock(f"{days(1)}T00:10:00Z")

    with pytest.raises(dg.Failure, match=r"can be read from .* 00:15 UTC on"):
        harbour.run(ACCOUNT, days(2))


def test_the_margin_can_be_set(harbour: Harbour):
    harbour.org.set_clock(f"{days(1)}T00:10:00Z")
    harbour.org.change("Account", create=[{"Name": "A"}], modstamp=at(2))

    harbour.run(replace(ACCOUNT, late_commit_margin_s=300), days(2))

    assert harbour.rows("account", "name") == [("A",)]


def test_a_deliberate_second_run_reads_again(harbour: Harbour):
    [account] = harbour.org.change("Account", create=[{"Name": "A"}], modstamp=at(2))
    harbour.run(ACCOUNT, days(2))
    harbour.org.change("Account", update=[{"Id": account, "Name": "B"}], modstamp=at(2, "11:00:00"))

    harbour.run(ACCOUNT, days(2))

    assert harbour.rows("account", "name") == [("B",)]
