"""Settings in, warehouse out."""

from pathlib import Path

import pytest

from resources.warehouse.errors import WarehouseUrlError
from resources.warehouse.resource import WarehouseResource


def test_a_relative_url_is_relative_to_the_project():
    resource = WarehouseResource(url="duckdb:///data/w.duckdb", project_root="/project")

    assert resource.connect().path == Path("/project/data/w.duckdb")


def test_four_slashes_begin_at_the_root():
    resource = WarehouseResource(url="duckdb:////data/w.duckdb", project_root="/project")

    assert resource.connect().path == Path("/data/w.duckdb")


@pytest.mark.parametrize("url", ["postgresql://user:secret@host/db", "w.duckdb", "duckdb:///"])
def test_an_unknown_url_is_refused_without_telling_it(url):
    with pytest.raises(WarehouseUrlError) as caught:
        WarehouseResource(url=url).connect()

    assert "secret" not in str(caught.value)
