"""The ledger of loads: which attempts there are, so that a crash never sends a row twice.

Each attempt has its own folder (``paths``); the load's folder is leased while a process works on
it, so that two runs never send the same load.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from resources.landing import paths, upload_plan
from resources.landing.errors import LedgerOrderError, LoadBusyError, LoadOvertakenError
from resources.landing.manifest import write_document
from resources.landing.store import LandingStore, Lease
from resources.landing.upload import Upload, release_all
from resources.landing.upload_entry import UploadIntent, read_upload
from resources.landing.upload_plan import UploadState


class UploadLedger:
    """Begins sending a load, or goes on with what a crash left."""

    def __init__(
        self, store: LandingStore, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.store = store
        self._now = now

    def begin_or_continue(
        self,
        org_id: str,
        load: str,
        outbound_id: str,
        *,
        root_run_id: str,
        run_id: str,
        computed_since: datetime,
    ) -> Upload:
        """The one attempt at sending an outbound manifest; ask it for its ``next_steps``.

        An attempt that has ended is returned as such, whichever run made it: a manifest is sent
        once.

        Args:
            computed_since: When working the manifest's rows out began. What another run has sent
                since may be among them.

        Raises:
            LoadBusyError: Another process works on the load.
            LoadOvertakenError: Another run has begun to send the load since ``computed_since``.
        """
        leases = self._lease(org_id, load)
        try:
            entries = self._entries(org_id, load)
            state = upload_plan.of_manifest(entries, outbound_id)
            if state is None:
                later = [one.begun_at for one in entries if one.begun_at > computed_since]
                if later:
                    raise LoadOvertakenError(load, max(later))
                state = self._begin(org_id, load, outbound_id, root_run_id, run_id)
            return self._upload(state, run_id, leases)
        except BaseException:
            release_all(leases)
            raise

    def next_unfinished(self, org_id: str, load: str, *, run_id: str) -> Upload | None:
        """The oldest attempt that was broken off, to be settled before rows are computed anew.

        Raises:
            LoadBusyError: Another process works on the load.
        """
        leases = self._lease(org_id, load)
        try:
            left = upload_plan.unfinished(self._entries(org_id, load))
            if left:
                return self._upload(left[0], run_id, leases)
        except BaseException:
            release_all(leases)
            raise
        release_all(leases)
        return None

    def lease_load(self, org_id: str, load: str) -> Lease:
        """Keep other runs from sending this load, while its rows are worked out.

        Raises:
            LoadBusyError: Another process works on the load.
        """
        return self._lease(org_id, load)[0]

    def _lease(self, org_id: str, load: str) -> list[Lease]:
        folder = paths.load_folder(org_id, load)
        lease = self.store.try_lease(folder)
        if lease is None:
            raise LoadBusyError(load, folder)
        return [lease]

    def _upload(self, state: UploadState, run_id: str, leases: list[Lease]) -> Upload:
        # The janitor asks for the lease of the attempt itself.
        own = self.store.try_lease(state.attempt)
        if own is None:
            raise LoadBusyError(state.attempt.split("/")[-2], state.attempt)
        leases.insert(0, own)
        # It may have swept the attempt between our look and our lease.
        fresh = read_upload(self.store, state.attempt)
        if fresh is None:
            raise LedgerOrderError(state.attempt, "continue", "it was deleted by age just now")
        return Upload(self.store, fresh, run_id, leases, self._now)

    def _entries(self, org_id: str, load: str) -> list[UploadState]:
        folder = paths.load_folder(org_id, load)
        entries = [read_upload(self.store, f"{folder}/{name}") for name in self.store.list(folder)]
        return [entry for entry in entries if entry is not None]

    def _begin(
        self, org_id: str, load: str, outbound_id: str, root_run_id: str, run_id: str
    ) -> UploadState:
        now = self._now()
        attempt = f"{paths.load_folder(org_id, load)}/{paths.new_stamp(now)}"
        intent = UploadIntent(org_id, load, outbound_id, root_run_id, run_id, now)
        write_document(self.store, f"{attempt}/{paths.INTENT}", intent)
        return UploadState(attempt, outbound_id, root_run_id, now)
