"""Draws the arrow from each load to the object in the org that it writes."""

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from assets.load_translator import WRITES_TO

Upstream = Mapping[dg.AssetKey, Sequence[dg.AssetKey]]


def with_load_links(defs: dg.Definitions) -> dg.Definitions:
    """The definitions with each object below the loads that write it.

    Where the load's rows come from that very object, the arrow would close a circle, which Dagster
    refuses: the object then stays where it is, at the beginning.
    """
    specs = defs.resolve_all_asset_specs()
    links = load_links(specs)
    if not links:
        return defs
    return defs.permissive_map_resolved_asset_specs(
        func=lambda spec: (
            spec.merge_attributes(deps=links[spec.key]) if spec.key in links else spec
        ),
        selection=None,
    )


def load_links(specs: Iterable[dg.AssetSpec]) -> dict[dg.AssetKey, list[dg.AssetKey]]:
    """Objects in an org and the loads above them, as far as no circle comes of it."""
    upstream = {spec.key: [dep.asset_key for dep in spec.deps] for spec in specs}
    links: dict[dg.AssetKey, list[dg.AssetKey]] = {}
    for spec in specs:
        target = spec.metadata.get(WRITES_TO)
        if target is None:
            continue
        written = dg.AssetKey.from_user_string(str(target))
        if written in upstream and not _reaches(upstream, spec.key, written):
            links.setdefault(written, []).append(spec.key)
            upstream[written].append(spec.key)
    return links


def _reaches(upstream: Upstream, start: dg.AssetKey, wanted: dg.AssetKey) -> bool:
    seen: set[dg.AssetKey] = set()
    waiting = [start]
    while waiting:
        key = waiting.pop()
        if key == wanted:
            return True
        if key not in seen:
            seen.add(key)
            waiting += upstream.get(key, ())
    return False
