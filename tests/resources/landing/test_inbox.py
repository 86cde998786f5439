"""Events and position land together; what a kill leaves is read again, never skipped."""

import os
import pickle
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.landing.errors import FormatError, LostLeaseError
from resources.landing.inbox import Inbox
from resources.landing.inbox_janitor import sweep_inbox
from resources.landing.inbox_segment import RAW_EVENTS
from resources.landing.local_store import LocalStore
from resources.landing.object_store import ObjectStore

ORG = "00D000000000001AAA"
CHANNEL = "/data/AccountChangeEvent"
NOW = datetime(2026, 9, 1, 2, 30, tzinfo=UTC)
EXAMPLES = settings(max_examples=int(os.environ.get("TIDEGATE_EXAMPLES", "60")), deadline=None)


def events(*numbers):
    """Events whose replay ids are their numbers."""
    columns = [
        [position(n) for n in numbers],
        [f"event-{n}" for n in numbers],
        ["schema"] * len(numbers),
        [b"payload %d" % n for n in numbers],
        [NOW] * len(numbers),
    ]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, RAW_EVENTS, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=RAW_EVENTS)


def position(number):
    return number.to_bytes(8, "big")


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path):
    return (
        LocalStore(tmp_path) if request.param == "local" else ObjectStore(f"memory://{uuid4().hex}")
    )


@pytest.fixture
def inbox(store):
    return Inbox(store, ORG, now=lambda: NOW)


def read(inbox, consumer="changes", after=None):
    """Replay ids that a consumer would see now, as numbers."""
    channel = inbox.channel(CHANNEL)
    return [
        int.from_bytes(replay_id, "big")
        for segment in channel.segments(consumer, after)
        for replay_id in channel.read(segment)["replay_id"].to_pylist()
    ]


def test_events_are_read_as_they_landed(inbox):
    with inbox.channel(CHANNEL).try_write() as writer:
        writer.append(events(1, 2), position(2))
        writer.append(events(3), position(3))

    channel = inbox.channel(CHANNEL)
    first, second = channel.segments("changes")
    assert channel.read(first).equals(events(1, 2))
    assert (first.seq, first.events, second.position) == (1, 2, position(3))
    assert inbox.channels() == [CHANNEL]


def test_draining_goes_on_behind_the_last_event_or_sign_of_life(inbox):
    channel = inbox.channel(CHANNEL)
    assert channel.position() is None
    with channel.try_write() as writer:
        writer.append(events(1), position(1))
        assert channel.position() == position(1)
        writer.keep_position(position(7))
        assert channel.position() == position(7)
        writer.append(events(8), position(8))

    assert channel.position() == position(8)
    with channel.try_write() as writer:
        assert writer.position == position(8)


def test_signs_of_life_make_one_file_however_many_they_are(inbox, store):
    with inbox.channel(CHANNEL).try_write() as writer:
        for number in range(50):
            writer.keep_position(position(number))

    assert store.list(inbox.channel(CHANNEL).folder) == ["position.json"]
    assert inbox.channel(CHANNEL).position() == position(49)
    assert inbox.channel(CHANNEL).newest_seq() == 0


def test_a_consumer_reads_what_it_is_not_done_with(inbox):
    channel = inbox.channel(CHANNEL)
    with channel.try_write() as writer:
        for number in range(1, 6):
            writer.append(events(number), position(number))

    channel.mark_consumed("changes", 2)
    channel.mark_consumed("changes", 1)

    assert read(inbox) == [3, 4, 5]
    assert read(inbox, "jobs") == [1, 2, 3, 4, 5]
    assert read(inbox, after=position(4)) == [5]
    assert read(inbox, after=b"unknown") == [3, 4, 5]


def test_a_break_is_seen_by_consumers_and_draining_begins_at_the_earliest(inbox):
    channel = inbox.channel(CHANNEL)
    with channel.try_write() as writer:
        writer.append(events(1), position(1))
        writer.keep_position(position(2))
        writer.mark_break("replayid.corrupted")

    assert channel.position() is None
    _, mark = channel.segments("changes")
    assert (mark.events, mark.break_reason) == (0, "replayid.corrupted")
    assert channel.read(mark).num_rows == 0


