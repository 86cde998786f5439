"""Of which objects changes are followed, as far as a sync needs to know."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from pipelines.components.configuration import StrictComponent


class FollowsChanges(StrictComponent):
    """A component that follows changes of objects of one org."""

    org: str

    def followed_objects(self) -> Sequence[str]:
        """Their API names; of a plain one none."""
        return ()

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Nothing: what follows builds its own."""
        return dg.Definitions()


def is_followed(tree: dg.ComponentTree, org: str, name: str) -> bool:
    """Whether the project follows the changes of an object."""
    return any(
        one.org == org and name in one.followed_objects()
        for one in tree.get_all_components(FollowsChanges)
    )
