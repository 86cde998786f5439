"""One object within one run: what is asked of which system, and what each stage leaves behind.

Each stage hands the next one the id of a manifest on disk. A stage that is run alone starts from
the newest manifest that Dagster knows for its windows.
"""

from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace

import dagster as dg

from assets.errors import UnknownObjectError
from assets.extract import RunIds, land
from assets.keys import ObjectKeys, object_keys
from assets.known_describe import keep_describe
from assets.landed import Landed, PartitionWindow, make_room, read_landed
from assets.landing_sweep import sweep_after
from assets.mask_key import MaskKeyResource
from assets.newest_manifests import newest_manifests, still_kept
from assets.partitions import is_first
from assets.questions import OrgFacts, questions
from assets.row_shape import RowShape
from assets.specs import ObjectSpec, SyncSpec
from assets.spelling import nearest
from assets.transform import drop_raw_pages, transform
from assets.warehouse_table import merge
from assets.windows import Window
from resources.landing.ledger import ExtractLedger
from resources.landing.manifest import (
    ExtractManifest,
    FramesManifest,
    read_extract_manifest,
    read_frames_manifest,
)
from resources.landing.resource import LandingResource
from resources.salesforce.client import SalesforceClient
from resources.salesforce.describe import SObjectDescribe
from resources.salesforce.errors import DigitsError, NotFoundError
from resources.salesforce.resource import SalesforceResource
from resources.warehouse.adapter import MergeResult, Warehouse
from resources.warehouse.resource import WarehouseResource


@dataclass(frozen=True)
class Extracted:
    """An extract on disk: its manifest, and how to read its pages."""

    manifest: ExtractManifest
    landed: Landed
    api_calls: int


@dataclass(frozen=True)
class Transformed:
    """Frames on disk, and the extract they were made of."""

    frames: FramesManifest
    extracted: Extracted
    shape: RowShape


@dataclass(frozen=True)
class Merged:
    """What became of the rows of one extract."""

    result: MergeResult
    transformed: Transformed


