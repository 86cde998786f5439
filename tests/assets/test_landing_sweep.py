"""The landing store is swept by the steps themselves, once a day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from assets.landing_sweep import LAST_SWEEP, sweep_daily
from assets.specs import ObjectSpec
from resources.landing import paths
from resources.landing.inbox import Inbox
from resources.landing.inbox_segment import RAW_EVENTS
from resources.landing.resource import LandingResource
from resources.landing.store import LandingStore, open_store, write_json
from tests.assets.changes import Follower
from tests.assets.conftest import Harbour, daily, days
from tests.assets.loads import load_spec, put_table
from tests.assets.platform_events import EventFollower, Publisher
from tests.assets.test_load import run_load

NOW = datetime(2026, 9, 20, 2, tzinfo=UTC)
ACCOUNT = ObjectSpec("Account", ("Name",), partitions=daily())


def old_frames(store: LandingStore, begun: datetime) -> str:
    folder = paths.frames_folder("00D", "Account", paths.new_stamp(begun))
    write_json(store, f"{folder}/{paths.FRAMES_MANIFEST}", {})
    return folder


def one_event(received: datetime) -> pa.RecordBatch:
    columns = [[bytes(8)], ["event"], ["schema"], [b"payload"], [received]]
    return pa.RecordBatch.from_pydict(
        dict(zip(RAW_EVENTS.names, columns, strict=True)), schema=RAW_EVENTS
    )


@pytest.fixture
def store(tmp_path: Path) -> LandingStore:
    return open_store(str(tmp_path / "landing"))


def test_a_sweep_happens_once_a_day_and_tells_what_went(store: LandingStore):
    told: list[str] = []

    def sweep(now: datetime) -> None:
        sweep_daily(store, keep_days=7, now=now, report=told.append, warn=told.append)

    first = old_frames(store, NOW - timedelta(days=8))
    sweep(NOW)
    second = old_frames(store, NOW - timedelta(days=8))
    sweep(NOW + timedelta(hours=23))

    assert (store.list(first), store.list(second)) == ([], [paths.FRAMES_MANIFEST])
    assert told == [
        f"Deleted what was older than 7 days in the landing store: 2 bytes, folders {first}"
    ]
    sweep(NOW + timedelta(hours=24))
    assert store.list(second) == []


def test_a_sweep_takes_old_events_that_were_applied_and_no_others(store: LandingStore):
    begun = NOW - timedelta(days=8)
    inbox = Inbox(store, "00D", now=lambda: begun)
    channels = [inbox.channel(f"/data/{name}ChangeEvent") for name in ("Account", "Contact")]
    for channel in channels:
        with channel.try_write() as writer:
            writer.append(one_event(begun), bytes(8))
        channel.mark_consumed("changes", 0)
    channels[0].mark_consumed("changes", channels[0].newest_seq())

    sweep_daily(store, keep_days=7, now=NOW, report=print, warn=pytest.fail)

    assert [channel.hours() for channel in channels] == [[], [f"{begun:%Y%m%dT%H}"]]


def test_a_sweep_that_fails_is_a_warning(tmp_path: Path):
    (tmp_path / "landing").write_text("a file where a folder should be")
    warned: list[str] = []

    sweep_daily(
        open_store(str(tmp_path / "landing")),
        keep_days=7,
        now=NOW,
        report=print,
        warn=warned.append,
    )

    assert len(warned) == 1
    assert "weren't deleted" in warned[0]


def test_a_run_deletes_what_is_older_than_the_setting_and_nothing_of_its_own(harbour: Harbour):
    harbour.org.change("Account", create=[{"Name": "A"}], modstamp=f"{days(2)}T10:00:00Z")
    landing = LandingResource(url=str(harbour.folder / "landing"), keep_days=3)
    harbour.resources["landing"] = landing
    store = landing.open()
    young, old = (old_frames(store, datetime.now(UTC) - timedelta(days=ago)) for ago in (2, 4))

    harbour.run(ACCOUNT, days(2))

    assert (store.list(young), store.list(old)) == ([paths.FRAMES_MANIFEST], [])
    assert store.exists(LAST_SWEEP)
    harbour.run(ACCOUNT, days(2), stages=["transform", "table"])
    assert harbour.rows("account", "name") == [("A",)]


@pytest.mark.parametrize("followed", ["changes", "platform events"])
def test_a_run_that_applies_events_sweeps_too(harbour: Harbour, followed: str):
    landing = LandingResource(url=str(harbour.folder / "landing"), keep_days=3)
    harbour.resources["landing"] = landing
    store = landing.open()
    old = old_frames(store, datetime.now(UTC) - timedelta(days=4))
    if followed == "changes":
        harbour.org.control("PUT", "cdc", {"objects": ["Account"]})
        harbour.org.create("Account", count=1)
        Follower(harbour, ACCOUNT).follow()
    else:
        Publisher(harbour.org).publish("8")
        EventFollower(harbour).follow()

    assert store.list(old) == []
    assert store.exists(LAST_SWEEP)


def test_masked_values_lie_in_raw_events_until_they_are_swept(harbour: Harbour):
    harbour.org.control("PUT", "cdc", {"objects": ["Account"]})
    harbour.org.create("Account", {"Name": "A", "Phone": "0731 1234567"})
    follower = Follower(harbour, replace(ACCOUNT, fields=("Name", "Phone"), mask=("Phone",)))
    follower.follow()
    store = harbour.resources["landing"].open()
    channel = Inbox(store, harbour.org.org_id).channel(follower.specs[0].channel)

    [segment] = channel.segments("nobody")
    [payload] = channel.read(segment).column("payload").to_pylist()
    assert b"0731 1234567" in payload
    sweep_daily(
        store,
        keep_days=7,
        now=datetime.now(UTC) + timedelta(days=7, hours=2),
        report=print,
        warn=pytest.fail,
    )

    assert channel.hours() == []
    kept = [file.read_bytes() for file in harbour.folder.rglob("*") if file.is_file()]
    assert [content for content in kept if b"0731 1234567" in content] == []


def test_a_stage_whose_input_was_swept_says_how_to_get_it_back(harbour: Harbour):
    harbour.org.change("Account", create=[{"Name": "A"}], modstamp=f"{days(2)}T10:00:00Z")
    harbour.run(ACCOUNT, days(2))
    harbour.resources["landing"].open().delete_tree(paths.FRAMES)

    with pytest.raises(
        dg.Failure,
        match=r"keeps files for 7 days\. Materialize extract/salesforce/account and the stages",
    ):
        harbour.run(ACCOUNT, days(2), stages=["table"])


def test_a_load_sweeps_too(harbour: Harbour):
    store = harbour.resources["landing"].open()
    old = old_frames(store, datetime.now(UTC) - timedelta(days=8))
    put_table(harbour.folder, "order_no VARCHAR, amount DECIMAL(9, 2), note VARCHAR")

    assert run_load(harbour, load_spec()).success

    assert store.list(old) == []
