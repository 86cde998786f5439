"""An object's description as an earlier run has read it, until the org has confirmed it.

Runs that apply events are many and short, and a description is as large as thousands of records.
So it is kept from run to run, and whether it still holds is asked in the call that reads records.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from resources.landing import paths
from resources.landing.errors import LandingError
from resources.landing.store import LandingStore, read_json, write_json
from resources.salesforce.client import SalesforceClient
from resources.salesforce.describe import DescribeChangedError, SObjectDescribe
from resources.salesforce.describe_json import describe_from_json, describe_to_json

#: No source says that a field which is shown to a user from now on counts as a change. A sync
#: downloads the description, and keeps it here, so that both know the same fields.
KEPT_FOR = timedelta(hours=1)


class KnownDescribe:
    """One object's, for one run.

    No row may be committed, and no event be counted as unreadable, before it is confirmed: by
    ``question`` with a read, or by ``confirm``. Either raises ``DescribeChangedError``.
    """

    def __init__(self, client: SalesforceClient, store: LandingStore, object_name: str) -> None:
        self._client, self._store, self._name = client, store, object_name
        kept = self._kept()
        self._confirmed = self._fresh = kept is None
        self.value = kept or keep_describe(client, store, client.describe(object_name))

    @property
    def question(self) -> SObjectDescribe | None:
        """What the next read is to ask about; None: nothing any more."""
        return None if self._confirmed else self.value

    def answered(self) -> None:
        """A read has asked ``question``, and nothing has changed."""
        self._confirmed = True

    def confirm(self) -> None:
        """Ask by a call of its own, if it wasn't asked yet."""
        if self._confirmed:
            return
        found = self._client.describe(self._name, unless_changed=self.value)
        if found is not self.value:
            raise DescribeChangedError(found)
        self._confirmed = True

    def renew(self) -> bool:
        """Download it, unless this run did: rights change without a word. Whether it is another."""
        if self._fresh:
            return False
        before = self.value
        self.replace(self._client.describe(self._name))
        return self.value != before

    def replace(self, describe: SObjectDescribe) -> None:
        """Take what the org has told in this run instead."""
        self.value = keep_describe(self._client, self._store, describe)
        self._confirmed = self._fresh = True

    def _kept(self) -> SObjectDescribe | None:
        try:
            document = read_json(self._store, _path(self._client, self._name))
            age = datetime.now(UTC) - datetime.fromisoformat(document["kept_at"])
            kept = describe_from_json(document["describe"])
        except (LandingError, KeyError, TypeError, ValueError):
            return None
        return kept if kept.last_modified and timedelta(0) <= age < KEPT_FOR else None


def keep_describe(
    client: SalesforceClient, store: LandingStore, describe: SObjectDescribe
) -> SObjectDescribe:
    """Keep what was downloaded just now for the runs that follow; the same."""
    kept_at = datetime.now(UTC).isoformat()
    document = {"kept_at": kept_at, "describe": describe_to_json(describe)}
    write_json(store, _path(client, describe.name), document)
    return describe


def _path(client: SalesforceClient, object_name: str) -> str:
    version = client.settings.api_version
    return paths.describe_file(client.org_id, client.user_id, version, object_name)
