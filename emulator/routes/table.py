"""Which handler answers which path."""

from __future__ import annotations

from emulator.router import Router
from emulator.routes import (
    batch,
    bulk_ingest,
    bulk_query,
    collections,
    composite,
    controls,
    describe,
    events,
    fields,
    limits,
    oauth,
    platform_events,
    query,
    replication,
    rows,
    tree,
    versions,
)

DATA = "/services/data"
API = f"{DATA}/{{version}}"
OAUTH = "/services/oauth2"
CONTROLS = "/_emulator"


def all_routes() -> Router:
    """Every path that the org serves. Fixed paths come before those with names in braces."""
    router = Router()
    _add_login(router)
    _add_controls(router)
    _add_data(router)
    _add_composite(router)
    _add_bulk(router)
    return router


def _add_login(router: Router) -> None:
    router.add("POST", f"{OAUTH}/token", oauth.token, login=False)
    router.add("POST", f"{OAUTH}/introspect", oauth.introspect, login=False)
    for method in ("GET", "POST"):
        router.add(method, f"{OAUTH}/authorize", oauth.authorize, login=False)
        router.add(method, f"{OAUTH}/revoke", oauth.revoke, login=False)
        router.add(method, f"{OAUTH}/userinfo", oauth.show_userinfo)
    router.add("GET", "/.well-known/openid-configuration", oauth.show_discovery, login=False)
    router.add("GET", "/id/keys", oauth.show_keys, login=False)
    router.add("GET", "/id/{org}/{user}", oauth.show_identity)


def _add_controls(router: Router) -> None:
    for method, path, handler in (
        ("GET", "clock", controls.show_clock),
        ("PUT", "clock", controls.set_clock),
        ("POST", "clock/advance", controls.advance_clock),
        ("POST", "records/{object}", controls.change_records),
        ("GET", "records/{object}", controls.show_records),
        ("POST", "faults", controls.add_fault),
        ("GET", "faults", controls.show_faults),
        ("DELETE", "faults", controls.clear_faults),
        ("GET", "cdc", controls.show_cdc),
        ("PUT", "cdc", controls.set_cdc),
        ("GET", "events", events.show_events),
        ("PUT", "events", events.set_events),
        ("POST", "events/burst", events.burst),
        ("POST", "fields/{object}", fields.add),
        ("PUT", "fields/{object}", fields.convert),
        ("GET", "requests", controls.show_requests),
        ("GET", "auth", controls.show_auth),
        ("PUT", "auth", controls.set_auth),
        ("GET", "bulk", controls.show_bulk),
        ("PUT", "bulk", controls.set_bulk),
        ("POST", "reset", controls.reset),
    ):
        router.add(method, f"{CONTROLS}/{path}", handler, login=False)


def _add_data(router: Router) -> None:
    router.add("GET", DATA, versions.list_versions, login=False)
    router.add("GET", API, versions.list_resources)
    router.add("GET", f"{API}/limits", limits.show_limits)
    router.add("GET", f"{API}/limits/recordCount", limits.record_count)
    router.add("GET", f"{API}/query", query.query)
    router.add("GET", f"{API}/queryAll", query.query_all)
    router.add("GET", f"{API}/query/{{locator}}", query.next_page)
    router.add("GET", f"{API}/queryAll/{{locator}}", query.next_page)
    sobject = f"{API}/sobjects/{{object}}"
    router.add("GET", f"{API}/sobjects", describe.show_global)
    router.add("GET", f"{sobject}/describe", describe.show_object)
    router.add("GET", f"{sobject}/eventSchema", platform_events.schema_of_object)
    router.add("GET", f"{API}/event/eventSchema/{{schema}}", platform_events.schema_by_id)
    router.add("GET", f"{sobject}/updated", replication.updated)
    router.add("GET", f"{sobject}/deleted", replication.deleted)
    router.add("GET", sobject, describe.show_basic)
    router.add("POST", sobject, rows.create)
    router.add("GET", f"{sobject}/{{id}}", rows.read)
    router.add("POST", f"{sobject}/{{id}}", rows.create_by_id)
    router.add("PATCH", f"{sobject}/{{id}}", rows.update)
    router.add("DELETE", f"{sobject}/{{id}}", rows.delete)
    router.add("GET", f"{sobject}/{{field}}/{{value}}", rows.read_by_external_id)
    router.add("PATCH", f"{sobject}/{{field}}/{{value}}", rows.upsert)


def _add_composite(router: Router) -> None:
    router.add("POST", f"{API}/composite", composite.composite(router))
    router.add("POST", f"{API}/composite/batch", batch.batch(router))
    router.add("POST", f"{API}/composite/tree/{{object}}", tree.create)
    collection = f"{API}/composite/sobjects"
    router.add("POST", collection, collections.create)
    router.add("PATCH", collection, collections.update)
    router.add("DELETE", collection, collections.delete)
    router.add("GET", f"{collection}/{{object}}", collections.retrieve)
    router.add("POST", f"{collection}/{{object}}", collections.retrieve_posted)
    router.add("PATCH", f"{collection}/{{object}}/{{field}}", collections.upsert)


def _add_bulk(router: Router) -> None:
    jobs = f"{API}/jobs/query"
    router.add("POST", jobs, bulk_query.create)
    router.add("GET", jobs, bulk_query.list_jobs)
    router.add("GET", f"{jobs}/{{job}}", bulk_query.show)
    router.add("PATCH", f"{jobs}/{{job}}", bulk_query.change_state)
    router.add("DELETE", f"{jobs}/{{job}}", bulk_query.delete)
    router.add("GET", f"{jobs}/{{job}}/results", bulk_query.results)
    router.add("GET", f"{jobs}/{{job}}/resultPages", bulk_query.result_pages)
    ingest = f"{API}/jobs/ingest"
    router.add("POST", ingest, bulk_ingest.create)
    router.add("GET", ingest, bulk_ingest.list_jobs)
    router.add("GET", f"{ingest}/{{job}}", bulk_ingest.show)
    router.add("PATCH", f"{ingest}/{{job}}", bulk_ingest.change_state)
    router.add("DELETE", f"{ingest}/{{job}}", bulk_ingest.delete)
    router.add("PUT", f"{ingest}/{{job}}/batches", bulk_ingest.upload)
    router.add("GET", f"{ingest}/{{job}}/successfulResults", bulk_ingest.successful)
    router.add("GET", f"{ingest}/{{job}}/failedResults", bulk_ingest.failed)
    router.add("GET", f"{ingest}/{{job}}/unprocessedRecords", bulk_ingest.unprocessed)
