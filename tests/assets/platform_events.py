"""Following a platform event in a test: publish, drain, then the real asset, against a real org."""

from dataclasses import replace
from typing import Any

import dagster as dg
import pyarrow as pa
import requests

from assets.drain import DrainReport, Until, drain
from assets.event_spec import EventSpec, EventTable, EventTableSpec, with_table
from assets.event_table import event_table_asset
from resources.landing.inbox import ChannelInbox, Inbox
from resources.landing.inbox_segment import RAW_EVENTS
from tests.assets.conftest import Harbour, metadata
from tests.emulator_process import Org

IDLE = Until(idle_s=0.3, seconds=30)
ORDER_EVENTS = EventSpec("salesforce", "Order_Event__e", table=EventTable("order_events"))


class Publisher:
    """Publishes order events by REST, as any system does."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._http = requests.Session()
        self._http.trust_env = False
        answer = self._http.post(
            f"{org.url}/services/oauth2/token",
            data={
                "grant_type": "client_credentials",
                "client_id": org.client_id,
                "client_secret": org.client_secret,
            },
            timeout=30,
        )
        self._token = answer.json()["access_token"]

    def publish(self, order_id: str, action: str = "CREATED", payload: str | None = None) -> str:
        """Publish one; its EventUuid."""
        body = {"Order_Id__c": order_id, "Action__c": action, "Payload__c": payload}
        answer = self._http.post(
            f"{self._org.url}/services/data/v60.0/sobjects/Order_Event__e",
            json=body,
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=30,
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["errors"][0]["message"]


class EventFollower:
    """One event's channel and its table."""

    def __init__(self, harbour: Harbour, spec: EventSpec = ORDER_EVENTS, **changes: Any) -> None:
        self.harbour, self.of = harbour, replace(spec, **changes)
        found = with_table(self.of)
        assert found is not None
        self.spec: EventTableSpec = found

    @property
    def channel(self) -> ChannelInbox:
        landing = self.harbour.resources["landing"]
        return Inbox(landing.open(), self.harbour.org.org_id).channel(self.of.channel)

    def drain(self, until: Until = IDLE) -> DrainReport:
        """Land what the org has."""
        org = self.harbour.resources["org_salesforce"]
        with org.connect() as client, org.events(client) as pubsub:
            inbox = Inbox(self.harbour.resources["landing"].open(), client.org_id)
            report = drain(pubsub, inbox, self.of.channel, until)
        assert report is not None
        return report

    def apply(self, **settings: Any) -> dg.ExecuteInProcessResult:
        """Materialize the asset."""
        return dg.materialize(
            [event_table_asset(self.spec)],
            instance=self.harbour.instance,
            resources=self.harbour.resources,
            **settings,
        )

    def follow(self) -> dict[str, Any]:
        """Drain and apply; what the asset says."""
        self.drain()
        return metadata(self.apply(), self.spec.key)

    def landed(self) -> list[dict[str, Any]]:
        """All events of the inbox, as they came."""
        segments = self.channel.segments("nobody")
        return [event for one in segments for event in self.channel.read(one).to_pylist()]

    def land(self, *changed: dict[str, Any]) -> None:
        """Land one more segment: the last event again, with some of its parts replaced."""
        good = self.landed()[-1]
        rows = [{**good, **change} for change in changed]
        with self.channel.try_write() as writer:
            writer.append(
                pa.RecordBatch.from_pylist(rows, schema=RAW_EVENTS), rows[-1]["replay_id"]
            )

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        """Rows of the table in the order of their positions."""
        named = ", ".join(columns)
        return self.harbour.query(
            f"SELECT {named} FROM salesforce.order_events ORDER BY _replay_id"
        )
