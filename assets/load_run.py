"""Sends what outbound left, each manifest once; and settles what a broken-off run had begun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from assets.errors import InsertsInDoubtError, MissingInputError
from assets.extract import RunIds
from assets.load_parts import PART_ROWS, LoadParts, Terms, terms_now, terms_of
from assets.load_sending import LoadSending, Record
from assets.load_spec import LoadSpec
from assets.outbound_frames import read_outbound, read_refused, rows_refused, rows_to_send
from resources.landing.errors import LoadOvertakenError, MissingFileError
from resources.landing.manifest import FramesManifest
from resources.landing.store import LandingStore
from resources.landing.upload import Upload
from resources.landing.upload_ledger import UploadLedger
from resources.salesforce.client import SalesforceClient
from resources.warehouse.adapter import ApiCalls
from resources.warehouse.load_adapter import OUTCOME_SCHEMA, LoadWarehouse, OutcomeCounts

Report = Callable[[str], None]

# Rows that outbound refused are recorded as this part: the others count from 0.
REFUSED_PART = -1


@dataclass(frozen=True)
class Sent:
    """What became of the rows of one outbound manifest.

    ``run_id`` is the run that began to send it, under which its outcomes stand.
    """

    manifest: FramesManifest
    attempt: str
    run_id: str
    counts: OutcomeCounts
    job_ids: tuple[str, ...]
    rounds: int

    @property
    def rows(self) -> int:
        """Rows that must have an outcome."""
        return rows_to_send(self.manifest) + rows_refused(self.manifest)


@dataclass(frozen=True)
class LoadPlaces:
    """Where a load's rows lie, and where they and their outcomes go."""

    store: LandingStore
    warehouse: LoadWarehouse
    client: SalesforceClient


def send(
    spec: LoadSpec,
    places: LoadPlaces,
    manifest_id: str,
    run: RunIds,
    report: Report,
    part_rows: int = PART_ROWS,
) -> Sent:
    """Send a manifest's rows, or go on where a crash left off; nothing if that was done.

    Raises:
        MissingInputError: Its rows are no longer what there is to send, or another run may have
            sent them.
        InsertsInDoubtError: The same, and what would be sent instead may be in the org already.
        LoadBusyError: Another process works on the load.
        SalesforceError, WarehouseError: The next run goes on.
    """
    manifest = read_outbound(places.store, manifest_id)
    rows, terms = rows_to_send(manifest), terms_of(manifest.details)
    if rows and places.client.org_id != manifest.org_id:
        reason = (
            f"the rows were worked out for the org {manifest.org_id}, and the connection "
            f"{spec.org} is now {places.client.org_id}"
        )
        raise MissingInputError(spec.outbound_key.to_user_string(), reason, "again")
    with _attempt(spec, places, manifest, manifest_id, run) as upload:
        if upload.state.outcome is None:
            record = recorder(spec, places, upload, terms, spec.load_key.to_user_string())
            if rows_refused(manifest):
                record(REFUSED_PART, list(read_refused(places.store, manifest)))
            parts = LoadParts(upload, terms, manifest, part_rows)
            # Settling it was broken off, too: with parts dropped, it must end as settled.
            settling = upload.state.settling
            LoadSending(places.client, spec, parts, rows, record, report, settle=settling).finish()
        if upload.state.outcome == "settled":
            if in_doubt := _inserts_in_doubt(upload, terms):
                raise InsertsInDoubtError(spec.name, in_doubt)
            reason = "the run that began to send the rows was broken off, and later settled"
            raise MissingInputError(spec.outbound_key.to_user_string(), reason, "again")
        return _sent(spec, places.warehouse, manifest, upload)


def _sent(
    spec: LoadSpec, warehouse: LoadWarehouse, manifest: FramesManifest, upload: Upload
) -> Sent:
    parts = upload.state.parts
    return Sent(
        manifest=manifest,
        attempt=upload.attempt,
        run_id=upload.begun_by,
        counts=warehouse.outcome_counts(spec.name, upload.attempt),
        job_ids=tuple(part.job_id for part in parts if part.job_id),
        rounds=upload.state.rounds,
    )


def _attempt(
    spec: LoadSpec, places: LoadPlaces, manifest: FramesManifest, manifest_id: str, run: RunIds
) -> Upload:
    try:
        return UploadLedger(places.store).begin_or_continue(
            manifest.org_id,
            spec.name,
            manifest_id,
            root_run_id=run.root_run_id,
            run_id=run.run_id,
            computed_since=datetime.fromisoformat(manifest.details["computed_since"]),
        )
    except LoadOvertakenError as error:
        raise MissingInputError(spec.outbound_key.to_user_string(), str(error), "again") from error


def settle(spec: LoadSpec, places: LoadPlaces, run: RunIds, report: Report) -> int:
    """See what became of rows that broken-off runs sent, before rows are worked out anew.

    What the org was told to do is awaited and recorded; all else is dropped, and is found
    again among the rows that weren't accepted.

    Returns:
        How many attempts were settled.

    Raises:
        LoadBusyError: Another process works on the load.
        InsertsInDoubtError: All is settled, and what would now be sent may be in the org already.
    """
    ledger, settled, in_doubt = UploadLedger(places.store), 0, 0
    while upload := ledger.next_unfinished(places.client.org_id, spec.name, run_id=run.run_id):
        with upload:
            report(f"Settling what the run {upload.begun_by} had begun to send")
            terms = _terms(spec, places.store, upload)
            record = recorder(spec, places, upload, terms, spec.outbound_key.to_user_string())
            parts = LoadParts(upload, terms, None)
            LoadSending(places.client, spec, parts, 0, record, report, settle=True).finish()
            in_doubt += _inserts_in_doubt(upload, terms)
        settled += 1
    if in_doubt:
        # Once, and without a retry: somebody must look before rows are computed anew.
        raise InsertsInDoubtError(spec.name, in_doubt)
    return settled


def _inserts_in_doubt(upload: Upload, terms: Terms) -> int:
    """Rows that may have been inserted; other operations may be done twice."""
    parts = upload.state.parts if terms.operation == "insert" else ()
    return sum(part.rows for part in parts if upload.lost_reason(part.index) is not None)


def _terms(spec: LoadSpec, store: LandingStore, upload: Upload) -> Terms:
    try:
        return terms_of(read_outbound(store, upload.state.outbound_id).details)
    except MissingFileError:
        return terms_now(spec)


def recorder(
    spec: LoadSpec, places: LoadPlaces, upload: Upload, terms: Terms, asset: str
) -> Record:
    """Gives the warehouse the outcomes of a part, and what has been spent so far."""
    run_id, client = upload.begun_by, places.client

    def record(index: int, outcomes: list[pa.RecordBatch]) -> None:
        sent = index != REFUSED_PART
        sent_at = upload.sent_at(index) if sent else None
        through_at = upload.through_at(index) if sent else None
        api = upload.state.parts[index].api if sent else "bulk"
        places.warehouse.record_outcomes(
            spec.name,
            pa.RecordBatchReader.from_batches(OUTCOME_SCHEMA, outcomes),
            attempt=upload.attempt,
            part=index,
            run_id=run_id,
            org_id=upload.attempt.split("/")[1],
            object_name=terms.object,
            sent_at=sent_at or client.org_now(),
            accepted_at=through_at or client.org_now(),
            api_calls=[ApiCalls(asset, api, client.api_calls)] if client.api_calls else [],
            fold_keys=terms.fold_keys,
            removes_state=terms.operation in ("delete", "hard_delete"),
        )

    return record
