"""What is old goes; what somebody works on stays."""

from datetime import UTC, datetime, timedelta

import pytest

from resources.landing.frames import FramesFolder
from resources.landing.janitor import sweep
from resources.landing.ledger import ExtractLedger
from resources.landing.local_store import LocalStore
from resources.landing.object_store import ObjectStore
from tests.resources.landing.crashing_extract import Org, key, steps

NOW = datetime(2026, 9, 20, tzinfo=UTC)


@pytest.fixture(params=["local", "object"])
def store(request, tmp_path):
    return LocalStore(tmp_path) if request.param == "local" else ObjectStore(tmp_path.as_uri())


def extract(store, where, *, days_ago):
    ledger = ExtractLedger(store, now=lambda: NOW - timedelta(days=days_ago))
    return ledger.begin_or_continue(key(where), root_run_id="r", run_id="r")


def test_old_extracts_and_frames_are_deleted_and_young_ones_stay(store):
    for where, days_ago in (("old", 15), ("young", 13)):
        with extract(store, where, days_ago=days_ago) as attempt:
            *_, manifest = steps(Org(), attempt, where)
    for days_ago in (15, 13):
        with FramesFolder(
            store, "00D", "Account", now=lambda age=days_ago: NOW - timedelta(days=age)
        ) as frames:
            frames.write_manifest(())

    swept = sweep(store, older_than=timedelta(days=14), now=NOW)

    assert len(swept.deleted) == 2
    assert swept.bytes > 0
    assert manifest.manifest_id not in swept.deleted
    assert store.exists(manifest.pages[0].path)
    assert store.list(frames.frames_id) == ["frames.json"]
    assert not any(store.list(folder) for folder in swept.deleted)


def test_what_a_live_process_works_on_stays_however_old(store):
    live = extract(store, "live", days_ago=30)

    swept = sweep(store, older_than=timedelta(days=14), now=NOW)

    assert swept.live == (live.attempt,)
    assert store.list(live.attempt) == ["intent.json"]


def test_an_empty_store_is_swept_in_peace(store):
    assert sweep(store, older_than=timedelta(days=14), now=NOW).deleted == ()
