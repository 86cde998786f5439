"""Files appear whole or not at all, on local disk and in object storage."""

import subprocess
import sys
from collections.abc import Callable
from typing import ClassVar
from uuid import uuid4

import pytest
from fsspec import register_implementation
from fsspec.implementations.memory import MemoryFileSystem

from resources.landing.errors import FormatError, LostLeaseError, MissingFileError
from resources.landing.local_store import LocalStore
from resources.landing.object_store import ObjectStore
from resources.landing.resource import LandingResource
from resources.landing.store import open_store, read_bytes, read_json, write_json


@pytest.fixture(params=["local", "memory", "fsspec-file"])
def store(request, tmp_path):
    if request.param == "local":
        return LocalStore(tmp_path / "landing")
    if request.param == "memory":
        return ObjectStore(f"memory://{uuid4().hex}")
    return ObjectStore((tmp_path / "landing").as_uri())


def put(store, path, content):
    with store.create(path) as file:
        file.write(content)


def test_what_was_written_is_read(store):
    put(store, "a/b/page.csv", b"x" * 100_000)

    assert read_bytes(store, "a/b/page.csv") == b"x" * 100_000
    assert store.exists("a/b/page.csv")
    assert store.size("a") == 100_000


def test_a_file_is_seekable(store):
    put(store, "a/frame", b"0123456789")

    with store.open("a/frame") as file:
        file.seek(8)
        assert file.read() == b"89"


def test_a_file_whose_writer_fails_never_appears(store):
    def write_half():
        with store.create("a/page.csv") as file:
            file.write(b"half a pa")
            raise ValueError("cut short")

    with pytest.raises(ValueError, match="cut short"):
        write_half()

    assert store.list("a") == []
    assert not store.exists("a/page.csv")


def test_an_unfinished_file_is_not_listed(store):
    with store.create("a/page.csv") as file:
        file.write(b"half")
        assert store.list("a") == []
        assert not store.exists("a/page.csv")


def test_a_file_can_be_replaced(store):
    put(store, "a/page.csv", b"first")
    put(store, "a/page.csv", b"2nd")

    assert read_bytes(store, "a/page.csv") == b"2nd"


def test_names_directly_below_a_folder_are_listed_in_order(store):
    for path in ("a/2.csv", "a/1.csv", "a/b/3.csv", "c/4.csv"):
        put(store, path, b"x")

    assert store.list("a") == ["1.csv", "2.csv", "b"]
    assert store.list("nowhere") == []


def test_a_deleted_folder_is_gone_and_deleting_it_twice_does_no_harm(store):
    put(store, "a/b/1.csv", b"x")
    put(store, "a/c/1.csv", b"x")

    store.delete_tree("a/b")
    store.delete_tree("a/b")

    assert store.list("a/b") == []
    assert not store.exists("a/b/1.csv")
    assert store.exists("a/c/1.csv")


def test_a_missing_file_is_an_error_that_names_it(store):
    with pytest.raises(MissingFileError, match=r"a/page\.csv"):
        store.open("a/page.csv")


def test_json_comes_back_and_broken_json_is_named(store):
    write_json(store, "a/good.json", {"name": "Zoë", "rows": 3})
    put(store, "a/bad.json", b'{"name": ')
    put(store, "a/list.json", b"[]")

    assert read_json(store, "a/good.json") == {"name": "Zoë", "rows": 3}
    for path in ("a/bad.json", "a/list.json"):
        with pytest.raises(FormatError, match=path):
            read_json(store, path)


def test_a_lease_is_given_once_until_it_is_released(store):
    lease = store.try_lease("a/attempt")

    assert store.try_lease("a/attempt") is None
    assert store.try_lease("a/other") is not None
    lease.renew()
    lease.release()
    lease.release()
    assert store.try_lease("a/attempt") is not None


def test_a_lease_is_not_listed(store):
    store.try_lease("a/attempt")

    assert store.list("a/attempt") == []


def test_a_process_that_dies_frees_its_local_lease_at_once(tmp_path):
    program = (
        "import pathlib, sys; from resources.landing.local_store import LocalStore;"
        " lease = LocalStore(pathlib.Path(sys.argv[1])).try_lease('attempt');"
        " print('leased', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"leased\n"
    store = LocalStore(tmp_path)
    while_alive = store.try_lease("attempt")

    process.kill()
    process.communicate(timeout=30)

    assert while_alive is None
    assert store.try_lease("attempt") is not None


def test_a_lease_in_object_storage_ends_by_time_and_its_owner_notices():
    store = ObjectStore(f"memory://{uuid4().hex}", lease_s=0.0)
    first = store.try_lease("a/attempt")

    second = store.try_lease("a/attempt")

    assert second is not None
    with pytest.raises(LostLeaseError):
        first.renew()
    second.renew()


class RacingFiles(MemoryFileSystem):
    """A file system on which somebody else acts right after the next read of a lease."""

    protocol = "racing"
    cachable = False
    rivals: ClassVar[list[Callable[[], object]]] = []

    def cat_file(self, path, *args, **kwargs):
        content = super().cat_file(path, *args, **kwargs)
        if ".lease" in path and self.rivals:
            self.rivals.pop()()
        return content


def test_of_two_that_take_over_an_ended_lease_one_has_it():
    register_implementation("racing", RacingFiles, clobber=True)
    url = f"racing://{uuid4().hex}"
    ended = ObjectStore(url, lease_s=0.0)
    ended.try_lease("a/attempt")
    leases = []
    RacingFiles.rivals.append(lambda: leases.append(ended.try_lease("a/attempt")))

    leases.append(ended.try_lease("a/attempt"))

    owners = [lease for lease in leases if lease is not None]
    assert len(leases) == 2
    assert len(owners) == 1
    owners[0].renew()


def test_an_owner_that_comes_back_late_does_no_harm_to_the_next():
    store = ObjectStore(f"memory://{uuid4().hex}", lease_s=0.0)
    late = store.try_lease("a/attempt")
    second = store.try_lease("a/attempt")
    late.release()
    second.renew()
    second.release()
    third = store.try_lease("a/attempt")

    with pytest.raises(LostLeaseError):
        late.renew()
    late.release()
    third.renew()


def test_urls_choose_the_store(tmp_path):
    assert open_store("landing", project_root=tmp_path).local_path("a") == tmp_path / "landing/a"
    assert open_store(f"file://{tmp_path}").local_path("a") == tmp_path / "a"
    assert open_store("memory://bucket/prefix").local_path("a") is None
    resource = LandingResource(url="landing", project_root=str(tmp_path))
    assert resource.open().local_path("a") == tmp_path / "landing/a"


def test_a_lease_is_never_on_a_folder_that_was_deleted_meanwhile(tmp_path):
    store = LocalStore(tmp_path)
    moments = ["between opening and locking"]

    def delete_once(event, _):
        if event == "fcntl.flock" and moments:
            moments.clear()
            store.delete_tree("a/b")

    sys.addaudithook(delete_once)
    lease = store.try_lease("a/b")

    assert not moments
    assert store.try_lease("a/b") is None
    lease.release()
