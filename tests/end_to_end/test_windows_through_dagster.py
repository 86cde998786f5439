"""The same as `test_windows_commute`, with runs of the asset instead of the functions below it."""

from collections import Counter
from pathlib import Path

import dagster as dg
import pytest

from tests.assets.conftest import Harbour
from tests.emulator_process import Org
from tests.end_to_end.play import TABLE, play
from tests.end_to_end.scenes import Scene
from tests.end_to_end.test_windows_commute import check_mix
from tests.end_to_end.window_reads import DagsterReads

SEEDS = [1001, 1002]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_windows_through_dagster_give_the_table_of_one_full_load(
    org: Org, tmp_path: Path, record_property
):
    mix = Counter[str]()
    for seed in SEEDS:
        org.reset()
        with dg.DagsterInstance.ephemeral() as instance:

            def through_dagster(
                org: Org, folder: Path, scene: Scene, instance: dg.DagsterInstance = instance
            ) -> DagsterReads:
                return DagsterReads(Harbour(org, folder, instance), scene.spec, TABLE)

            mix += play(seed, org, tmp_path / str(seed), through_dagster)

    record_property("states", check_mix(mix, len(SEEDS)))