class ObjectRun:
    """The stages of one object, as a context manager that closes what it opened."""

    def __init__(self, context: dg.AssetExecutionContext, sync: SyncSpec, spec: ObjectSpec) -> None:
        self.context, self.sync, self.spec = context, sync, spec
        self.keys: ObjectKeys = object_keys(sync, spec)
        self._landing: LandingResource = context.resources.landing
        self.store = self._landing.open()
        mask: MaskKeyResource = context.resources.mask_key
        self._mask_key = mask.key
        self._stack = ExitStack()
        self._client: SalesforceClient | None = None

    def __enter__(self) -> "ObjectRun":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def client(self) -> SalesforceClient:
        """The org, logged in when it's first needed."""
        if self._client is None:
            org: SalesforceResource = getattr(self.context.resources, self.sync.org_resource)
            self._client = self._stack.enter_context(org.connect())
        return self._client

    @property
    def warehouse(self) -> Warehouse:
        resource: WarehouseResource = getattr(self.context.resources, self.sync.warehouse_resource)
        return resource.connect(self.context.log.warning)

    @property
    def api_calls(self) -> int:
        """Requests sent by this run for this object."""
        return self._client.api_calls if self._client else 0

    @property
    def api_calls_left(self) -> int | None:
        """What the org said last, if it was asked."""
        return self._client.limits.left if self._client else None

    @property
    def partition_keys(self) -> list[str]:
        """The windows of this run; none if the object is read whole."""
        return list(self.context.partition_keys) if self.spec.partitions else []

    # ---- the stages

    def extract(self) -> list[Extracted]:
        """Land the answer for this run's windows."""
        describe = self._describe()
        partitions = self._partitions()
        window = self._window(partitions)
        if window is not None:
            window.require_over(self.client.org_now())
        facts = OrgFacts(self.client.org_id, self.client.settings.api_version)
        asked = questions(self.spec, describe, facts, window, partitions)
        self._check_shape(asked.images.landed)

        ledger, run = ExtractLedger(self.store), self._run_ids()
        report = self.context.log.info
        images = asked.images
        if asked.leaving:
            leaving = land(self.client, ledger, asked.leaving, run, report)
            images = replace(images, landed=replace(images.landed, leaving=leaving.manifest_id))
        manifest = land(self.client, ledger, images, run, report)
        landed = read_landed(self.store, manifest.manifest_id)
        return [Extracted(manifest, landed, self.api_calls)]

    def transform(self, extracted: list[Extracted] | None) -> list[Transformed]:
        """Make frames of the extracts of this run, or of the newest ones."""
        if extracted is None:
            ids = self._newest(self.keys.extract, "transform starts from landed pages")
            with self._kept():
                extracted = [self._read_extracted(manifest_id) for manifest_id in ids]
        return [self._transform(one) for one in extracted]

    def merge(self, transformed: list[Transformed] | None) -> list[Merged]:
        """Merge the frames of this run, or the newest ones."""
        if transformed is None:
            ids = self._newest(self.keys.transform, "the table starts from frames")
            with self._kept():
                transformed = [self._read_transformed(frames_id) for frames_id in ids]
        return [self._merge(one) for one in transformed]

    def sweep_landing(self) -> None:
        """Delete result pages and frames that are too old, once a day."""
        sweep_after(self.context, self._landing)

    # ---- their parts

    def _describe(self) -> SObjectDescribe:
        try:
            return keep_describe(self.client, self.store, self.client.describe(self.spec.name))
        except NotFoundError:
            names = [known.name for known in self.client.describe_global()]
            raise UnknownObjectError(self.spec.name, nearest(self.spec.name, names)) from None

    def _partitions(self) -> tuple[PartitionWindow, ...]:
        definition = self._definition()
        if definition is None:
            return ()
        windows = []
        for key in self.partition_keys:
            window = definition.time_window_for_partition_key(key)
            first = is_first(definition, window.start)
            windows.append(PartitionWindow(key, window.start, window.end, first))
        return tuple(windows)

    def _definition(self) -> dg.TimeWindowPartitionsDefinition | None:
        if self.spec.partitions is None:
            return None
        definition = self.context.assets_def.partitions_def
        assert isinstance(definition, dg.TimeWindowPartitionsDefinition)
        return definition

    def _window(self, partitions: tuple[PartitionWindow, ...]) -> Window | None:
        if not partitions:
            return None
        return Window(
            start=None if partitions[0].open_start else partitions[0].start,
            end=partitions[-1].end,
            margin_s=self.spec.late_commit_margin_s,
            partitions=len(partitions),
        )

    def _run_ids(self) -> RunIds:
        run = self.context.run
        return RunIds(run.run_id, run.root_run_id or run.run_id)

    def _check_shape(self, landed: Landed) -> None:
        """Names, mask key and transform are wrong before the first job, or not at all."""
        RowShape(self.sync, self.spec, landed, self._mask_key)

    def _transform(self, extracted: Extracted) -> Transformed:
        shape = RowShape(self.sync, self.spec, extracted.landed, self._mask_key)
        try:
            frames = transform(self.store, extracted.manifest, shape)
        except DigitsError as error:
            landed = make_room(self.store, extracted.manifest.manifest_id, error.column)
            if landed is None:
                raise
            self.context.log.info(
                f"{error.column} holds numbers with more digits than its {error.wanted}, which the "
                f"API keeps: read as {landed.schema.field(error.column).type}."
            )
            return self._transform(replace(extracted, landed=landed))
        if shape.masked:
            drop_raw_pages(self.store, frames)
        return Transformed(frames, extracted, shape)

    def _merge(self, transformed: Transformed) -> Merged:
        extracted = transformed.extracted
        result = merge(
            self.warehouse,
            self.store,
            transformed.frames,
            extracted.manifest,
            extracted.landed,
            transformed.shape,
            self.spec,
            run_id=self.context.run.run_id,
            asset=self.keys.table.to_user_string(),
            api_calls=extracted.api_calls,
            run_calls=self.api_calls,
            connect=lambda: self.client,
        )
        return Merged(result, transformed)

    # ---- starting from what lies on disk

    def _read_extracted(self, manifest_id: str) -> Extracted:
        manifest = read_extract_manifest(self.store, manifest_id)
        return Extracted(manifest, read_landed(self.store, manifest_id), manifest.api_calls)

    def _read_transformed(self, frames_id: str) -> Transformed:
        frames = read_frames_manifest(self.store, frames_id)
        extracted = self._read_extracted(str(frames.details["extract"]))
        shape = RowShape(self.sync, self.spec, extracted.landed, self._mask_key)
        return Transformed(frames, extracted, shape)

    def _newest(self, key: dg.AssetKey, what: str) -> list[str]:
        return newest_manifests(self.context.instance, key, self.partition_keys, what)

    def _kept(self) -> AbstractContextManager[None]:
        return still_kept(self.keys.extract, self._landing.keep_days)
