"""Descriptions as JSON and back, for what is kept from run to run."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from resources.salesforce.describe import FieldDescribe, SObjectDescribe, SObjectSummary


def describe_to_json(describe: SObjectDescribe) -> dict[str, Any]:
    """What ``describe_from_json`` reads."""
    return asdict(describe)


def describe_from_json(kept: Mapping[str, Any]) -> SObjectDescribe:
    """The description.

    Raises:
        KeyError, TypeError: It isn't of this form, which other versions may have written.
    """
    fields = tuple(_field(one) for one in kept["fields"])
    return SObjectDescribe(SObjectSummary(**kept["summary"]), fields, kept["last_modified"])


def _field(kept: Mapping[str, Any]) -> FieldDescribe:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()
    }
    return FieldDescribe(**values)
