"""The key for masks, as Dagster hands it to a run."""

import dagster as dg
from pydantic import Field


class MaskKeyResource(dg.ConfigurableResource[None]):
    """A secret; the same key gives the same masks."""

    key: str = Field(default="", description="Long random text; empty if nothing is masked.")
