"""Further objects and fields from the user's YAML file (`--schema FILE`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml


def read_user_schema(
    path: Path, own: Mapping[str, Mapping[str, Any]], sets: Mapping[str, Sequence[Any]]
) -> dict[str, Mapping[str, Any]]:
    """The org's object specs, with what the file adds."""
    specs = dict(own)
    for name, given in yaml.safe_load(path.read_text("utf-8"))["objects"].items():
        known = specs.get(name, {"name": name, "kind": "custom", "fields": {"Id": {}}})
        specs[name] = {**known, **given, "fields": {**known["fields"], **given.get("fields", {})}}
    return specs
