"""Manifests come back as they were written, and only in the version that we know."""

import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest

from resources.landing import errors
from resources.landing.errors import FormatError, MissingFileError
from resources.landing.frames import FramesFolder
from resources.landing.local_store import LocalStore
from resources.landing.manifest import (
    ExtractManifest,
    PageRecord,
    read_extract_manifest,
    read_frames_manifest,
    write_extract_manifest,
)
from resources.landing.store import read_json, write_json

MOMENT = datetime(2026, 9, 2, 2, 0, 0, 123000, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path)


def manifest(**facts):
    first = PageRecord(0, "a/pages/0.json", 2, 20, "ab", None, "/query/2", MOMENT, MOMENT)
    defaults = {
        "manifest_id": "extracts/org/Account/digest/attempt",
        "org_id": "00D000000000001AAA",
        "object": "Account",
        "api": "rest",
        "api_version": "66.0",
        "query": "SELECT Id FROM Account WHERE Name = 'Zoë'",
        "columns": ("Id",),
        "all_rows": True,
        "window_start": None,
        "window_end": MOMENT,
        "read_from": MOMENT,
        "read_to": MOMENT + timedelta(seconds=1),
        "job_id": None,
        "announced_rows": 3,
        "api_calls": 2,
        "pages": (first, PageRecord(1, "a/pages/1.json", 1, 10, "cd", "/query/2", None)),
        "doubts": ("One job may be left.",),
    }
    return ExtractManifest(**{**defaults, **facts})


def test_an_extract_manifest_comes_back_as_it_was(store):
    written = manifest()

    write_extract_manifest(store, written)

    assert read_extract_manifest(store, written.manifest_id) == written
    assert (written.rows, written.bytes) == (3, 30)


def test_times_are_kept_whatever_zone_they_came_in(store):
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=5)))

    write_extract_manifest(store, manifest(read_from=elsewhere))

    assert read_extract_manifest(store, manifest().manifest_id).read_from == MOMENT


def test_another_version_is_refused(store):
    write_extract_manifest(store, manifest())
    path = f"{manifest().manifest_id}/manifest.json"
    write_json(store, path, {**read_json(store, path), "version": 2})

    with pytest.raises(FormatError, match="its format is 2, this version knows 1"):
        read_extract_manifest(store, manifest().manifest_id)


def test_a_field_that_is_unknown_is_refused(store):
    write_extract_manifest(store, manifest())
    path = f"{manifest().manifest_id}/manifest.json"
    write_json(store, path, {**read_json(store, path), "surprise": 1})

    with pytest.raises(FormatError, match="surprise"):
        read_extract_manifest(store, manifest().manifest_id)


def test_frames_are_recorded_with_what_they_were_made_of(store):
    with FramesFolder(store, "00D000000000001AAA", "Account") as folder:
        for kind, rows in (("images", 5), ("images", 3), ("removals", 2)):
            with folder.create(kind) as file:
                file.write(b"arrow")
            folder.record(kind, rows=rows, size_bytes=5)
        folder.write_manifest(("extracts/a",), {"windows": [1]})

    frames = read_frames_manifest(store, folder.frames_id)
    assert frames.rows == 8
    assert frames.sources == ("extracts/a",)
    assert frames.details == {"windows": [1]}
    assert [file.rows for file in frames.of_kind("removals")] == [2]
    assert all(store.exists(file.path) for file in frames.files)


def test_frames_without_manifest_do_not_count(store):
    with FramesFolder(store, "00D000000000001AAA", "Account") as folder:
        pass

    with pytest.raises(MissingFileError):
        read_frames_manifest(store, folder.frames_id)


@pytest.mark.parametrize(
    "error",
    [
        errors.MissingFileError("file:///landing", "a/b"),
        errors.FormatError("a/b", "not JSON"),
        errors.LedgerOrderError("a/b", "close", "there is no manifest"),
        errors.LostLeaseError("a/b", 900.0),
    ],
)
def test_errors_survive_pickling(error):
    copy = pickle.loads(pickle.dumps(error))

    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
