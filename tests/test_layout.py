"""The top-level names are common words: prove that the ones imported are this checkout's."""

import importlib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", ["pipelines", "assets", "resources", "emulator"])
def test_the_package_of_this_name_is_ours(name):
    assert Path(importlib.import_module(name).__file__).parent == CHECKOUT / name
