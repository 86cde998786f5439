"""Bugs put into the following of events on purpose: the random histories must catch each."""

from pathlib import Path

import pytest

from tests.end_to_end.checkout import Checkout

# Enough to catch them, in less time.
STEPS = 20
# Whether a bug shows depends on what is killed when: others follow a history that misses it.
HISTORIES = [f"--seed={seed}" for seed in range(6)]
MUTANTS = {
    "a_position_is_committed_before_its_events": (
        "assets",
        "        self.events += len(delivery.events)\n",
        "        self.events += len(delivery.events)\n"
        "        self.writer.keep_position(delivery.replay_id)\n",
        ["--sweep", "--seed=0"],
    ),
    "segments_are_consumed_before_their_changes_are_committed": (
        "assets",
        "        again = read_again(\n",
        "        self._channel.mark_consumed(spec.consumer, stretch.segments[-1].seq)\n"
        "        again = read_again(\n",
        ["--sweep", "--seed=0"],
    ),
    "ids_of_gaps_are_skipped": (
        "assets",
        "    named: list[Any] = pc.unique(lists.flatten()).to_pylist()\n",
        "    gaps = pc.starts_with(table['change_type'].combine_chunks(), GAP)\n"
        "    named: list[Any] = pc.unique(lists.filter(pc.invert(gaps)).flatten()).to_pylist()\n",
        HISTORIES,
    ),
    "changes_too_large_for_events_are_not_read": (
        "assets",
        "    if seen.overflows:\n",
        "    if False:\n",
        HISTORIES,
    ),
    "events_for_all_records_read_none": (
        "assets",
        "    if seen.wildcards:\n",
        "    if False:\n",
        HISTORIES,
    ),
    "histories_miss_what_no_event_names": (
        "resources/warehouse",
        "        if hidden is not None:\n",
        "        if False:\n",
        HISTORIES,
    ),
    "lost_events_are_not_made_good": (
        "assets",
        "    if breaks:\n",
        "    if False:\n",
        HISTORIES,
    ),
    "tables_are_patched_from_events": (
        "resources/warehouse",
        "            merge.apply(run_id, now)\n            if versions:\n",
        "            merge.apply(run_id, now)\n"
        "            for one in log.columns[13:]:\n"
        "                connection.execute(\n"
        "                    f'UPDATE {table.schema}.{table.name} t '\n"
        "                    f'SET {one.name} = n.{one.name} '\n"
        "                    f'FROM temp.incoming_events n WHERE n.id = t.id '\n"
        "                    f'AND n.{one.name} IS NOT NULL'\n"
        "                )\n"
        "            if versions:\n",
        HISTORIES,
    ),
    "a_record_read_before_the_event_is_not_read_again": (
        "assets",
        "        if not ids:\n            return Images((), None, 0)\n",
        "        from pathlib import Path\n"
        "        read = Path(self._spec.object.name + '.read')\n"
        "        known = set(read.read_text().split()) if read.exists() else set()\n"
        "        ids = [one for one in ids if one not in known]\n"
        "        read.write_text(' '.join([*known, *ids]))\n"
        "        if not ids:\n            return Images((), None, 0)\n",
        HISTORIES,
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_bug_in_the_following_of_events_is_caught(tmp_path: Path, mutant: str):
    folder, old, new, arguments = MUTANTS[mutant]
    copy = Checkout(tmp_path / "copy")
    copy.replace(folder, old, new)

    played = copy.run(
        "-m",
        "tests.end_to_end.event_play",
        f"--steps={STEPS}",
        *arguments,
        timeout_s=350,
    )

    assert played.returncode == 1
    assert "wrong row(s)" in played.stderr or "never landed" in played.stderr, played.stderr[-3000:]