def test_one_process_drains_a_channel_and_any_other_channel_is_free(inbox):
    with inbox.channel(CHANNEL).try_write() as writer:
        assert writer is not None
        assert inbox.channel(CHANNEL).try_write() is None
        assert inbox.channel(CHANNEL).is_drained()
        assert inbox.channel("/data/ContactChangeEvent").try_write() is not None

    assert not inbox.channel(CHANNEL).is_drained()
    assert inbox.channel(CHANNEL).try_write() is not None


def test_a_writer_whose_lease_was_taken_over_writes_nothing():
    store = ObjectStore(f"memory://{uuid4().hex}", lease_s=0.0)
    channel = Inbox(store, ORG).channel(CHANNEL)
    late = channel.try_write(renew_each_s=0.0)
    next_one = channel.try_write()
    next_one.append(events(1), position(1))

    with pytest.raises(LostLeaseError):
        late.append(events(9), position(9))

    assert channel.position() == position(1)


def test_schemas_are_kept_once_and_their_ids_are_no_paths(inbox, store):
    for schema_id in ("K98aAtiNFBjA-PJlcvaQ2g", "../../../etc/x", ".hidden"):
        assert inbox.schema(schema_id) is None
        inbox.keep_schema(schema_id, f'{{"name": "{schema_id}"}}')
        assert inbox.schema(schema_id) == f'{{"name": "{schema_id}"}}'

    assert len(store.list(f"inbox/{ORG}/schemas")) == 3


@pytest.mark.parametrize("name", ["data/X", "/data/X/Y", "/data/../X", "/other/X", "/data/"])
def test_what_is_no_channel_is_refused(inbox, name):
    with pytest.raises(ValueError, match="isn't of the form"):
        inbox.channel(name)


def test_a_file_that_is_no_segment_is_named(inbox, store):
    with inbox.channel(CHANNEL).try_write() as writer:
        writer.append(events(1), position(1))
    (segment,) = inbox.channel(CHANNEL).segments("changes")
    with store.create(segment.path) as file:
        file.write(b"not Arrow")

    with pytest.raises(FormatError, match="Arrow"):
        inbox.channel(CHANNEL).segments("changes")


def test_a_clock_that_goes_back_does_not_bring_segments_out_of_order(store):
    moments = [NOW, NOW - timedelta(hours=3), NOW + timedelta(hours=1)]
    clock = iter(moment for moment in moments for _ in range(1))
    with Inbox(store, ORG, now=lambda: next(clock)).channel(CHANNEL).try_write() as writer:
        for number in range(1, 4):
            writer.append(events(number), position(number))

    assert read(Inbox(store, ORG)) == [1, 2, 3]


def test_the_janitor_takes_what_is_old_and_consumed_only(store):
    days = [NOW, NOW + timedelta(days=1), NOW + timedelta(days=9)]
    for number, moment in enumerate(days, 1):
        with Inbox(store, ORG, now=lambda m=moment: m).channel(CHANNEL).try_write() as writer:
            writer.append(events(number), position(number))
    inbox, keep, now = Inbox(store, ORG), timedelta(days=7), days[2]
    assert sweep_inbox(store, older_than=keep, now=now).deleted == ()

    inbox.channel(CHANNEL).mark_consumed("jobs", 3)
    inbox.channel(CHANNEL).mark_consumed("changes", 1)
    swept = sweep_inbox(store, older_than=keep, now=now)

    assert len(swept.deleted) == 1
    assert swept.bytes > 0
    assert read(inbox) == [2, 3]


def test_the_janitor_keeps_what_a_consumer_has_never_been_done_with(inbox, store):
    channel = inbox.channel(CHANNEL)
    channel.expect("starts")
    with channel.try_write() as writer:
        writer.append(events(1), position(1))
    channel.mark_consumed("changes", 1)
    channel.expect("changes")

    swept = sweep_inbox(store, older_than=timedelta(days=7), now=NOW + timedelta(days=30))

    assert swept.deleted == ()
    assert read(inbox, "starts") == [1]
    assert read(inbox, "changes") == []


