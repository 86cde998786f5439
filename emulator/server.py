"""The ASGI application: reads a request, lets a thread answer it, sends the answer, logs it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from emulator.call import Call
from emulator.delivery import deliver
from emulator.incoming_body import IncomingBody, is_upload
from emulator.org import Org
from emulator.request_log import LoggedRequest
from emulator.responder import Responder, Response
from emulator.routes.table import CONTROLS, all_routes
from emulator.timestamps import iso_datetime

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Server:
    """Serves one org over HTTP."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._responder = Responder(all_routes())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        call = await self._read(scope, receive)
        if call is None:
            return
        response = await run_in_threadpool(self._responder.respond, call)
        if call.body_file is not None:
            call.body_file.unlink(missing_ok=True)
        if delay_s := response.fault.get("delay_s"):
            await asyncio.sleep(float(delay_s))
        entry = self._note(call, response)
        # After the body, all that can still come is the end of the connection.
        hung_up = asyncio.ensure_future(receive())
        await deliver(
            send,
            response.answer,
            response.headers,
            response.fault,
            accepts_gzip="gzip" in call.headers.get("accept-encoding", ""),
            pretty=call.headers.get("x-prettyprint") == "1",
            head_only=scope["method"] == "HEAD",
            gone=hung_up.done,
            count=entry.count,
        )
        hung_up.cancel()

    async def _read(self, scope: Scope, receive: Receive) -> Call | None:
        """The request; None when its sender hung up before its end, and nobody waits for it."""
        body = IncomingBody(self._org.temporary_folder, is_upload(scope["method"], scope["path"]))
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                body.drop()
                return None
            body.add(message.get("body", b""))
            if not message.get("more_body"):
                break
        return Call(
            org=self._org,
            method=scope["method"],
            raw_path=scope["raw_path"].decode("latin-1"),
            raw_query=scope["query_string"].decode("latin-1"),
            headers=Headers(scope=scope),
            body=body.content,
            body_file=body.close(),
            now=self._org.clock.now(),
        )

    def _note(self, call: Call, response: Response) -> LoggedRequest:
        """Log a request before its answer, so that whoever has the answer finds it in the log."""
        entry = LoggedRequest(
            at=iso_datetime(call.now),
            method=call.method,
            path=call.raw_path,
            status=response.answer.status,
            api_calls=response.api_calls,
        )
        # Queries of the data APIs hold SOQL and locators; those of the login hold secrets.
        if call.session is not None and call.raw_path.startswith("/services/data"):
            entry.query = unquote(call.raw_query.replace("+", " "))
        if not call.raw_path.startswith(CONTROLS):
            self._org.requests.add(entry)
        return entry
