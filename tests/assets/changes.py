"""Following an org's changes in a test: drain, then the real asset, against a real org."""

from dataclasses import replace
from typing import Any

import dagster as dg

from assets.changes import changes_asset
from assets.changes_spec import ChangesSpec
from assets.drain import DrainReport, Until, drain
from assets.specs import ObjectSpec
from pipelines.sensors.tick_drain import beginning
from resources.landing.inbox import Inbox
from tests.assets.conftest import SYNC, Harbour, metadata

IDLE = Until(idle_s=0.3, seconds=30)


class Follower:
    """The changes of some objects, one asset each."""

    def __init__(self, harbour: Harbour, *specs: ObjectSpec, dead_after_tries: int = 5) -> None:
        self.harbour = harbour
        self.specs = [ChangesSpec(SYNC, spec, dead_after_tries) for spec in specs]

    def drain(self, spec: ChangesSpec | None = None, until: Until = IDLE) -> DrainReport:
        """Land what the org has of one object's channel."""
        org = self.harbour.resources["org_salesforce"]
        with org.connect() as client, org.events(client) as pubsub:
            inbox = Inbox(self.harbour.resources["landing"].open(), client.org_id)
            channel = (spec or self.specs[0]).channel
            warehouse = self.harbour.resources["warehouse_default"]
            first = beginning(inbox, channel, warehouse.connect)
            report = drain(pubsub, inbox, channel, until, first=first)
        assert report is not None
        return report

    def apply(self, spec: ChangesSpec | None = None, **settings: Any) -> dg.ExecuteInProcessResult:
        """Materialize the asset."""
        return dg.materialize(
            [changes_asset(spec or self.specs[0])],
            instance=self.harbour.instance,
            resources=self.harbour.resources,
            **settings,
        )

    def follow(self) -> dict[str, Any]:
        """Drain and apply all; what the last asset says."""
        told: dict[str, Any] = {}
        for spec in self.specs:
            self.drain(spec)
            told = metadata(self.apply(spec), spec.key)
        return told

    def with_object(self, **changes: Any) -> "Follower":
        """The same with other settings of the (first) object."""
        one = self.specs[0]
        return Follower(
            self.harbour,
            replace(one.object, **changes),
            dead_after_tries=one.dead_after_tries,
        )
