"""The code location that Dagster loads: what stands in ``defs/``, and what all of it shares."""

from pathlib import Path

import dagster as dg

from assets.mask_key import MaskKeyResource
from pipelines import environment
from pipelines.executor import steps_executor
from pipelines.load_links import with_load_links
from pipelines.started_jobs import with_started_jobs
from resources.landing.resource import LandingResource


@dg.definitions
def defs() -> dg.Definitions:
    """Every sync, load and connection of ``defs/``."""
    found = dg.Definitions.merge(
        dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
        dg.Definitions(
            executor=steps_executor,
            resources={
                "landing": LandingResource(
                    url=environment.landing_url(),
                    project_root=str(environment.CHECKOUT),
                    keep_days=environment.landing_keep_days(),
                ),
                "mask_key": MaskKeyResource(key=environment.mask_key()),
            },
        ),
    )
    return with_load_links(with_started_jobs(found))
