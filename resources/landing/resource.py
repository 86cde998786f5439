"""The landing store as Dagster sees it: settings in, store out."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from resources.landing.store import LandingStore, open_store


class LandingResource(dg.ConfigurableResource[None]):
    """Where raw result pages and frames lie. Assets receive it as ``landing``."""

    url: str = Field(
        default=".tidegate/landing",
        description="A folder, or a URL that fsspec knows, as s3://bucket/prefix.",
    )
    project_root: str = Field(
        default=".", description="The folder that a relative `url` is relative to."
    )
    keep_days: float = Field(
        default=7,
        ge=1,
        description="Days after which raw pages and frames are deleted; an extract that broke off "
        "is continued within one day.",
    )

    def open(self) -> LandingStore:
        """The store; nothing is created before the first file."""
        return open_store(self.url, project_root=Path(self.project_root).absolute())
