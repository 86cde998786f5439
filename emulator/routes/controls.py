"""The controls under /_emulator: the org's time, its rows, faults, the log of requests."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from emulator.answer import Answer, FilePart
from emulator.call import Call
from emulator.errors import ApiError, ControlError
from emulator.events.journal import Selection
from emulator.routes.control_body import body_of, json_of, number
from emulator.schema.model import Field, SObject
from emulator.settings import SEEDS
from emulator.store.changes import Request
from emulator.store.truth import write_truth
from emulator.timestamps import iso_datetime, parse_moment

_CHANGES = ("create", "update", "delete", "undelete", "purge")
_RECORD_KEYS = {*_CHANGES, "modstamp", "commit_after_s"}


def show_clock(call: Call) -> Answer:
    """GET /_emulator/clock"""
    return _clock_answer(call)


def set_clock(call: Call) -> Answer:
    """PUT /_emulator/clock {"now": ISO}"""
    call.org.clock.set(_moment(body_of(call, {"now"}).get("now"), "now"))
    return _clock_answer(call)


def advance_clock(call: Call) -> Answer:
    """POST /_emulator/clock/advance {"seconds": n}"""
    call.org.clock.advance(number(body_of(call, {"seconds"}).get("seconds"), "seconds"))
    return _clock_answer(call)


def change_records(call: Call) -> Answer:
    """POST /_emulator/records/{object}: one transaction, as an internal user"""
    org, sobject = call.org, _sobject(call)
    body = body_of(call, _RECORD_KEYS)
    now = org.settle()
    stamp = _moment(body["modstamp"], "modstamp") if "modstamp" in body else now
    late_s = number(body.get("commit_after_s", 0), "commit_after_s")
    lists: dict[str, Any] = {key: _list(body, key) for key in _CHANGES}
    request = Request(sobject, org.admin.id, stamp.replace(microsecond=0), internal=True, **lists)
    try:
        ids = org.rows.change(request, due=now + timedelta(seconds=late_s) if late_s > 0 else None)
    except ApiError as error:
        raise ControlError(f"{sobject.name}: {error.code}: {error.message}") from None
    return Answer(200, {"ids": ids})


def show_records(call: Call) -> Answer:
    """GET /_emulator/records/{object}?fields=A,B&deleted=true, as NDJSON"""
    org, sobject = call.org, _sobject(call)
    org.settle()
    file = org.temporary_folder / f"records-{uuid.uuid4().hex}.ndjson"
    deleted = call.query.get("deleted", "false").lower() == "true"
    with org.database.reader() as connection:
        write_truth(connection, sobject, _fields(call, sobject), file, include_deleted=deleted)
    part = FilePart(
        file, 0, file.stat().st_size, "application/x-ndjson;charset=UTF-8", remove_after=True
    )
    return Answer(200, part)


def add_fault(call: Call) -> Answer:
    """POST /_emulator/faults"""
    body = json_of(call)
    fault = call.org.faults.add(body)
    return Answer(200, {"number": fault.number})


def show_faults(call: Call) -> Answer:
    """GET /_emulator/faults"""
    return Answer(200, {"faults": call.org.faults.as_json()})


def clear_faults(call: Call) -> Answer:
    """DELETE /_emulator/faults"""
    call.org.faults.clear()
    return Answer(200, {"faults": []})


def show_cdc(call: Call) -> Answer:
    """GET /_emulator/cdc"""
    chosen = call.org.journal.selection
    channels = {name: list(members) for name, members in chosen.channels.items()}
    shown: dict[str, Any] = {"objects": list(chosen.objects)}
    return Answer(200, shown | ({"channels": channels} if channels else {}))


def set_cdc(call: Call) -> Answer:
    """PUT /_emulator/cdc {"objects": […], "channels"?: {"Sales__chn": […]}}"""
    body = body_of(call, {"objects", "channels"})
    channels = body.get("channels", {})
    if not isinstance(channels, dict) or not all(name.endswith("__chn") for name in channels):
        raise ControlError("`channels` holds lists of objects by names that end in __chn")
    selection = Selection(
        tuple(_list(body, "objects")),
        {name: tuple(_list(channels, name)) for name in channels},
    )
    for name in (*selection.objects, *(one for m in selection.channels.values() for one in m)):
        if name not in call.org.schema.objects:
            raise ControlError(f"the org has no object {name}", 404)
    call.org.journal.select(selection)
    call.org.save_state()
    return show_cdc(call)


def show_requests(call: Call) -> Answer:
    """GET /_emulator/requests?since=n"""
    since = call.query.get("since", "0")
    if not since.isdigit():
        raise ControlError(f"`since` is the number of a request; got {since!r}")
    return Answer(200, {"requests": call.org.requests.since(int(since))})


def show_auth(call: Call) -> Answer:
    """GET /_emulator/auth"""
    org = call.org
    return Answer(
        200,
        {
            "rotate_refresh_tokens": org.rotates_refresh_tokens,
            "session_s": org.sessions.session_s,
            "consents": org.web_logins.consents,
        },
    )


def set_auth(call: Call) -> Answer:
    """PUT /_emulator/auth {"rotate_refresh_tokens"?: bool, "session_s"?: n, "consents"?: bool}"""
    body = body_of(call, {"rotate_refresh_tokens", "session_s", "consents"})
    if "rotate_refresh_tokens" in body:
        call.org.rotates_refresh_tokens = body["rotate_refresh_tokens"] is True
    if "session_s" in body:
        call.org.sessions.session_s = number(body["session_s"], "session_s")
    if "consents" in body:
        call.org.web_logins.consents = body["consents"] is True
    return show_auth(call)


def show_bulk(call: Call) -> Answer:
    """GET /_emulator/bulk"""
    jobs = call.org.jobs
    return Answer(200, {"page_rows": jobs.most_page_rows, "batch_rows": jobs.batch_rows})


def set_bulk(call: Call) -> Answer:
    """PUT /_emulator/bulk {"page_rows"?: n or null, "batch_rows"?: n}

    The org sends no more rows in one page of a result, and cuts uploads into such batches.
    """
    body, jobs = body_of(call, {"page_rows", "batch_rows"}), call.org.jobs
    for key in body:
        rows = body[key]
        if rows is None and key == "page_rows":
            continue
        if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
            raise ControlError(f"`{key}` is a whole number from 1 up; got {rows!r}")
    jobs.most_page_rows = body.get("page_rows", jobs.most_page_rows)
    jobs.batch_rows = body.get("batch_rows", jobs.batch_rows)
    return show_bulk(call)


def reset(call: Call) -> Answer:
    """POST /_emulator/reset {"seed"?: …}"""
    seed = body_of(call, {"seed"}).get("seed") if call.body else None
    if seed is not None and seed not in SEEDS:
        raise ControlError(f"`seed` is one of {', '.join(SEEDS)}; got {seed!r}")
    call.org.reset(seed)
    return Answer(200, {"seed": seed or call.org.settings.seed})


def _clock_answer(call: Call) -> Answer:
    now = call.org.settle()
    call.org.save_state()
    return Answer(200, {"now": iso_datetime(now)})


def _sobject(call: Call) -> SObject:
    name = call.arguments["object"]
    found = call.org.schema.object(name)
    if found is None or not found.has_rows:
        raise ControlError(f"the org keeps no rows of an object {name}", 404)
    return found


def _fields(call: Call, sobject: SObject) -> list[Field]:
    asked = [name for name in call.query.get("fields", "").split(",") if name]
    if not asked:
        return [one for one in sobject.fields.values() if not one.is_compound]
    fields = []
    for name in asked:
        field = sobject.field(name)
        if field is None or field.is_compound:
            raise ControlError(f"{sobject.name} has no field {name} with a value of its own", 404)
        fields.append(field)
    return fields


def _list(body: dict[str, Any], key: str) -> list[Any]:
    value = body.get(key, [])
    if not isinstance(value, list):
        raise ControlError(f"`{key}` is a list")
    return value


def _moment(value: Any, key: str) -> datetime:
    try:
        return parse_moment(value if isinstance(value, str) else "")
    except ValueError:
        raise ControlError(f"`{key}` is an ISO datetime; got {value!r}") from None