def test_a_channel_is_free_after_its_writer_could_not_begin(tmp_path):
    store = LocalStore(tmp_path)
    channel = Inbox(store, ORG, now=lambda: NOW).channel(CHANNEL)
    with channel.try_write() as writer:
        writer.keep_position(position(1))
    [file] = tmp_path.rglob("position.json")
    kept = file.read_bytes()
    file.write_text("{")
    with pytest.raises(FormatError, match="restore it"):
        channel.try_write()

    file.write_bytes(kept)

    assert channel.try_write() is not None


def test_position_and_number_outlive_the_last_segment(inbox, store):
    channel = inbox.channel(CHANNEL)
    with channel.try_write() as writer:
        writer.append(events(1), position(1))
        channel.mark_consumed("changes", 1)
        late = NOW + timedelta(days=30)
        assert sweep_inbox(store, older_than=timedelta(days=7), now=late).deleted == ()

    swept = sweep_inbox(store, older_than=timedelta(days=7), now=late)

    assert len(swept.deleted) == 1
    assert channel.hours() == []
    assert channel.position() == position(1)
    with channel.try_write() as writer:
        assert writer.append(events(2), position(2)) == 2
    assert read(inbox) == [2]


class KilledError(BaseException):
    """The process ends here; nothing of it is cleaned up."""


class KillingStore(ObjectStore):
    """Ends the process before or after the n-th file that is created."""

    def __init__(self, url, kill_at, after):
        super().__init__(url, lease_s=0.0)
        self.left, self.after = kill_at, after

    def create(self, path):
        self.left -= 1
        if self.left == 0 and not self.after:
            raise KilledError
        created = super().create(path)
        return _Killing(created) if self.left == 0 else created


class _Killing:
    def __init__(self, created):
        self.created = created

    def __enter__(self):
        return self.created.__enter__()

    def __exit__(self, *error):
        self.created.__exit__(*error)
        raise KilledError


STREAM = 12
kills = st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=6)


def drain_once(store, step):
    """What a drain does: from its position on, batches and signs of life, to the end."""
    with Inbox(store, ORG, now=lambda: NOW).channel(CHANNEL).try_write() as writer:
        at = int.from_bytes(writer.position, "big") if writer.position else 0
        while at < STREAM:
            batch = list(range(at + 1, min(at + step, STREAM) + 1))
            # Odd numbers are events of ours; others exist for the position only.
            ours = [number for number in batch if number % 2]
            at = batch[-1]
            if ours:
                writer.append(events(*ours), position(at))
            else:
                writer.keep_position(position(at))


def consume_once(store, warehouse):
    """What a consumer does: apply with its position in one transaction, then say so."""
    inbox = Inbox(store, ORG)
    channel = inbox.channel(CHANNEL)
    for segment in channel.segments("changes", warehouse["position"]):
        rows = channel.read(segment)["replay_id"].to_pylist()
        warehouse.update(rows=warehouse["rows"] + rows, position=segment.position)
        channel.mark_consumed("changes", segment.seq)


@EXAMPLES
@given(kills, st.integers(1, 5), st.booleans())
def test_kills_lose_and_skip_no_event(kills, step, sweep):
    url = f"memory://{uuid4().hex}"
    warehouse = {"rows": [], "position": None}
    for kill_at, after in kills:
        for work in (lambda s: drain_once(s, step), lambda s: consume_once(s, warehouse)):
            try:
                work(KillingStore(url, kill_at, after))
            except KilledError:
                continue
        if sweep:
            late = NOW + timedelta(days=30)
            sweep_inbox(ObjectStore(url, lease_s=0.0), older_than=timedelta(days=1), now=late)

    drain_once(ObjectStore(url, lease_s=0.0), step)
    consume_once(ObjectStore(url, lease_s=0.0), warehouse)

    assert sorted(set(warehouse["rows"])) == [position(n) for n in range(1, STREAM + 1, 2)]


def test_segments_can_travel_between_processes(inbox):
    with inbox.channel(CHANNEL).try_write() as writer:
        writer.append(events(1), position(1))

    (segment,) = inbox.channel(CHANNEL).segments("changes")

    assert pickle.loads(pickle.dumps(segment)) == segment
