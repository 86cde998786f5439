"""Channels that the project subscribes to, as commands see them."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from assets.changes_spec import ChangesSpec


@dataclass(frozen=True)
class Subscribed:
    """A channel, and the asset that applies what has landed of it.

    Args:
        org: The connection's name.
        warehouse: The warehouse connection's name.
        key: The asset.
        consumer: Under which name the asset keeps how far it is.
        step: The name of the asset's step.
    """

    org: str
    warehouse: str
    channel: str
    key: dg.AssetKey
    consumer: str
    step: str


def subscribed_to_changes(spec: ChangesSpec) -> Subscribed:
    """The channel of an object's changes."""
    return Subscribed(
        spec.org, spec.sync.warehouse, spec.channel, spec.key, spec.consumer, spec.step
    )
