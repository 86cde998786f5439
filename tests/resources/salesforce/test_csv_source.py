"""A file that is lent for a while isn't read any more afterwards."""

import io

import pytest

from resources.salesforce.csv_source import opened


@pytest.mark.parametrize("kind", ["path", "bytes", "lent"])
def test_the_text_is_read_from_its_start(tmp_path, kind):
    (tmp_path / "page.csv").write_bytes(b"skip,header\nrow\n")
    whole = b"skip,header\nrow\n"
    source = {"path": tmp_path / "page.csv", "bytes": whole, "lent": io.BytesIO(whole)}[kind]

    with opened(source, 5) as stream:
        assert stream.readline() == b"header\n"
        assert stream.read(3) == b"row"


def test_a_lent_file_stays_open_and_where_its_owner_wants_it():
    owned = io.BytesIO(b"abcdef")
    with opened(owned, 0) as stream:
        stream.read(2)

    owned.seek(0)
    assert stream.read(3) == stream.readline() == b""  # as pyarrow's late thread would
    assert owned.read() == b"abcdef"
