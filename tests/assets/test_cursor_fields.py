"""Objects that lack the field which windows are made of."""

from pathlib import Path

import dagster as dg

from assets.specs import ObjectSpec
from tests.assets.conftest import Harbour, daily, days
from tests.emulator_process import running_org


def test_windows_of_an_object_without_systemmodstamp_are_refused(harbour: Harbour):
    spec = ObjectSpec("AccountHistory", ("Field",), partitions=daily())

    result = harbour.run(spec, days(2), raise_on_error=False)

    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert not result.success
    assert "AccountHistory has no SystemModstamp" in str(failure.event_specific_data)


def test_an_object_without_systemmodstamp_is_read_whole(tmp_path: Path):
    spec = ObjectSpec("AccountHistory", ("AccountId", "Field"))
    with (
        running_org("--seed", "empty", "--rows", "AccountHistory=50") as org,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        harbour = Harbour(org, tmp_path, instance)
        for _ in range(2):
            harbour.run(spec)
            org.advance(60)

        assert [one for (one,) in harbour.rows("account_history", "id")] == (
            org.ids("AccountHistory")
        )
